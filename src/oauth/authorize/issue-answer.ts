import type { SignInFacts, TokenResponse } from '../../domain/access/authorization.ts'
import { type ReadCatalogue, type Target, targetOf } from '../../domain/access/resource-indicators.ts'
import type { TokenBinding } from '../../domain/access/token-binding.ts'
import { answersWith } from '../../domain/apps/app-choices.ts'
import {
  AUTHORIZATION_CODE_LIFETIME,
  accessTokenLifetime,
  type TrustedApplication,
} from '../../domain/apps/trusted-application.ts'
import type { Audit, AuditEvent } from '../../domain/instance/audit.ts'
import { claimsOfScopes, type RequestedClaims } from '../../domain/protocol/requested-claims.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { tokenIssued } from '../../domain/tokens/token-issued.ts'
import type { User } from '../../domain/users/user.ts'
import { digest, newId, newSecret, type Random } from '../../lib/crypto/secrets.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { OpaqueAccessToken } from '../../store/repositories/tokens/opaque-access-tokens.ts'
import type { Write } from '../../store/store.ts'
import type { SignedIn } from './interaction.ts'
import type { AuthorizationRequest } from './request/request.ts'

/** Makes the ID token of an answer, which vouches for what comes with it. @see OIDC Core §3.2.2.10, §3.3.2.11 */
export type SignFrontChannelIdToken = (subject: {
  readonly app: TrustedApplication
  readonly user: User
  readonly signIn: SignInFacts
  readonly nonce: string | undefined
  readonly code?: string
  readonly accessToken?: string
  /** Names of claims about the person that it holds as well. */
  readonly claims?: readonly string[]
}) => Promise<string>

/** Makes an access token for a person; what is `opaque` is stored with the rest. */
type MintAccessToken = (
  subject: Target & {
    readonly kind: 'user'
    readonly app: TrustedApplication
    readonly user: User
    readonly signIn: SignInFacts
    readonly family: string
    readonly afterSignOut: boolean
    readonly binding: TokenBinding
    readonly claims: RequestedClaims
  },
) => Promise<{
  readonly response: TokenResponse
  readonly tokenId: string
  readonly opaque: OpaqueAccessToken | undefined
}>

interface Dependencies {
  readonly write: Write<
    'sessions' | 'grants' | 'codes' | 'sessionApps' | 'families' | 'opaqueAccessTokens' | 'auditEvents'
  >
  readonly clock: Clock
  readonly random: Random
  readonly signIdToken: SignFrontChannelIdToken
  readonly mintAccessToken: MintAccessToken
  readonly readCatalogue: ReadCatalogue
  readonly audit: Pick<Audit, 'within'>
}

/** What one answer is about. */
export interface Answered {
  readonly request: AuthorizationRequest
  readonly signedIn: SignedIn
  /** What the person must have allowed the app. */
  readonly consent: readonly string[]
  readonly interaction: string
  readonly address: string
}

export type IssueAnswer = ReturnType<typeof createIssueAnswer>

/** Gives the app what its response type asks for: a code, an ID token, an access token. @see RFC 6749 §4.1.2, OIDC Core §3.2.2.5, §3.3.2.5 */
export function createIssueAnswer(dependencies: Dependencies) {
  const { write, clock, random, signIdToken, mintAccessToken, readCatalogue, audit } = dependencies

  async function mint({ request, signedIn: { user, session } }: Answered, family: string) {
    if (!answersWith(request.responseType, 'token')) return undefined
    const { app } = request
    const target = targetOf(request, [], app, await readCatalogue())
    // Through the browser the sender proves to hold nothing.
    const sender = { family, afterSignOut: false, binding: 'none' } as const
    const minted = await mintAccessToken({
      ...{ kind: 'user', app, user, signIn: session, claims: request.claims },
      ...sender,
      ...target,
    })
    return { ...minted, target }
  }

  /** @returns nothing where what was checked no longer holds, and has to be checked again */
  return async function issueAnswer(answered: Answered): Promise<Record<string, string> | undefined> {
    const { request, signedIn, interaction } = answered
    const { app, nonce, responseType } = request
    const { user, session: signIn } = signedIn
    const granted = grantedTo(answered, newId())
    const code = answersWith(responseType, 'code') ? newSecret(random) : undefined
    const minted = await mint(answered, granted.family)
    const accessToken = minted?.response.access_token
    const { address } = answered

    const outcome = await write(async (unit) => {
      // Whoever signs out right now waits until the app is noted that is to be told.
      await unit.sessions.hold(signIn.sid)
      if (!(await unit.grants.mayGrant(granted, answered.consent))) return 'ended'
      const { codeChallenge } = request
      const redirectUri = request.namesRedirect ? request.redirectUri : undefined
      const expiresAt = clock() + AUTHORIZATION_CODE_LIFETIME
      const pending = { ...granted, interaction, redirectUri, nonce, codeChallenge, expiresAt }
      if (code !== undefined && !(await unit.codes.add(digest(code), pending))) return 'completed'
      await unit.sessionApps.note(signIn.sid, app.applicationUri, user.id, clock())
      if (request.ignoredScope.length > 0) await audit.within(unit, scopeIgnored(answered))
      if (minted === undefined) return 'stored'
      const startedAt = clock()
      await unit.families.start({ ...granted, startedAt, expiresAt: startedAt + accessTokenLifetime(app) })
      if (minted.opaque) await unit.opaqueAccessTokens.add(minted.opaque)
      const issued = tokenIssued({ ...minted, ...minted.target, app, user, grant: responseType, address })
      await audit.within(unit, issued)
      return 'stored'
    })
    if (outcome === 'ended') return undefined
    if (outcome === 'completed')
      throw new Refused('interaction_expired', 'this sign-in is already complete; begin again in the app', {
        rule: 'interaction-completed',
        client_id: app.applicationUri,
        cause: 'the code of this sign-in has already been redeemed: the page was opened again afterwards',
      })
    const vouched = { ...(code === undefined ? {} : { code }), ...(accessToken === undefined ? {} : { accessToken }) }
    // Where no access token can fetch them, the claims of the scopes are in here. @see OIDC Core §5.4
    const claims = [...request.claims.idToken, ...(responseType === 'id_token' ? claimsOfScopes(request.scope) : [])]
    return {
      ...(code === undefined ? {} : { code }),
      ...(minted && inParameters(minted.response)),
      ...(answersWith(responseType, 'id_token')
        ? { id_token: await signIdToken({ app, user, signIn, nonce, ...vouched, claims }) }
        : {}),
    }
  }
}

const grantedTo = ({ request, signedIn: { user, session, sessionEpoch } }: Answered, family: string) => ({
  family,
  applicationUri: request.app.applicationUri,
  userId: user.id,
  appEpoch: request.app.epoch,
  userEpoch: user.epoch,
  sessionEpoch,
  signIn: session,
  scope: request.scope,
  resources: request.resources,
  claims: request.claims,
})

/** What the app asked for and did not get, though nothing was refused. */
const scopeIgnored = ({ request, signedIn, address }: Answered): AuditEvent => ({
  event: 'scope_ignored',
  actor: `app:${request.app.applicationUri}`,
  app: request.app.applicationUri,
  user: signedIn.user.id,
  address,
  detail: { scope: request.scope.join(' '), ignored: request.ignoredScope.join(' ') },
})

/** @see OIDC Core §3.2.2.5 */
const inParameters = ({ access_token, token_type, expires_in, scope }: TokenResponse): Record<string, string> => ({
  access_token,
  token_type,
  expires_in: String(expires_in),
  scope,
})
