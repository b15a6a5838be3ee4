import type { FastifyInstance } from 'fastify'
import type { AuthenticateApp } from '../client-auth/authenticate.ts'
import { requireConfidential } from '../domain/authenticated-app.ts'
import { refuseRepeated } from '../domain/form.ts'
import type { User } from '../domain/user.ts'
import { authorizationHeader } from '../http/authorization-header.ts'
import { bodyForm } from '../http/form-body.ts'
import { inSeconds } from '../lib/clock.ts'
import type { FindToken } from '../tokens/find-token.ts'
import type { LiveToken } from '../tokens/live-token.ts'

interface Dependencies {
  readonly authenticateApp: AuthenticateApp
  readonly findToken: FindToken
  readonly issuer: string
  readonly subjectOf: (user: User) => string
}

/** Token introspection: an app learns about its own tokens; about anything else it learns nothing. @see RFC 7662 §2 */
export async function introspectEndpoint(
  app: FastifyInstance,
  { authenticateApp, findToken, issuer, subjectOf }: Dependencies,
): Promise<void> {
  app.post('/connect/introspect', async (request) => {
    const form = refuseRepeated(bodyForm(request))
    const app = await authenticateApp(authorizationHeader(request), form, request.ip)
    const caller = requireConfidential(app, 'introspect tokens')
    const token = await findToken(form.require('token'))
    const entitled = token !== undefined && token.app.applicationUri === caller.applicationUri
    return entitled ? describe(token, issuer, subjectOf(token.user)) : { active: false }
  })
}

/** @see RFC 7662 §2.2 */
function describe(token: LiveToken, issuer: string, subject: string) {
  if (token.kind === 'access_token') {
    const username = token.interactive ? { username: token.user.login } : {}
    return { active: true, token_type: 'Bearer', ...token.claims, scope: token.scope.join(' '), ...username }
  }
  if (token.rotated) return { active: false }
  return {
    active: true,
    token_type: 'refresh_token',
    iss: issuer,
    client_id: token.app.applicationUri,
    sub: subject,
    username: token.user.login,
    scope: token.scope.join(' '),
    iat: inSeconds(token.issuedAt),
    exp: inSeconds(token.expiresAt),
  }
}
