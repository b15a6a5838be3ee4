import type { SignInFacts } from '../domain/authorization.ts'
import { OAuthError } from '../domain/errors.ts'
import { AUTHORIZATION_CODE_LIFETIME } from '../domain/trusted-application.ts'
import type { User } from '../domain/user.ts'
import type { Clock } from '../lib/clock.ts'
import { digest, newId, newSecret, type Random } from '../lib/secrets.ts'
import type { Store } from '../repositories/store.ts'
import type { SignedIn } from './interaction.ts'
import type { AuthorizationRequest } from './request.ts'

/** Makes the ID token that comes with a code. @see OIDC Core §3.3.2.11 */
export type SignFrontChannelIdToken = (subject: {
  readonly applicationUri: string
  readonly user: User
  readonly signIn: SignInFacts
  readonly nonce: string | undefined
  readonly code: string
}) => Promise<string>

interface Dependencies {
  readonly store: Pick<Store, 'write'>
  readonly clock: Clock
  readonly random: Random
  readonly signIdToken: SignFrontChannelIdToken
}

export type IssueCode = ReturnType<typeof createIssueCode>

/** Gives the app the code it asked for, and the ID token where the response type wants one. @see RFC 6749 §4.1.2 */
export function createIssueCode({ store, clock, random, signIdToken }: Dependencies) {
  return async function issueCode(
    request: AuthorizationRequest,
    { user, session }: SignedIn,
    interaction: string,
  ): Promise<Record<string, string>> {
    const { app, nonce } = request
    const code = newSecret(random)
    const stored = await store.write(({ codes }) =>
      codes.add(digest(code), {
        interaction,
        family: newId(),
        applicationUri: app.applicationUri,
        userId: user.id,
        appEpoch: app.epoch,
        userEpoch: user.epoch,
        signIn: session,
        scope: request.scope,
        resources: request.resources,
        redirectUri: request.redirectUri,
        nonce,
        codeChallenge: request.codeChallenge,
        expiresAt: clock() + AUTHORIZATION_CODE_LIFETIME,
      }),
    )
    if (!stored)
      throw new OAuthError('interaction_expired', 'this sign-in was completed before; begin again in the app', {
        rule: 'interaction-completed',
        client_id: app.applicationUri,
        cause: 'the code of this very sign-in has been redeemed: the page was opened again afterwards',
      })
    if (request.responseType === 'code') return { code }
    return {
      code,
      id_token: await signIdToken({ applicationUri: app.applicationUri, user, signIn: session, nonce, code }),
    }
  }
}
