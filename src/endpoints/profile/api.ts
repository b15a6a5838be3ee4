import type { FastifyInstance } from 'fastify'
import type { ManageConsents } from '../../administration/manage-consents.ts'
import type { ManageTokens } from '../../administration/manage-tokens.ts'
import type { Cookies } from '../../http/cookies.ts'
import { registerJsonBody } from '../../http/json-body.ts'
import { registerOpenApi } from '../../http/open-api.ts'
import { watchMethods } from '../../http/other-methods.ts'
import { registerProblemDetails } from '../../http/problem-details.ts'
import type { Refuse } from '../../http/refusals.ts'
import { challengeOfSession, requireSignedIn } from '../../http/signed-in.ts'
import type { SignInSessionsService } from '../../sessions/sign-in-sessions.ts'
import { profileConsentsEndpoint } from './consents.ts'
import { profileTokensEndpoint } from './tokens.ts'

interface Dependencies {
  readonly sessions: Pick<SignInSessionsService, 'find' | 'findIn'>
  readonly cookies: Pick<Cookies, 'session' | 'sessionName'>
  readonly issuer: string
  readonly refuse: Refuse
  /** Where an administrator reads a refusal, without its id. */
  readonly refusals: string
  readonly tokens: ManageTokens
  readonly consents: ManageConsents
}

/** The API behind the user's own site: for whoever is signed in with this browser. */
export async function profileApi(
  app: FastifyInstance,
  { sessions, cookies, issuer, refuse, refusals, tokens, consents }: Dependencies,
): Promise<void> {
  registerJsonBody(app)
  requireSignedIn(app, {
    findSession: (request) => sessions.find(cookies.session(request)),
    findSessionIn: (unit, request) => sessions.findIn(unit, cookies.session(request)),
    issuer,
  })
  registerProblemDetails(app, {
    refuse,
    challenge: challengeOfSession,
    unauthorized: ['session-needed', 'You must be signed in'],
    refusals,
  })
  await registerOpenApi(app, {
    title: 'Tessera profile API',
    description: 'For the person who is signed in with this browser. Refusals are problem details (RFC 9457).',
    version: '1',
    security: { session: { type: 'apiKey', in: 'cookie', name: cookies.sessionName } },
    tags: [
      { name: 'tokens', description: 'Your personal access tokens' },
      { name: 'consents', description: 'What you have allowed apps' },
    ],
  })
  const refuseOtherMethods = watchMethods(app)
  await app.register(profileTokensEndpoint, { tokens })
  await app.register(profileConsentsEndpoint, { consents })
  refuseOtherMethods()
}
