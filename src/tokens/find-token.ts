import type { JWTPayload } from 'jose'
import { whyEnded } from '../domain/liveness.ts'
import type { RefusalRule } from '../domain/refusal-rule.ts'
import { stillRegistered } from '../domain/scope.ts'
import { readTokenId } from '../domain/token-id.ts'
import type { TrustedApplication } from '../domain/trusted-application.ts'
import type { User } from '../domain/user.ts'
import { whyNotAdmitted } from '../domain/user-access.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { digest } from '../lib/secrets.ts'
import type { Store } from '../repositories/store.ts'
import type { SigningKeys } from './signing-keys.ts'
import { type JwtFault, judgeOwnJwt } from './verify-jwt.ts'

/** A token somebody presented that is good right now. */
export type LiveToken =
  | {
      readonly kind: 'access_token'
      readonly claims: JWTPayload & { readonly jti: string; readonly exp: number }
      readonly scope: readonly string[]
      readonly app: TrustedApplication
      readonly user: User
      /** Whether it acts for a person rather than for the app itself. */
      readonly interactive: boolean
    }
  | {
      readonly kind: 'refresh_token'
      readonly family: string
      readonly scope: readonly string[]
      readonly app: TrustedApplication
      readonly user: User
      readonly issuedAt: number
      readonly expiresAt: number
      readonly rotated: boolean
    }

/** Why a presented token is good for nothing; for the operator alone. */
export interface DeadToken {
  readonly kind: 'dead'
  readonly rule: RefusalRule
  readonly cause: string
  /** The app it was issued to, where that is known. */
  readonly app?: TrustedApplication
  /** The id of whom it acts for, where a change to them ended it. */
  readonly user?: string
}

interface Dependencies {
  readonly store: Pick<Store, 'read'>
  readonly keys: Pick<SigningKeys, 'verificationKey'>
  readonly issuer: string
  readonly clock: Clock
}

export type LookUpToken = ReturnType<typeof createLookUpToken>
export type FindToken = ReturnType<typeof createFindToken>

const dead = (rule: RefusalRule, cause: string, app?: TrustedApplication): DeadToken => ({
  kind: 'dead',
  rule,
  cause,
  ...(app ? { app } : {}),
})
const FOREIGN = dead('access-token-foreign', 'no token of this server that would open anything here')

/** Why the app, as its record stands now, may not act as this System User, if it may not. */
const whyNotActing = (app: TrustedApplication, systemUser: User): string | undefined =>
  app.systemUserAllowed && app.systemUser === systemUser.id
    ? undefined
    : 'the app may no longer act as this System User'

/** Looks a presented token up, whatever its kind; `undefined` unless it is genuine, unexpired, unrevoked and not killed. */
export function createFindToken(dependencies: Dependencies) {
  const lookUp = createLookUpToken(dependencies)
  return async (value: string): Promise<LiveToken | undefined> => {
    const token = await lookUp(value)
    return token.kind === 'dead' ? undefined : token
  }
}

/** Looks a presented token up, whatever its kind, and says why where it is not live. */
export function createLookUpToken({ store, keys, issuer, clock }: Dependencies) {
  const { read } = store

  async function findAccessToken(jwt: string): Promise<LiveToken | DeadToken> {
    const judged = await judgeOwnJwt(jwt, keys, { typ: 'at+jwt', issuer, clock })
    if ('fault' in judged) return whyNot(judged, clock())
    const { claims } = judged
    if (claims.jti === undefined || claims.exp === undefined) return FOREIGN
    if (await read.revokedAccessTokens.has(digest(claims.jti)))
      return dead('access-token-revoked', 'the app revoked this access token')
    const origin = readTokenId(claims.jti)
    const app = await read.apps.find(String(claims['client_id']))
    if (!origin || !app) return dead('access-token-ended', 'the app the token was issued to was removed')
    const family = origin.kind === 'family' ? await read.families.find(origin.family) : undefined
    if (origin.kind === 'family' && (!family || family.revokedAt !== undefined))
      return dead('access-token-revoked', 'all tokens of this sign-in were revoked', app)
    const user = await read.users.find(family?.userId ?? String(claims['client_system_user_id']))
    const epochs = origin.kind === 'service' ? origin : family
    if (!user || !epochs) return dead('access-token-ended', 'the user the token acts for was removed')
    const notNow = origin.kind === 'service' ? whyNotActing(app, user) : whyNotAdmitted(app, user)
    const ended = whyEnded(epochs, app, user) ?? notNow
    if (ended !== undefined) return { ...dead('access-token-ended', ended, app), user: user.id }
    const scope = stillRegistered([claims['scope']].flat().join(' ').split(' '), app)
    const { jti, exp } = claims
    return {
      kind: 'access_token',
      claims: { ...claims, jti, exp },
      scope,
      app,
      user,
      interactive: origin.kind === 'family',
    }
  }

  async function findRefreshToken(value: string): Promise<LiveToken | DeadToken> {
    const token = await read.refreshTokens.find(digest(value))
    if (!token || token.expiresAt <= clock()) return FOREIGN
    const family = await read.families.find(token.family)
    if (!family || family.revokedAt !== undefined) return FOREIGN
    const [app, user] = [await read.apps.find(family.applicationUri), await read.users.find(family.userId)]
    if (!app || !user || whyEnded(family, app, user) !== undefined || whyNotAdmitted(app, user)) return FOREIGN
    const scope = stillRegistered(family.scope, app)
    const { issuedAt, expiresAt } = token
    const rotated = token.rotation !== undefined
    return { kind: 'refresh_token', family: token.family, scope, app, user, issuedAt, expiresAt, rotated }
  }

  /** A signed token has dots and an opaque one has none, so one look-up is enough. */
  return (value: string): Promise<LiveToken | DeadToken> =>
    value.includes('.') ? findAccessToken(value) : findRefreshToken(value)
}

function whyNot(fault: JwtFault, now: number): DeadToken {
  switch (fault.fault) {
    case 'foreign':
      return FOREIGN
    case 'expired':
      return dead(
        'access-token-expired',
        `the token ended at ${isoTime(fault.at)}, and it is ${isoTime(now)} by this server's clock`,
      )
    case 'not yet valid':
      return dead(
        'access-token-not-yet-valid',
        `the token is good from ${isoTime(fault.at)} on, and it is ${isoTime(now)} by this server's clock: a clock is off`,
      )
  }
}
