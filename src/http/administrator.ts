import type { FastifyInstance } from 'fastify'
import { type TokenHolder, whyNotAdministrator } from '../domain/administration-access.ts'
import { OAuthError } from '../domain/errors.ts'
import { readBearerToken } from './bearer-token.ts'

/** Who calls the administration API, as the audit log names them. */
export interface AdministrationCaller {
  /** Such as `user:6f1c...` or `app:my.admin/tool`. */
  readonly actor: string
  readonly address: string
  /** The app that sent the token. */
  readonly app: string
  /** The id of the person on whose behalf the token speaks, if it is a person's. */
  readonly person: string | undefined
  /** Whether the token is a reference token. */
  readonly byReferenceToken: boolean
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Open to everybody, in a part of the server that is not. */
    unguarded?: true
  }
  interface FastifyRequest {
    caller: AdministrationCaller | undefined
  }
}

/** Looks up a token; only an access token may open the API. */
type Holder = Omit<TokenHolder, 'audience'> & {
  readonly claims: { readonly aud?: string | string[] }
  /** The id of the reference token that it is, if it is one. */
  readonly reference: string | undefined
}
type FindHolder = (token: string) => Promise<({ readonly kind: string } & Partial<Holder>) | undefined>

/**
 * Lets only administrators in: with a live access token of this server in the Authorization header, and nothing else.
 * @param standard identifier of the instance's own API, the only one the token may be for
 * @see RFC 6750 §2.1
 */
export function requireAdministrator(app: FastifyInstance, findToken: FindHolder, standard: string): void {
  app.decorateRequest('caller', undefined)
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.unguarded === true) return
    const bearer = readBearerToken(request, undefined)
    if (bearer === undefined)
      throw new OAuthError('invalid_token', 'an access token is needed', { rule: 'access-token-missing' })
    const holder = await findToken(bearer)
    if (!isAccessToken(holder)) {
      throw new OAuthError('invalid_token', 'the access token is unknown, expired or revoked', {
        rule: 'access-token-foreign',
      })
    }
    const { applicationUri } = holder.app
    const actor = holder.interactive ? `user:${holder.user.id}` : `app:${applicationUri}`
    const audience = [holder.claims.aud ?? []].flat()
    const obstacle = whyNotAdministrator({ ...holder, audience }, standard)
    if (obstacle !== undefined) {
      throw new OAuthError('insufficient_scope', obstacle.reason, {
        rule: obstacle.rule,
        cause: obstacle.reason,
        client_id: applicationUri,
        actor,
        sent: holder.scope,
      })
    }
    const person = holder.interactive ? holder.user.id : undefined
    const byReferenceToken = holder.reference !== undefined
    request.caller = { actor, address: request.ip, app: applicationUri, person, byReferenceToken }
  })
}

const isAccessToken = (holder: Awaited<ReturnType<FindHolder>>): holder is { readonly kind: string } & Holder =>
  holder?.kind === 'access_token'

/** Who calls; only behind `requireAdministrator`. */
export function callerOf({ caller }: { readonly caller: AdministrationCaller | undefined }): AdministrationCaller {
  if (!caller) throw new OAuthError('invalid_token', 'an access token is needed')
  return caller
}
