import type { FastifyInstance, FastifyRequest } from 'fastify'
import { OAuthError } from '../domain/errors.ts'
import { refuseRepeated } from '../domain/form.ts'
import type { User } from '../domain/user.ts'
import { readBearerToken } from '../http/bearer-token.ts'
import { bodyForm } from '../http/form-body.ts'
import type { FindToken } from '../tokens/find-token.ts'
import type { userInfoClaims } from '../tokens/user-claims.ts'

interface Dependencies {
  readonly findToken: FindToken
  readonly subjectOf: (user: User) => string
  readonly userInfoClaims: typeof userInfoClaims
}

/** The UserInfo endpoint. @see OIDC Core §5.3 */
export async function userinfoEndpoint(
  app: FastifyInstance,
  { findToken, subjectOf, userInfoClaims }: Dependencies,
): Promise<void> {
  async function userinfo(request: FastifyRequest) {
    const body = request.method === 'POST' ? refuseRepeated(bodyForm(request)) : undefined
    const bearer = readBearerToken(request, body)
    if (bearer === undefined) throw new OAuthError('invalid_token', 'an access token is needed')
    const token = await findToken(bearer)
    if (token?.kind !== 'access_token') {
      throw new OAuthError('invalid_token', 'the access token is unknown, expired or revoked')
    }
    if (!token.interactive) throw new OAuthError('insufficient_scope', 'a service token speaks for no person')
    if (!token.scope.includes('openid'))
      throw new OAuthError('insufficient_scope', 'the access token lacks the scope: openid')
    return { sub: subjectOf(token.user), ...userInfoClaims(token.user, token.scope) }
  }

  const config = { bearer: true } as const
  app.get('/connect/userinfo', { config }, userinfo)
  app.post('/connect/userinfo', { config }, userinfo)
}
