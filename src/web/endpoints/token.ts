import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { refuseRepeated } from '../../domain/protocol/form.ts'
import type { AuthenticateApp } from '../../oauth/client-auth/authenticate.ts'
import type { GrantRegistry } from '../../oauth/grants/registry.ts'
import type { IssueTokens } from '../../oauth/tokens/mint/issue.ts'
import type { Activity } from '../kit/limits/activity.ts'
import { LONGEST_ASSERTING_BODY } from '../kit/limits/limits.ts'
import type { RateLimits } from '../kit/limits/rate-limits.ts'
import { authorizationHeader } from '../kit/requests/authorization-header.ts'
import { bodyForm } from '../kit/requests/form-body.ts'

/** @see RFC 6749 §5.1, OIDC Core §3.1.3.3 */
const TokenResponseSchema = Type.Object({
  access_token: Type.String(),
  token_type: Type.String(),
  expires_in: Type.Integer({ description: 'seconds' }),
  scope: Type.String(),
  refresh_token: Type.Optional(Type.String()),
  id_token: Type.Optional(Type.String()),
})

interface Dependencies {
  readonly authenticateApp: AuthenticateApp
  readonly grants: Pick<GrantRegistry, 'find'>
  readonly issueTokens: IssueTokens
  readonly limits: Pick<RateLimits, 'token'>
  readonly activity: Pick<Activity, 'tokensIssued'>
}

/** The token endpoint. @see RFC 6749 §3.2 */
export async function tokenEndpoint(
  server: FastifyInstance,
  { authenticateApp, grants, issueTokens, limits, activity }: Dependencies,
): Promise<void> {
  server.post(
    '/connect/token',
    {
      bodyLimit: LONGEST_ASSERTING_BODY,
      config: { provesApps: true },
      schema: { response: { 200: TokenResponseSchema } },
    },
    async (request) => {
      const form = refuseRepeated(bodyForm(request))
      const grantType = form.require('grant_type')
      const app = await authenticateApp(authorizationHeader(request), form, request.ip, '/connect/token')
      await limits.token(request, app.applicationUri)
      const authorization = await grants.find(grantType).authorize({ app, form, binding: 'none' })
      const tokens = await issueTokens(authorization, { grant: grantType, address: request.ip })
      activity.tokensIssued(grantType, app)
      return tokens
    },
  )
}
