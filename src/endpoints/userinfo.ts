import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, OAuthError } from '../domain/errors.ts'
import { refuseRepeated } from '../domain/form.ts'
import type { TrustedApplication } from '../domain/trusted-application.ts'
import type { User } from '../domain/user.ts'
import { readBearerToken } from '../http/bearer-token.ts'
import { bodyForm } from '../http/form-body.ts'
import type { LookUpToken } from '../tokens/find-token.ts'
import type { DeadToken } from '../tokens/live-token.ts'
import type { SignUserInfo } from '../tokens/sign-user-info.ts'
import type { userInfoClaims } from '../tokens/user-claims.ts'

interface Dependencies {
  readonly lookUpToken: LookUpToken
  readonly subjectOf: (user: User) => string
  readonly userInfoClaims: typeof userInfoClaims
  readonly signUserInfo: SignUserInfo
}

/** What only the operator is told. */
type Why = Omit<DeadToken, 'kind'>

const MISSING: Why = { rule: 'access-token-missing', cause: 'no Authorization: Bearer header came with the request' }
const REFRESH_TOKEN: Why = {
  rule: 'access-token-foreign',
  cause: 'a refresh token was sent in place of an access token',
}
const SERVICE: Why = { rule: 'access-token-of-service', cause: 'the token came from client_credentials' }
const NO_OPENID: Why = { rule: 'access-token-without-openid', cause: 'openid was not asked for at sign-in' }

const refuse = (
  code: ErrorCode,
  description: string,
  { rule, cause, user }: Why,
  app?: TrustedApplication,
  sent?: string,
): OAuthError => new OAuthError(code, description, { rule, cause, client_id: app?.applicationUri, user, sent })

/** The UserInfo endpoint. @see OIDC Core §5.3 */
export async function userinfoEndpoint(
  app: FastifyInstance,
  { lookUpToken, subjectOf, userInfoClaims, signUserInfo }: Dependencies,
): Promise<void> {
  async function userinfo(request: FastifyRequest, reply: FastifyReply) {
    const body = request.method === 'POST' ? refuseRepeated(bodyForm(request)) : undefined
    const bearer = readBearerToken(request, body)
    if (bearer === undefined) throw refuse('invalid_token', 'an access token is needed', MISSING)
    const token = await lookUpToken(bearer)
    if (token.kind !== 'access_token') {
      const why = token.kind === 'dead' ? token : REFRESH_TOKEN
      throw refuse('invalid_token', 'the access token is unknown, expired or revoked', why, token.app)
    }
    const { scope, app: client } = token
    if (!token.interactive) throw refuse('insufficient_scope', 'a service token speaks for no person', SERVICE, client)
    if (!scope.includes('openid'))
      throw refuse('insufficient_scope', 'the access token lacks the scope: openid', NO_OPENID, client, scope.join(' '))
    const claims = { sub: subjectOf(token.user), ...userInfoClaims(token.user, token.scope, token.requested.userinfo) }
    const signed = await signUserInfo(claims, client)
    return signed === undefined ? claims : reply.type('application/jwt').send(signed)
  }

  const config = { bearer: true } as const
  app.get('/connect/userinfo', { config }, userinfo)
  app.post('/connect/userinfo', { config }, userinfo)
}
