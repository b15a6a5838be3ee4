import type { FastifyInstance } from 'fastify'
import type { ManageConsents } from '../../admin/grants/manage-consents.ts'
import type { ManageOwnTokens } from '../../admin/grants/manage-own-tokens.ts'
import type { ManageTokens } from '../../admin/grants/manage-tokens.ts'
import type { SignInSessionsService } from '../../sign-in/session/sign-in-sessions.ts'
import { watchMethods } from '../kit/answers/other-methods.ts'
import { registerProblemDetails } from '../kit/answers/problem-details.ts'
import type { Refuse } from '../kit/answers/refusals.ts'
import { registerOpenApi } from '../kit/apis/open-api.ts'
import { challengeOfSession, isReading, requireSignedIn } from '../kit/apis/signed-in.ts'
import type { RateLimits } from '../kit/limits/rate-limits.ts'
import type { Cookies } from '../kit/requests/cookies.ts'
import { registerJsonBody } from '../kit/requests/json-body.ts'
import { profileConsentsEndpoint } from './own-consents.ts'
import { profileTokensEndpoint } from './own-tokens.ts'

interface Dependencies {
  readonly sessions: Pick<SignInSessionsService, 'find' | 'findIn'>
  readonly cookies: Pick<Cookies, 'session' | 'sessionName'>
  readonly issuer: string
  readonly refuse: Refuse
  /** Where an administrator reads a refusal, without its id. */
  readonly refusals: string
  readonly tokens: Pick<ManageTokens, 'issueOwn'>
  readonly ownTokens: ManageOwnTokens
  readonly consents: Pick<ManageConsents, 'page' | 'withdraw'>
  readonly limits: Pick<RateLimits, 'profile'>
}

/** The API behind the user's own site: for whoever is signed in with this browser. */
export async function profileApi(
  server: FastifyInstance,
  { sessions, cookies, issuer, refuse, refusals, tokens, ownTokens, consents, limits }: Dependencies,
): Promise<void> {
  registerJsonBody(server)
  requireSignedIn(server, {
    findSession: (request) => sessions.find(cookies.session(request)),
    findSessionIn: (unit, request) => sessions.findIn(unit, cookies.session(request)),
    issuer,
  })
  // Each change is a row of the audit log for good, and something that others wait for.
  server.addHook('preHandler', async (request) => {
    if (request.person !== undefined && !isReading(request)) await limits.profile(request, request.person.id)
  })
  registerProblemDetails(server, {
    refuse,
    challenge: challengeOfSession,
    unauthorized: ['session-needed', 'You must be signed in'],
    refusals,
  })
  await registerOpenApi(server, {
    title: 'Tessera profile API',
    description: 'For the person who is signed in with this browser. Refusals are problem details (RFC 9457).',
    version: '1',
    security: { session: { type: 'apiKey', in: 'cookie', name: cookies.sessionName } },
    tags: [
      { name: 'tokens', description: 'Your personal access tokens, and what apps may refresh for you' },
      { name: 'consents', description: 'Your consents to apps' },
    ],
  })
  const refuseOtherMethods = watchMethods(server)
  await server.register(profileTokensEndpoint, { tokens, ownTokens })
  await server.register(profileConsentsEndpoint, { consents })
  refuseOtherMethods()
}
