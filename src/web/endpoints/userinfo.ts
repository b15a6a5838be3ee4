import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Sector, sectorOf } from '../../domain/apps/sector.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { refuseRepeated } from '../../domain/protocol/form.ts'
import { namedAtUserInfo } from '../../domain/protocol/requested-claims.ts'
import { type ErrorCode, Refused } from '../../domain/refusals/errors.ts'
import type { User } from '../../domain/users/user.ts'
import type { LookUpToken } from '../../oauth/tokens/lookup/find-token.ts'
import type { InactiveToken } from '../../oauth/tokens/lookup/token-status.ts'
import type { SignUserInfo } from '../../oauth/tokens/mint/sign-user-info.ts'
import type { userInfoClaims } from '../../oauth/tokens/mint/user-claims.ts'
import { readBearerToken } from '../kit/requests/bearer-token.ts'
import { bodyForm } from '../kit/requests/form-body.ts'

interface Dependencies {
  readonly lookUpToken: LookUpToken
  readonly subjectOf: (user: User, sector: Sector) => string
  readonly userInfoClaims: typeof userInfoClaims
  readonly signUserInfo: SignUserInfo
}

/** What only the operator is told. */
type Why = Omit<InactiveToken, 'kind'>

const MISSING: Why = { rule: 'access-token-missing', cause: 'no Authorization: Bearer header came with the request' }
const REFRESH_TOKEN: Why = {
  rule: 'access-token-foreign',
  cause: 'a refresh token was sent instead of an access token',
}
const SERVICE: Why = { rule: 'access-token-of-service', cause: 'the token came from client_credentials' }
const NO_OPENID: Why = { rule: 'access-token-without-openid', cause: 'openid was not asked for at sign-in' }

const refuse = (
  code: ErrorCode,
  description: string,
  { rule, cause, user }: Why,
  app?: TrustedApplication,
  sent?: string,
): Refused => new Refused(code, description, { rule, cause, client_id: app?.applicationUri, user, sent })

/** The UserInfo endpoint. @see OIDC Core §5.3 */
export async function userinfoEndpoint(
  server: FastifyInstance,
  { lookUpToken, subjectOf, userInfoClaims, signUserInfo }: Dependencies,
): Promise<void> {
  async function userinfo(request: FastifyRequest, reply: FastifyReply) {
    const body = request.method === 'POST' ? refuseRepeated(bodyForm(request)) : undefined
    const bearer = readBearerToken(request, body)
    if (bearer === undefined) throw refuse('invalid_token', 'an access token is required', MISSING)
    const token = await lookUpToken(bearer)
    if (token.kind !== 'access_token') {
      const why = token.kind === 'inactive' ? token : REFRESH_TOKEN
      throw refuse('invalid_token', 'the access token is unknown, expired or revoked', why, token.app)
    }
    const { scope, app } = token
    if (!token.interactive)
      throw refuse('insufficient_scope', 'a service token does not act for a person', SERVICE, app)
    if (!scope.includes('openid'))
      throw refuse('insufficient_scope', 'the access token lacks the scope: openid', NO_OPENID, app, scope.join(' '))
    const sub = subjectOf(token.user, sectorOf(app))
    const claims = { sub, ...userInfoClaims(token.user, scope, namedAtUserInfo(token.requested, scope)) }
    const signed = await signUserInfo(claims, app)
    return signed === undefined ? claims : reply.type('application/jwt').send(signed)
  }

  const config = { bearer: true } as const
  server.get('/connect/userinfo', { config }, userinfo)
  server.post('/connect/userinfo', { config }, userinfo)
}
