import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { apisAskedFor, type ReadCatalogue } from '../../domain/access/resource-indicators.ts'
import { displayOf, reachOf } from '../../domain/apps/app-display.ts'
import { readableDestination } from '../../domain/protocol/redirect-uri.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { digest } from '../../lib/crypto/secrets.ts'
import type { AuthorizeFlow } from '../../oauth/authorize/flow.ts'
import type { Interaction } from '../../oauth/authorize/sealed-interaction.ts'
import type { RenderPage } from '../kit/answers/pages.ts'
import type { Cookies } from '../kit/requests/cookies.ts'
import { csrfToken, requireCsrf, requireOwnPage } from '../kit/requests/csrf.ts'
import { queryForm, submittedForm } from '../kit/requests/form-body.ts'
import { createRequireCookie } from '../kit/requests/require-cookie.ts'
import {
  type AnswerDependencies,
  type ConsentStep,
  createAllow,
  createDeny,
  type Decidable,
} from './consent-answers.ts'
import { describeScopes } from './describe-scopes.ts'

interface Dependencies extends AnswerDependencies {
  readonly flow: Pick<AuthorizeFlow, 'interactions' | 'formOf' | 'findRedirect' | 'validate' | 'decide' | 'errorAnswer'>
  readonly cookies: Pick<Cookies, 'browser' | 'bringsBrowser' | 'ensureBrowser' | 'session'>
  readonly renderPage: RenderPage
  readonly readCatalogue: ReadCatalogue
  readonly issuer: string
}

/** Bound to the person too, so that one's consent is worth nothing in another's session. */
const formPurpose = ({ interaction, step }: Decidable): string => `consent:${interaction.id}:${step.signedIn.user.id}`

/** The page where a person allows an app what it asks for. */
export async function consentSite(server: FastifyInstance, dependencies: Dependencies): Promise<void> {
  const { flow, cookies, issuer } = dependencies
  const findRequest = createFindRequest(dependencies)
  const show = createShow(dependencies)
  const deny = createDeny(dependencies)
  const allow = createAllow(dependencies)
  const preHandler = createRequireCookie({ ...dependencies, interactions: flow.interactions })
  const onPage = { config: { page: true }, preHandler } as const
  const goOn = (reply: FastifyReply, interaction: Interaction): FastifyReply =>
    reply.redirect(`${issuer}/connect/authorize/continue?interaction=${flow.interactions.seal(interaction)}`, 303)

  server.get('/consent', onPage, async (request, reply) => {
    const found = await findRequest(request)
    if (!('step' in found)) return goOn(reply, found)
    const { interaction, step } = found
    return step.kind === 'consent' ? show(request, reply, found, step) : goOn(reply, interaction)
  })

  server.post('/consent', onPage, async (request, reply) => {
    requireOwnPage(request, issuer)
    const found = await findRequest(request)
    if (!('step' in found)) return goOn(reply, found)
    const form = submittedForm(request)
    requireCsrf(form, cookies.browser(request), formPurpose(found))
    // A no counts also where another tab has said yes in the meantime.
    if (form.get('decision') !== 'approve') return deny(request, reply, found)
    return goOn(reply, await allow(request, found))
  })
}

/** What is asked for, with the two buttons. */
const createShow =
  ({
    flow,
    cookies,
    renderPage,
    readCatalogue,
    issuer,
  }: Pick<Dependencies, 'flow' | 'cookies' | 'renderPage' | 'readCatalogue' | 'issuer'>) =>
  async (request: FastifyRequest, reply: FastifyReply, found: Decidable, asked: ConsentStep): Promise<FastifyReply> => {
    const { interaction, step } = found
    const { app, redirectUri } = found.request
    const csrf = csrfToken(cookies.ensureBrowser(request, reply), formPurpose(found))
    const catalogue = await readCatalogue()
    const apisOf = (scope: string) => apisAskedFor(scope, found.request, catalogue)
    return renderPage(request, reply, {
      template: 'consent',
      uiLocales: flow.formOf(interaction).get('ui_locales'),
      ...reachOf(app),
      data: (t, has, locale) => ({
        ...describeScopes(asked.scope, { t, has }, { resources: catalogue.resources, apisOf }, locale),
        app: displayOf(app, locale),
        user: step.signedIn.user,
        eachTime: asked.eachTime,
        notYou: `${issuer}/login?interaction=${flow.interactions.seal({ ...interaction, another: true })}`,
        returnTo: readableDestination(redirectUri),
        action: `${issuer}/consent?interaction=${flow.interactions.seal({ ...interaction, asked: step.signedIn.sessionEpoch })}`,
        csrf,
      }),
    })
  }

/** The request as it stands now; what is refused or needs a sign-in is a bare interaction, and goes back to where that is told. */
const createFindRequest =
  ({ flow, cookies }: Pick<Dependencies, 'flow' | 'cookies'>) =>
  async (request: FastifyRequest): Promise<Decidable | Interaction> => {
    const browser = cookies.browser(request)
    const interaction = flow.interactions.open(queryForm(request).require('interaction'), browser && digest(browser))
    const form = flow.formOf(interaction)
    const redirectable = await flow.findRedirect({ form })
    try {
      const valid = await flow.validate({ form }, redirectable)
      const step = await flow.decide(valid, interaction, cookies.session(request))
      // What comes before consent is for its own page.
      return step.kind === 'consent' || step.kind === 'ready' ? { interaction, request: valid, step } : interaction
    } catch (error) {
      if (error instanceof Refused) return interaction
      throw error
    }
  }
