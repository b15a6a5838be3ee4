import type { JWTPayload } from 'jose'
import { whyEnded } from '../domain/liveness.ts'
import { stillRegistered } from '../domain/scope.ts'
import { readTokenId } from '../domain/token-id.ts'
import type { TrustedApplication } from '../domain/trusted-application.ts'
import type { User } from '../domain/user.ts'
import { whyNotAdmitted } from '../domain/user-access.ts'
import type { Clock } from '../lib/clock.ts'
import { digest } from '../lib/secrets.ts'
import type { Store } from '../repositories/store.ts'
import type { SigningKeys } from './signing-keys.ts'
import { verifyOwnJwt } from './verify-jwt.ts'

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

interface Dependencies {
  readonly store: Pick<Store, 'read'>
  readonly keys: Pick<SigningKeys, 'verificationKey'>
  readonly issuer: string
  readonly clock: Clock
}

export type FindToken = ReturnType<typeof createFindToken>

/** May the app, as its record stands now, act as this System User? */
const actsAs = (app: TrustedApplication, systemUser: User): boolean =>
  app.systemUserAllowed && app.systemUser === systemUser.id

/** Looks a presented token up, whatever its kind; `undefined` unless it is genuine, unexpired, unrevoked and not killed. */
export function createFindToken({ store, keys, issuer, clock }: Dependencies) {
  const { read } = store

  async function findAccessToken(jwt: string): Promise<LiveToken | undefined> {
    const claims = await verifyOwnJwt(jwt, keys, { typ: 'at+jwt', issuer, clock })
    if (claims?.jti === undefined || claims.exp === undefined) return undefined
    if (await read.revokedAccessTokens.has(digest(claims.jti))) return undefined
    const origin = readTokenId(claims.jti)
    const app = await read.apps.find(String(claims['client_id']))
    if (!origin || !app) return undefined
    const family = origin.kind === 'family' ? await read.families.find(origin.family) : undefined
    if (origin.kind === 'family' && (!family || family.revokedAt !== undefined)) return undefined
    const user = await read.users.find(family?.userId ?? String(claims['client_system_user_id']))
    const epochs = origin.kind === 'service' ? origin : family
    if (!user || !epochs || whyEnded(epochs, app, user) !== undefined) return undefined
    if (!(origin.kind === 'service' ? actsAs(app, user) : whyNotAdmitted(app, user) === undefined)) return undefined
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

  async function findRefreshToken(value: string): Promise<LiveToken | undefined> {
    const token = await read.refreshTokens.find(digest(value))
    if (!token || token.expiresAt <= clock()) return undefined
    const family = await read.families.find(token.family)
    if (!family || family.revokedAt !== undefined) return undefined
    const [app, user] = [await read.apps.find(family.applicationUri), await read.users.find(family.userId)]
    if (!app || !user || whyEnded(family, app, user) !== undefined || whyNotAdmitted(app, user)) return undefined
    const scope = stillRegistered(family.scope, app)
    const { issuedAt, expiresAt } = token
    const rotated = token.rotation !== undefined
    return { kind: 'refresh_token', family: token.family, scope, app, user, issuedAt, expiresAt, rotated }
  }

  /** A signed token has dots and an opaque one has none, so one look-up is enough. */
  return (value: string): Promise<LiveToken | undefined> =>
    value.includes('.') ? findAccessToken(value) : findRefreshToken(value)
}
