import { type AuthenticatedApp, auditedApp } from '../../domain/access/authenticated-app.ts'
import { type CodeUse, ENDED_EARLY, type Granted, type UserAuthorization } from '../../domain/access/authorization.ts'
import { TAKEN_BACK, tokensRevokedSince, whyEnded } from '../../domain/access/grant-status.ts'
import { requireInteractive } from '../../domain/access/require-interactive.ts'
import { narrowToResources, type ReadCatalogue } from '../../domain/access/resource-indicators.ts'
import { whyNotAdmitted } from '../../domain/access/user-access.ts'
import {
  AUTHORIZATION_CODE_LIFETIME,
  accessTokenLifetime,
  needsPkce,
  refreshTokenLifetime,
  type TrustedApplication,
} from '../../domain/apps/trusted-application.ts'
import type { Audit } from '../../domain/instance/audit.ts'
import { isCodeVerifier, verifierMatches } from '../../domain/protocol/pkce.ts'
import { type OperatorDetail, Refused } from '../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import type { User } from '../../domain/users/user.ts'
import { digest } from '../../lib/crypto/secrets.ts'
import { type Clock, SECOND } from '../../lib/time/clock.ts'
import type { AuthorizationCode } from '../../store/repositories/tokens/authorization-codes.ts'
import type { Repositories, Write } from '../../store/store.ts'
import type { Grant, GrantCheck, TokenRequest } from './registry.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'codes' | 'families' | 'sessions' | 'apps' | 'users'>
  readonly writeEnding: Write<'families'>
  readonly clock: Clock
  readonly audit: Pick<Audit, 'note'>
  readonly readCatalogue: ReadCatalogue
}

const refuse = (rule: RefusalRule, description: string, detail: OperatorDetail = {}): Refused =>
  new Refused('invalid_grant', description, { cause: description, ...detail, rule })

const seconds = (milliseconds: number): string => `${Math.round(milliseconds / SECOND)} s`

const CHECKS: readonly GrantCheck[] = [
  { name: 'sign-in' },
  { name: 'scope' },
  { name: 'redirect_uri' },
  {
    name: 'code or refresh token',
    unmade: () =>
      `needs the code itself: unused, at most ${seconds(AUTHORIZATION_CODE_LIFETIME)} old, of this app and redirect URI`,
  },
  {
    name: 'PKCE',
    unmade: ({ app }) =>
      needsPkce(app) ? 'code_verifier must come with the code' : 'code_verifier where there was a challenge',
  },
  { name: 'user' },
  { name: 'admission' },
  { name: 'resource' },
]

/** Exchanges an authorization code for tokens. @see RFC 6749 §4.1.3 */
export function createAuthorizationCodeGrant(dependencies: Dependencies): Grant {
  const { read, clock, readCatalogue } = dependencies

  async function authorize({ app, form, binding }: TokenRequest): Promise<UserAuthorization> {
    requireInteractive(app)
    const codeDigest = digest(form.require('code'))
    const code = await read.codes.find(codeDigest)
    if (!code) {
      throw refuse('code-unknown', 'the code is unknown', {
        cause: 'this server did not issue such a code: it was cut off, changed on the way, or issued by another server',
      })
    }
    if (code.applicationUri !== app.applicationUri) {
      throw refuse('code-of-another-app', 'the code was issued to another app', {
        sent: app.applicationUri,
        expected: code.applicationUri,
        cause: `the code was issued to ${code.applicationUri}, and ${app.applicationUri} sent it`,
      })
    }
    if (code.consumedAt !== undefined) return refuseReuse(code, code.consumedAt, app, dependencies)
    requireUnexpired(code, clock())
    requireSameRedirectUri(code, form.get('redirect_uri'), app)
    requireVerifier(code, form.get('code_verifier'))
    const user = await requireStanding(code, app, dependencies)
    const refreshUntil = code.scope.includes('offline_access') ? clock() + refreshTokenLifetime(app) : undefined
    return {
      kind: 'user',
      app,
      user,
      signIn: code.signIn,
      ...narrowToResources(form, code, undefined, app, await readCatalogue()),
      nonce: code.nonce,
      claims: code.claims,
      family: code.family,
      afterSignOut: false,
      refreshUntil,
      binding,
      use: {
        kind: 'code',
        digest: codeDigest,
        granted: code,
        familyEnds: (refreshUntil ?? clock()) + accessTokenLifetime(app),
      },
    }
  }

  return { type: 'authorization_code', actsFor: 'person', checks: CHECKS, authorize }
}

type SecondUse = Omit<Dependencies, 'readCatalogue'>

/** Refuses a code that could not be used up, though it was good a moment ago; nothing was stolen where it was ended meanwhile. */
export const createRefuseSecondCode =
  (dependencies: SecondUse) =>
  async ({ digest, granted }: CodeUse, app: AuthenticatedApp): Promise<never> => {
    const { codes, apps } = dependencies.read
    const code = await codes.find(digest)
    if (code && code.consumedAt !== undefined) return refuseReuse(granted, undefined, app, dependencies)
    if (code) await requireStanding(code, await apps.find(app.applicationUri), dependencies)
    throw endedEarly()
  }

/**
 * A code that comes back has leaked: what it was exchanged for dies, before the refusal is told.
 * @param consumedAt when it was redeemed, where that was before this request came
 * @see RFC 6749 §4.1.2
 */
async function refuseReuse(
  { family, userId }: Granted,
  consumedAt: number | undefined,
  app: AuthenticatedApp,
  { read, writeEnding, clock, audit }: SecondUse,
): Promise<never> {
  const known = await read.families.find(family)
  // A code can be sent for ever: what is over by now is neither written nor put on record once more.
  const lives = known !== undefined && known.revokedAt === undefined
  if (lives && (await writeEnding(({ families }) => families.revoke(family, clock()))))
    audit.note({ event: 'code_reuse', ...auditedApp(app), user: userId, detail: { family } })
  throw refuse('code-used', 'the code has already been used; the tokens it was exchanged for are revoked', {
    client_id: app.applicationUri,
    cause:
      consumedAt === undefined
        ? 'two requests redeemed the code at the same moment'
        : `the code was redeemed ${seconds(clock() - consumedAt)} earlier, and a code can be used only once`,
  })
}

/** Refuses a code that something has ended since it was issued. @returns whom the tokens act for */
async function requireStanding(
  code: AuthorizationCode,
  app: TrustedApplication | undefined,
  { read, clock }: SecondUse,
): Promise<User> {
  requireUnexpired(code, clock())
  await requireStillSignedIn(code, read)
  requireUnrevoked(code)
  const user = await read.users.find(code.userId)
  const ended = whyEnded(code, app, user) ?? (app && user && whyNotAdmitted(app, user))
  if (ended === TAKEN_BACK) throw endedEarly()
  if (!user || ended !== undefined)
    throw refuse('grant-ended', 'the app or the user was changed or disabled after the code was issued', {
      user: code.userId,
      cause: ended ?? 'the user was removed',
    })
  return user
}

/** Refuses a code whose sign-in was ended between authorize and token. */
async function requireStillSignedIn(
  code: AuthorizationCode,
  { sessions }: Pick<Repositories, 'sessions'>,
): Promise<void> {
  const session = await sessions.find(code.signIn.sid)
  if (!session || session.endedAt !== undefined)
    throw refuse('signed-out-since', 'the person signed out after the code was issued')
}

/** @see RFC 6749 §4.1.2 */
function requireUnexpired({ expiresAt }: AuthorizationCode, now: number): void {
  if (expiresAt > now) return
  if (expiresAt === ENDED_EARLY) throw endedEarly()
  const age = now - expiresAt + AUTHORIZATION_CODE_LIFETIME
  throw refuse('code-expired', 'the code has expired', {
    expiresAt,
    cause: `the code was redeemed ${seconds(age)} after it was issued, and is valid for ${seconds(AUTHORIZATION_CODE_LIFETIME)}`,
  })
}

const endedEarly = (): Refused =>
  refuse('grant-ended', 'the code was ended before it was redeemed', {
    cause: 'an administrator ended it, or the person withdrew their consent to the app',
  })

/** Refuses a code whose tokens, one of which came with it, were revoked. */
function requireUnrevoked(code: AuthorizationCode): void {
  if (code.revokedAt !== undefined) throw tokensRevokedSince(code.userId)
}

/** Where the authorization request named no address, this one need not; if it does, it is one of the app. @see RFC 6749 §4.1.3 */
function requireSameRedirectUri(
  { redirectUri }: AuthorizationCode,
  sent: string | undefined,
  { impersonateLoginUrl }: AuthenticatedApp,
): void {
  if (sent === redirectUri) return
  if (redirectUri === undefined && impersonateLoginUrl.includes(sent ?? '')) return
  const expected = redirectUri ?? impersonateLoginUrl
  if (sent === undefined) throw refuse('redirect-uri-missing', 'redirect_uri is missing', { expected })
  const description = 'redirect_uri differs from the one in the authorization request'
  throw refuse('redirect-uri-differs', description, { sent, expected })
}

/** @see RFC 7636 §4.6, RFC 9700 §4.8.2 */
function requireVerifier(code: AuthorizationCode, verifier: string | undefined): void {
  if (code.codeChallenge === undefined) {
    if (verifier === undefined) return
    throw refuse('verifier-unexpected', 'code_verifier was sent, but the authorization request had no code_challenge')
  }
  if (verifier === undefined) {
    const cause = 'the authorization request had a code_challenge, but no code_verifier was sent'
    throw refuse('verifier-missing', 'code_verifier is missing', { cause })
  }
  if (verifierMatches(verifier, code.codeChallenge)) return
  const cause = isCodeVerifier(verifier)
    ? 'the verifier is well formed, but belongs to another authorization request than the code'
    : `the verifier has ${verifier.length} characters or contains one that is not allowed; it must have 43 to 128 of A-Z a-z 0-9 . _ ~ -`
  throw refuse('pkce-mismatch', 'code_verifier does not match the code_challenge', { cause })
}
