import type { JWTPayload } from 'jose'
import { type ApiResource, mayAskAbout } from '../../../domain/access/api-resource.ts'
import type { AuthenticatedApp } from '../../../domain/access/authenticated-app.ts'
import type { ReadCatalogue } from '../../../domain/access/resource-indicators.ts'
import { TOKEN_TYPES } from '../../../domain/access/token-binding.ts'
import { type Sector, sectorOf } from '../../../domain/apps/sector.ts'
import type { User } from '../../../domain/users/user.ts'
import { type Clock, inSeconds } from '../../../lib/time/clock.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import type { FindToken } from './find-token.ts'
import type { ActiveAccessToken, ActiveRefreshToken, ActiveToken } from './token-status.ts'

interface Dependencies {
  readonly findToken: FindToken
  readonly readCatalogue: ReadCatalogue
  readonly keys: Pick<SigningKeys, 'signFor'>
  readonly clock: Clock
  readonly issuer: string
  readonly subjectOf: (user: User, sector: Sector) => string
}

/** What an app is told of a token; of one that is dead, or none of its business, nothing. @see RFC 7662 §2.2 */
export type Introspection = Readonly<Record<string, unknown>> & { readonly active: boolean }

export type Introspect = ReturnType<typeof createIntrospect>

const INACTIVE: Introspection = { active: false }

/** Tells apps about tokens, plainly or signed. */
export function createIntrospect({ findToken, readCatalogue, keys, clock, issuer, subjectOf }: Dependencies) {
  return {
    /** @param value the token as somebody presented it */
    async describe(value: string, caller: AuthenticatedApp): Promise<Introspection> {
      // Both are asked whatever comes of either, so that the time tells little about tokens of others.
      const [token, { resources }] = await Promise.all([findToken(value), readCatalogue()])
      if (token === undefined || !isEntitled(caller, token, resources)) return INACTIVE
      return token.kind === 'access_token' ? describeAccess(token, caller) : describeRefresh(token, issuer, subjectOf)
    },

    /** The same as a JWT for this one app, which can be kept as a proof. @see RFC 9701 §5 */
    sign(introspection: Introspection, caller: AuthenticatedApp): Promise<string> {
      const envelope = { iss: issuer, aud: caller.applicationUri, iat: inSeconds(clock()) }
      const claims: JWTPayload = { ...envelope, token_introspection: introspection }
      return keys.signFor(caller, claims, 'token-introspection+jwt')
    },
  }
}

/** A refresh token is for the app alone that has it. */
const isEntitled = (caller: AuthenticatedApp, token: ActiveToken, resources: readonly ApiResource[]): boolean =>
  token.kind === 'access_token'
    ? mayAskAbout(caller, token, resources)
    : token.app.applicationUri === caller.applicationUri

/** The scope is what the record still allows; the rest is as it was issued. An API must know who acts, a pairwise app must not. */
function describeAccess(
  { app, claims, scope, interactive, user, reference }: ActiveAccessToken,
  caller: AuthenticatedApp,
): Introspection {
  const isNamed = app.subjectType === 'public' || caller.applicationUri !== app.applicationUri
  return {
    active: true,
    token_type: TOKEN_TYPES.none,
    ...claims,
    scope: scope.join(' '),
    ...(interactive && isNamed ? { id: user.id, username: user.login } : {}),
    ...(reference === undefined ? {} : { token_kind: interactive ? 'PAT' : 'SAT' }),
  }
}

function describeRefresh(
  { rotated, app, user, scope, issuedAt, expiresAt }: ActiveRefreshToken,
  issuer: string,
  subjectOf: (user: User, sector: Sector) => string,
): Introspection {
  if (rotated) return INACTIVE
  return {
    active: true,
    token_type: 'refresh_token',
    iss: issuer,
    client_id: app.applicationUri,
    sub: subjectOf(user, sectorOf(app)),
    ...(app.subjectType === 'public' ? { username: user.login } : {}),
    scope: scope.join(' '),
    iat: inSeconds(issuedAt),
    exp: inSeconds(expiresAt),
  }
}
