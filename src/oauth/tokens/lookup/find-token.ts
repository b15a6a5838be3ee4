import { whyEnded } from '../../../domain/access/grant-status.ts'
import type { ReadCatalogue } from '../../../domain/access/resource-indicators.ts'
import { whyNotAdmitted } from '../../../domain/access/user-access.ts'
import { stillRegistered } from '../../../domain/protocol/scope.ts'
import { looksLikeReferenceToken } from '../../../domain/tokens/reference-token.ts'
import { digest, looksLikeSecret } from '../../../lib/crypto/secrets.ts'
import type { LastUse } from '../../../lib/flow/last-use.ts'
import { type Clock, isoTime } from '../../../lib/time/clock.ts'
import type { Repositories } from '../../../store/store.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import { looksLikeOpaqueToken } from '../mint/opaque-token.ts'
import type { TokenProfile } from '../mint/token-profile.ts'
import { createCheckTokenActive } from './check-token-active.ts'
import { createFindReferenceToken } from './find-reference-token.ts'
import { type ActiveToken, expired, FOREIGN, type InactiveToken, inactive } from './token-status.ts'
import { type JwtFault, verifyOwnJwtOrFault } from './verify-own-jwt.ts'

type Tokens = 'opaqueAccessTokens' | 'refreshTokens' | 'referenceTokens' | 'revokedAccessTokens'

interface Dependencies {
  readonly read: Pick<Repositories, Tokens | 'families' | 'sessionEpochs' | 'apps' | 'users'>
  readonly keys: Pick<SigningKeys, 'verificationKey'>
  readonly profile: TokenProfile
  readonly clock: Clock
  readonly readCatalogue: ReadCatalogue
  readonly uses: Pick<LastUse, 'note'>
  readonly isSessionOpen: (sid: string) => Promise<boolean>
}

export type LookUpToken = ReturnType<typeof createLookUpToken>
export type FindToken = ReturnType<typeof createFindToken>

/** Finds a presented token, whatever its kind; `undefined` unless it is genuine, unexpired, unrevoked and not killed. */
export function createFindToken(lookUp: LookUpToken) {
  return async (value: string): Promise<ActiveToken | undefined> => {
    const token = await lookUp(value)
    return token.kind === 'inactive' ? undefined : token
  }
}

/** Looks a presented token up, whatever its kind, and says why where it is not live. */
export function createLookUpToken(dependencies: Dependencies) {
  const { read, keys, profile, clock, isSessionOpen } = dependencies
  const checkTokenActive = createCheckTokenActive(read)
  const findReferenceToken = createFindReferenceToken(dependencies)

  async function findSignedToken(jwt: string): Promise<ActiveToken | InactiveToken> {
    const verified = await verifyOwnJwtOrFault(jwt, keys, { typ: 'at+jwt', issuer: profile.issuer, clock })
    return 'fault' in verified ? whyNot(verified, clock()) : checkTokenActive(verified.claims)
  }

  async function findOpaqueToken(value: string): Promise<ActiveToken | InactiveToken> {
    const claims = await read.opaqueAccessTokens.find(digest(value))
    if (!claims) return FOREIGN
    const at = Number(claims['exp']) * 1000
    return at <= clock() ? expired(at, clock()) : checkTokenActive(claims)
  }

  async function findRefreshToken(value: string): Promise<ActiveToken | InactiveToken> {
    const token = await read.refreshTokens.find(digest(value))
    if (!token || token.expiresAt <= clock()) return FOREIGN
    const family = await read.families.find(token.family)
    if (!family || family.revokedAt !== undefined) return FOREIGN
    const [app, user] = [await read.apps.find(family.applicationUri), await read.users.find(family.userId)]
    if (!app || !user || whyEnded(family, app, user) !== undefined || whyNotAdmitted(app, user)) return FOREIGN
    if (app.refreshEndsWithSession && !(await isSessionOpen(family.signIn.sid))) return FOREIGN
    const scope = stillRegistered(family.scope, app)
    const { issuedAt, expiresAt } = token
    const rotated = token.rotation !== undefined
    return { kind: 'refresh_token', family: token.family, scope, app, user, issuedAt, expiresAt, rotated }
  }

  /** Every kind is told by its looks, so one look-up is enough, and none for what is no token of any kind. */
  return (value: string): Promise<ActiveToken | InactiveToken> => {
    if (looksLikeReferenceToken(value)) return findReferenceToken(value)
    if (looksLikeOpaqueToken(value)) return findOpaqueToken(value)
    if (value.includes('.')) return findSignedToken(value)
    return looksLikeSecret(value) ? findRefreshToken(value) : Promise.resolve(FOREIGN)
  }
}

function whyNot(fault: JwtFault, now: number): InactiveToken {
  switch (fault.fault) {
    case 'foreign':
      return FOREIGN
    case 'expired':
      return expired(fault.at, now)
    case 'not yet valid':
      return inactive(
        'access-token-not-yet-valid',
        `the token is valid from ${isoTime(fault.at)} on, and this server's clock says ${isoTime(now)}: a clock is wrong`,
      )
  }
}
