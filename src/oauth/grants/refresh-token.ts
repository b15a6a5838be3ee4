import { type AuthenticatedApp, auditedApp } from '../../domain/access/authenticated-app.ts'
import type {
  RefreshTokenUse,
  TokenResponse,
  UsedBefore,
  UserAuthorization,
} from '../../domain/access/authorization.ts'
import { TAKEN_BACK, whyEnded } from '../../domain/access/grant-status.ts'
import { requireInteractive } from '../../domain/access/require-interactive.ts'
import { narrowToResources, type ReadCatalogue } from '../../domain/access/resource-indicators.ts'
import { whyNotAdmitted } from '../../domain/access/user-access.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { Audit } from '../../domain/instance/audit.ts'
import type { Form } from '../../domain/protocol/form.ts'
import { requireWithin, scopeIn, stillRegistered } from '../../domain/protocol/scope.ts'
import { type OperatorDetail, Refused } from '../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import type { User } from '../../domain/users/user.ts'
import { readCompactJws } from '../../lib/crypto/compact-jws.ts'
import { deriveKey, open } from '../../lib/crypto/sealed-box.ts'
import { digest } from '../../lib/crypto/secrets.ts'
import { type Clock, isoTime, SECOND } from '../../lib/time/clock.ts'
import type { RefreshToken, Rotation } from '../../store/repositories/tokens/refresh-tokens.ts'
import type { TokenFamily } from '../../store/repositories/tokens/token-families.ts'
import type { Repositories, Write } from '../../store/store.ts'
import type { Grant, GrantCheck, TokenRequest } from './registry.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'refreshTokens' | 'families' | 'apps' | 'users'>
  readonly writeEnding: Write<'families'>
  readonly clock: Clock
  readonly audit: Pick<Audit, 'note'>
  readonly readCatalogue: ReadCatalogue
  /** Whether a sign-in session has neither been ended nor run out. */
  readonly isSessionOpen: (sid: string) => Promise<boolean>
}

const refuse = (rule: RefusalRule, description: string, detail: OperatorDetail = {}): Refused =>
  new Refused('invalid_grant', description, { cause: description, ...detail, rule })

const CHECKS: readonly GrantCheck[] = [
  { name: 'sign-in' },
  { name: 'scope' },
  { name: 'redirect_uri', unmade: () => 'plays no part in a refresh' },
  {
    name: 'code or refresh token',
    unmade: ({ scope }) =>
      scope.includes('offline_access') ? 'needs the token itself' : 'there is one only with offline_access in scope',
  },
  { name: 'PKCE', unmade: () => 'plays no part in a refresh' },
  { name: 'user' },
  { name: 'admission' },
  { name: 'resource' },
]

/** Rotates a refresh token on every use. @see RFC 6749 §6, RFC 9700 §4.14.2 */
export function createRefreshTokenGrant(dependencies: Dependencies): Grant {
  async function authorize({ app, form, binding }: TokenRequest): Promise<UserAuthorization | UsedBefore> {
    requireInteractive(app)
    const value = form.require('refresh_token')
    const presented = { digest: digest(value), by: fingerprintOf(app, form) }
    const { token, family, user } = await requireStanding(presented.digest, app, app, dependencies, whyUnknown(value))
    const answerKey = app.refreshReplayWindow === 0 ? undefined : deriveKey(value, 'refresh-replay')
    const session = app.refreshEndsWithSession ? family.signIn.sid : undefined
    const use: RefreshTokenUse = { kind: 'refresh token', ...presented, family: family.family, session, answerKey }
    if (token.rotation) return { kind: 'used before', app, use }
    const granted = { ...family, scope: stillRegistered(family.scope, app) }
    const scope = readNarrowedScope(form, granted.scope)
    return {
      kind: 'user',
      app,
      user,
      signIn: family.signIn,
      ...narrowToResources(form, granted, scope, app, await dependencies.readCatalogue()),
      nonce: undefined,
      claims: family.claims,
      family: family.family,
      afterSignOut: family.signedOutAt !== undefined,
      refreshUntil: token.expiresAt,
      binding,
      use,
    }
  }

  return { type: 'refresh_token', actsFor: 'person', checks: CHECKS, authorize }
}

type SecondUse = Omit<Dependencies, 'readCatalogue'>

/** Answers a refresh token that is used up by now: with the earlier answer, or a refusal. */
export const createAnswerSecondRefresh =
  (dependencies: SecondUse) =>
  async (use: RefreshTokenUse, app: AuthenticatedApp): Promise<TokenResponse> => {
    const record = await dependencies.read.apps.find(app.applicationUri)
    const { token, family } = await requireStanding(use.digest, app, record, dependencies)
    if (token.rotation) return replay(use, token.rotation, family, app, dependencies)
    throw refuse('refresh-token-revoked', 'the refresh token was revoked')
  }

/** A refresh token used twice is a lost answer or a leak: within the replay window, and until the next one is used, the answer may have got lost. */
async function replay(
  { by, answerKey }: RefreshTokenUse,
  rotation: Rotation,
  family: TokenFamily,
  app: AuthenticatedApp,
  dependencies: SecondUse,
): Promise<TokenResponse> {
  const age = dependencies.clock() - rotation.at
  const { sealedAnswer } = rotation
  if (age >= app.refreshReplayWindow * SECOND)
    return refuseReuse(family, age, "longer than the app's RefreshReplayWindow", app, dependencies)
  // It is there until the token in it is used: whoever did that had the answer.
  if (answerKey === undefined || sealedAnswer === undefined)
    return refuseReuse(family, age, 'and the refresh token of that answer has been used since', app, dependencies)
  if (rotation.by !== by)
    throw refuse('refresh-token-used-differently', 'the refresh token has already been used by a different request', {
      age,
      cause: `the token was used ${age / SECOND} s ago by a request with other credentials or another scope`,
    })
  const answer = open(answerKey, sealedAnswer)
  if (!answer) throw new Error('a stored refresh answer cannot be decrypted')
  return JSON.parse(answer) as TokenResponse
}

/** Committed before the refusal is told, so that the thief's tokens die whatever becomes of the answer. */
async function refuseReuse(
  { family, userId }: TokenFamily,
  age: number,
  since: string,
  app: AuthenticatedApp,
  { writeEnding, clock, audit }: SecondUse,
): Promise<never> {
  const ends = await writeEnding(({ families }) => families.revoke(family, clock()))
  if (ends) audit.note({ event: 'refresh_reuse', ...auditedApp(app), user: userId, detail: { family } })
  const description = 'the refresh token has already been used; all tokens from the same sign-in are revoked'
  throw refuse('refresh-token-used', description, {
    client_id: app.applicationUri,
    age,
    cause: `the token was rotated ${age / SECOND} s ago, ${since}: an old copy was sent, or the token was stolen`,
  })
}

const UNKNOWN =
  'this server did not issue such a refresh token: it was cut off, is another kind of token, or is from another server'

/** Why nobody knows a refresh token, where that shows. */
const whyUnknown = (value: string): string =>
  readCompactJws(value, value.length) === undefined
    ? UNKNOWN
    : 'a JWT was sent, such as an access token or an ID token; refresh tokens of this server are none'

/** The family of a token that may be used by this app, now. */
async function requireLiveFamily(
  token: RefreshToken | undefined,
  app: AuthenticatedApp,
  { read, clock }: SecondUse,
  unknown: string,
): Promise<TokenFamily> {
  const family = token && (await read.families.find(token.family))
  if (!token || !family) {
    throw refuse('refresh-token-unknown', 'the refresh token is unknown', { cause: unknown })
  }
  if (family.applicationUri !== app.applicationUri) {
    throw refuse('refresh-token-of-another-app', 'the refresh token was issued to another app', {
      sent: app.applicationUri,
      expected: family.applicationUri,
      cause: `the token was issued to ${family.applicationUri}, and ${app.applicationUri} sent it`,
    })
  }
  const { revokedAt } = family
  if (revokedAt !== undefined) {
    const cause = `all tokens of this sign-in were revoked at ${isoTime(revokedAt)}, by the app or because one was used twice`
    throw refuse('refresh-token-revoked', 'the refresh token was revoked', { revokedAt, cause })
  }
  const { expiresAt } = token
  if (expiresAt <= clock()) {
    const cause = `the token ended at ${isoTime(expiresAt)}, however often it was rotated; this server's clock says ${isoTime(clock())}`
    throw refuse('refresh-token-expired', 'the refresh token has expired', { expiresAt, cause })
  }
  return family
}

/** A token that nothing has ended, with whom it acts for. @param record of the app as it is now */
async function requireStanding(
  tokenDigest: string,
  app: AuthenticatedApp,
  record: TrustedApplication | undefined,
  dependencies: SecondUse,
  unknown = UNKNOWN,
): Promise<{ readonly token: RefreshToken; readonly family: TokenFamily; readonly user: User }> {
  const { read } = dependencies
  const token = await read.refreshTokens.find(tokenDigest)
  const family = await requireLiveFamily(token, app, dependencies, unknown)
  const user = await read.users.find(family.userId)
  const ended = whyEnded(family, record, user) ?? (record && user && whyNotAdmitted(record, user))
  if (ended === TAKEN_BACK) throw refuse('refresh-token-revoked', 'the refresh token was revoked', { cause: ended })
  if (!token || !user || ended !== undefined) {
    const description = 'the app or the user was changed or disabled after the refresh token was issued'
    throw refuse('grant-ended', description, { user: family.userId, cause: ended ?? 'the user was removed' })
  }
  if (record?.refreshEndsWithSession && !(await dependencies.isSessionOpen(family.signIn.sid))) throw signedOutSince()
  return { token, family, user }
}

const signedOutSince = (): Refused =>
  refuse('signed-out-since', 'the sign-in session that the refresh token belongs to is over', {
    cause:
      'the person signed out, or the session ran out, and refresh tokens of this app end with it (RefreshEndsWithSession)',
  })

/** Who asked, how they proved it and for what; only the very same request gets the same answer again. */
const fingerprintOf = (app: AuthenticatedApp, form: Form): string =>
  digest(
    JSON.stringify([
      app.applicationUri,
      app.authentication.method,
      app.authentication.secret,
      form.get('scope'),
      ...form.all('resource'),
    ]),
  )

/** A refresh may ask for less than was granted, never for more. @see RFC 6749 §6 */
function readNarrowedScope(form: Form, allowed: readonly string[]): readonly string[] | undefined {
  const scope = scopeIn(form)
  if (scope === undefined) return undefined
  requireWithin(
    scope,
    allowed,
    'scope was not granted at sign-in, or is no longer registered for the app',
    'scope-widened',
  )
  return scope
}
