import type { FastifyInstance } from 'fastify'
import { type TokenHolder, whyNotAdministrator } from '../../../domain/access/administration-access.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import type { TokenCheckUnit } from '../../../store/store.ts'
import { readBearerToken } from '../requests/bearer-token.ts'

/** Who calls the administration API, as the audit log names them. */
export interface Administrator {
  /** Such as `user:6f1c...` or `app:my.admin/tool`. */
  readonly actor: string
  readonly address: string
  /** The app that sent the token. */
  readonly app: string
  /** The id of the person on whose behalf the token speaks, if it is a person's. */
  readonly person: string | undefined
  /** Whether the token is a reference token. */
  readonly byReferenceToken: boolean
  /** Checks the token again by what a unit of work sees. @throws Refused `invalid_token`, `insufficient_scope` */
  readonly recheck: (unit: TokenCheckUnit) => Promise<unknown>
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Open to everybody, in a part of the server that is not. */
    unguarded?: true
  }
  interface FastifyRequest {
    administrator: Administrator | undefined
  }
}

/** An active access token; nothing else opens the API. */
interface AccessToken extends Omit<TokenHolder, 'audience'> {
  readonly kind: 'access_token'
  readonly claims: { readonly aud?: string | string[] }
  /** The id of the reference token that it is, if it is one. */
  readonly reference: string | undefined
}
type OtherToken =
  | { readonly kind: 'refresh_token' }
  | {
      readonly kind: 'inactive'
      readonly rule: RefusalRule
      readonly cause: string
      readonly app?: TokenHolder['app']
      readonly user?: string
    }

interface Dependencies<T extends AccessToken> {
  readonly lookUpToken: (value: string) => Promise<T | OtherToken>
  readonly recheckToken: (token: T, unit: TokenCheckUnit) => Promise<T | OtherToken>
  /** Identifier of the instance's own API, the only one the token may be for. */
  readonly defaultResource: string
}

/**
 * Lets only administrators in: with an active access token of this server in the Authorization header, and nothing else.
 * @see RFC 6750 §2.1
 */
export function requireAdministrator<T extends AccessToken>(
  server: FastifyInstance,
  { lookUpToken, recheckToken, defaultResource }: Dependencies<T>,
): void {
  server.decorateRequest('administrator', undefined)
  server.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.unguarded === true) return
    const bearer = readBearerToken(request, undefined)
    if (bearer === undefined) throw tokenMissing('no Authorization: Bearer header came with the request')
    const token = requireAccessToken(await lookUpToken(bearer))
    requireRight(token, defaultResource)
    const { app, interactive, user, reference } = token
    request.administrator = {
      actor: actorOf(token),
      address: request.ip,
      app: app.applicationUri,
      person: interactive ? user.id : undefined,
      byReferenceToken: reference !== undefined,
      recheck: async (unit) => requireRight(requireAccessToken(await recheckToken(token, unit)), defaultResource),
    }
  })
}

const tokenMissing = (cause: string): Refused =>
  new Refused('invalid_token', 'an access token is required', { rule: 'access-token-missing', cause })

const actorOf = ({ interactive, user, app }: AccessToken): string =>
  interactive ? `user:${user.id}` : `app:${app.applicationUri}`

/** @throws Refused `invalid_token` */
function requireAccessToken<T extends AccessToken>(token: T | OtherToken): T {
  if (isAccessToken(token)) return token
  const why = token.kind === 'inactive' ? token : REFRESH_TOKEN
  throw new Refused('invalid_token', 'the access token is unknown, expired or revoked', {
    rule: why.rule,
    cause: why.cause,
    client_id: why.app?.applicationUri,
    user: why.user,
  })
}

const isAccessToken = <T extends AccessToken>(token: T | OtherToken): token is T => token.kind === 'access_token'

const REFRESH_TOKEN: Omit<Extract<OtherToken, { kind: 'inactive' }>, 'kind'> = {
  rule: 'access-token-foreign',
  cause: 'a refresh token was sent instead of an access token',
}

/** @throws Refused `insufficient_scope` */
function requireRight(token: AccessToken, defaultResource: string): void {
  const audience = [token.claims.aud ?? []].flat()
  const obstacle = whyNotAdministrator({ ...token, audience }, defaultResource)
  if (obstacle === undefined) return
  throw new Refused('insufficient_scope', obstacle.reason, {
    rule: obstacle.rule,
    cause: obstacle.reason,
    client_id: token.app.applicationUri,
    actor: actorOf(token),
    sent: token.scope,
  })
}

/** Who calls; only behind `requireAdministrator`. */
export function administratorOf({
  administrator,
}: {
  readonly administrator: Administrator | undefined
}): Administrator {
  if (!administrator) throw tokenMissing('the guard is missing')
  return administrator
}
