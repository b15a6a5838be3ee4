import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import type { AccessToken } from './access-token.ts'
import { createAskAgain } from './ask-again.ts'
import { createIdentityServer } from './call-server.ts'
import { createChallenge } from './challenge.ts'
import { createGuard } from './guard.ts'
import { createIntrospect } from './introspect.ts'
import { createKeys } from './keys.ts'
import { metadataUrl, protectedResourceMetadata } from './metadata.ts'
import { readNeed } from './need.ts'
import { createNotices } from './notices.ts'
import { type ResourceServerOptions, readOptions, type Settings } from './options.ts'
import { createNoticePoll } from './poll-notices.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createTouches } from './touches.ts'
import { createVerifyJwt } from './verify-jwt.ts'
import { createVerifyStart } from './verify-start.ts'
import { createVerifyToken } from './verify-token.ts'

export type { AccessToken } from './access-token.ts'
export { protectedResourceMetadata } from './metadata.ts'
export type { ResourceServerOptions } from './options.ts'
export type { Refusal } from './refused.ts'
export type { Schedule } from './schedule.ts'

// Here, and not beside what reads it: a file that nobody's types come from would be left out of an API's program.
declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope, or every one of the scopes, that a token must carry; a route that names none takes any good token. */
    scope?: string | readonly string[]
    /** No token is asked for. */
    open?: true
  }
  interface FastifyRequest {
    /** What the token of this request says. @throws Error on a route that is open: nobody has proved anything there */
    readonly token: AccessToken
  }
}

/**
 * Guards every route beside and below which it is registered: a route takes a request with a good token only, one with
 * `config: { scope: 'read' }` only with that scope, and one with `config: { open: true }` takes any.
 * @throws Error at the start, when the options or the config of a route are wrong
 * @see RFC 6750, RFC 9068 §4, RFC 7662, RFC 9728
 */
async function resourceServer(app: FastifyInstance, options: ResourceServerOptions): Promise<void> {
  const settings = readOptions(options)
  const { credentials, clock, schedule, resource, formatRefusal, resourceName, requireScope } = settings
  const { log } = app
  const server = createIdentityServer(settings)
  const post = credentials && server.postAs(credentials)
  const introspect = post && createIntrospect({ ...settings, server, post })
  const keys = createKeys({ server, clock })
  const notices = createNotices(clock, { aboutEverybody: keys.forget })
  const poll = post && createNoticePoll({ post, notices, clock, schedule, log })
  const askAgain = introspect && poll && createAskAgain({ introspect, notices, poll })
  const verifyJwt = createVerifyJwt({ ...settings, keys: keys.find })
  const verifyToken = createVerifyToken({
    verifyJwt,
    inquiry: introspect && askAgain && { introspect, askAgain },
    clock,
  })
  const onEnded = (ids: readonly string[]): void => sessions?.forget(ids)
  const touches = post && settings.apiSessions ? createTouches({ post, clock, schedule, log, onEnded }) : undefined
  const sessions: Sessions | undefined = post && touches && createSessions({ post, touches, clock })

  const tokens = new WeakMap<FastifyRequest, AccessToken>()
  app.decorateRequest('token', { getter: tokenOf(tokens) })
  const challenge = createChallenge({
    ...{ resourceName, formatRefusal },
    metadataUrl: resource === undefined ? undefined : metadataUrl(resource).href,
  })
  const admit = (request: FastifyRequest, token: AccessToken): void => void tokens.set(request, token)
  app.addHook('onRoute', (route) => requireSoundNeed(route, settings))
  app.addHook('onRequest', createGuard({ verifyToken, sessions, challenge, admit, requireScope }))
  if (settings.verifyOnReady) app.addHook('onReady', createVerifyStart({ ...settings, server, post, log }))
  app.addHook('onReady', async () => poll?.start())
  app.addHook('onClose', async () => {
    poll?.stop()
    await touches?.close()
  })
  // Below a prefix they would be where nobody looks for them.
  if (app.prefix === '') await protectedResourceMetadata(app, options)
}

/** @throws Error that names the route and what is wrong with its config */
function requireSoundNeed({ method, url, config }: RouteOptions, settings: Settings): void {
  try {
    readNeed(config, settings)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`@tessera-id/resource-server: ${[method].flat().join(', ')} ${url}: ${reason}`, { cause: error })
  }
}

const tokenOf = (tokens: WeakMap<FastifyRequest, AccessToken>) =>
  function (this: FastifyRequest): AccessToken {
    const token = tokens.get(this)
    if (token === undefined) throw new Error('an open route has no token: the caller is unknown')
    return token
  }

// Where it is registered its routes are guarded, not in a context of its own below.
export default Object.assign(resourceServer, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@tessera-id/resource-server',
})
