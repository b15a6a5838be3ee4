import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ReadCatalogue } from '../../domain/access/resource-indicators.ts'
import { displayOf, reachOf } from '../../domain/apps/app-display.ts'
import type { Audit } from '../../domain/instance/audit.ts'
import { readableDestination } from '../../domain/protocol/redirect-uri.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { digest } from '../../lib/crypto/secrets.ts'
import { createRarely } from '../../lib/flow/rarely.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import type { AuthorizeFlow } from '../../oauth/authorize/flow.ts'
import type { Step } from '../../oauth/authorize/interaction.ts'
import type { AuthorizationRequest } from '../../oauth/authorize/request/request.ts'
import type { Interaction } from '../../oauth/authorize/sealed-interaction.ts'
import type { Write } from '../../store/store.ts'
import type { RenderPage } from '../kit/answers/pages.ts'
import type { Refuse } from '../kit/answers/refusals.ts'
import type { SendAnswer } from '../kit/answers/send-answer.ts'
import type { Activity } from '../kit/limits/activity.ts'
import type { Cookies } from '../kit/requests/cookies.ts'
import { csrfToken, requireCsrf, requireOwnPage } from '../kit/requests/csrf.ts'
import { queryForm, submittedForm } from '../kit/requests/form-body.ts'
import { createRequireCookie } from '../kit/requests/require-cookie.ts'
import { describeScopes } from './describe-scopes.ts'

interface Dependencies {
  readonly flow: Pick<AuthorizeFlow, 'interactions' | 'formOf' | 'findRedirect' | 'validate' | 'decide' | 'errorAnswer'>
  readonly cookies: Pick<Cookies, 'browser' | 'bringsBrowser' | 'ensureBrowser' | 'session'>
  readonly renderPage: RenderPage
  readonly refuse: Refuse
  readonly sendAnswer: SendAnswer
  readonly readCatalogue: ReadCatalogue
  /** @throws Refused while nothing new may be stored */
  readonly requireDiskSpace: () => void
  readonly writeAlone: Write<'grants' | 'sessionEpochs' | 'consents'>
  readonly clock: Clock
  readonly audit: Pick<Audit, 'note'>
  readonly activity: Pick<Activity, 'consented'>
  readonly issuer: string
}

type ConsentStep = Extract<Step, { readonly kind: 'consent' }>

/** A request whose person is known: it waits for their word, or has it already. */
interface Decidable {
  readonly interaction: Interaction
  readonly request: AuthorizationRequest
  readonly step: Extract<Step, { readonly kind: 'consent' | 'ready' }>
}

/** Bound to the person too, so that one's consent is worth nothing in another's session. */
const formPurpose = ({ interaction, step }: Decidable): string => `consent:${interaction.id}:${step.signedIn.user.id}`

/** The page where a person allows an app what it asks for. */
export async function consentSite(server: FastifyInstance, dependencies: Dependencies): Promise<void> {
  const { flow, cookies, renderPage, refuse, sendAnswer, readCatalogue, audit, activity, issuer } = dependencies
  const findRequest = createFindRequest(dependencies)
  const keepConsent = createKeepConsent(dependencies)
  // Whoever answers again and again must not be able to fill the audit log.
  const onceAMinute = createRarely(dependencies.clock, MINUTE)
  const preHandler = createRequireCookie({ ...dependencies, interactions: flow.interactions })
  const onPage = { config: { page: true }, preHandler } as const
  const continueUrl = (interaction: Interaction): string =>
    `${issuer}/connect/authorize/continue?interaction=${flow.interactions.seal(interaction)}`

  async function show(
    request: FastifyRequest,
    reply: FastifyReply,
    found: Decidable,
    asked: ConsentStep,
  ): Promise<FastifyReply> {
    const { interaction, step } = found
    const { app, redirectUri } = found.request
    const csrf = csrfToken(cookies.ensureBrowser(request, reply), formPurpose(found))
    const { resources } = await readCatalogue()
    return renderPage(request, reply, {
      template: 'consent',
      uiLocales: flow.formOf(interaction).get('ui_locales'),
      ...reachOf(app),
      data: (t, has, locale) => ({
        ...describeScopes(asked.scope, { t, has }, resources, locale),
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

  server.get('/consent', onPage, async (request, reply) => {
    const found = await findRequest(request)
    if (!('step' in found)) return reply.redirect(continueUrl(found), 303)
    return found.step.kind === 'consent'
      ? show(request, reply, found, found.step)
      : reply.redirect(continueUrl(found.interaction), 303)
  })

  server.post('/consent', onPage, async (request, reply) => {
    requireOwnPage(request, issuer)
    const found = await findRequest(request)
    if (!('step' in found)) return reply.redirect(continueUrl(found), 303)
    const form = submittedForm(request)
    requireCsrf(form, cookies.browser(request), formPurpose(found))
    const { interaction, step } = found
    const about = { app: found.request.app.applicationUri, user: step.signedIn.user.id }
    const heard = { ...about, address: request.ip, detail: { scope: found.request.scope.join(' ') } }
    // A no counts also where another tab has said yes in the meantime.
    if (form.get('decision') !== 'approve') {
      activity.consented('denied')
      if (onceAMinute(`denied ${about.user} ${about.app}`)) audit.note({ event: 'consent_denied', ...heard })
      const denied = denialOf(found.request, about.user)
      const { sid } = step.signedIn.session
      return sendAnswer(request, reply, flow.errorAnswer(found.request, denied, refuse(request, denied), sid))
    }
    // Where something was taken back since the page was shown, the person is asked for all that is missing by now.
    if (interaction.asked !== step.signedIn.sessionEpoch) return reply.redirect(continueUrl(interaction), 303)
    if (step.kind === 'consent') {
      // Whoever was signed out or switched off meanwhile is told so there.
      const kept = await keepConsent(found.request, step)
      if (kept === 'ended') return reply.redirect(continueUrl(interaction), 303)
      activity.consented('given')
      if (kept === 'more than before' || onceAMinute(`allowed ${about.user} ${about.app}`))
        audit.note({ event: 'consent_granted', ...heard, detail: { scope: step.scope.join(' ') } })
    }
    return reply.redirect(
      continueUrl({ ...interaction, consented: { user: about.user, sessionEpoch: step.signedIn.sessionEpoch } }),
      303,
    )
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

const denialOf = ({ app, scope }: AuthorizationRequest, user: string): Refused =>
  new Refused('access_denied', 'the person denied consent', {
    rule: 'consent-denied',
    client_id: app.applicationUri,
    user,
    sent: scope.join(' '),
    cause: 'the person pressed Deny on the consent page',
  })

/** @returns keeps what a person allows, unless anything was ended since it was checked */
const createKeepConsent =
  ({ requireDiskSpace, writeAlone, clock }: Pick<Dependencies, 'requireDiskSpace' | 'writeAlone' | 'clock'>) =>
  async (
    { app: { applicationUri, epoch } }: AuthorizationRequest,
    { signedIn, scope }: ConsentStep,
  ): Promise<'more than before' | 'as before' | 'ended'> => {
    const { user, session: signIn, sessionEpoch } = signedIn
    const basis = { applicationUri, userId: user.id, appEpoch: epoch, userEpoch: user.epoch, sessionEpoch, signIn }
    requireDiskSpace()
    // In turn with kill switches and withdrawals, on any node.
    return writeAlone(async ({ grants, sessionEpochs, consents }) => {
      if (!(await grants.mayGrant(basis, []))) return 'ended'
      if (!(await sessionEpochs.hold(applicationUri, user.id, sessionEpoch))) return 'ended'
      return (await consents.grant(user.id, applicationUri, scope, clock())) ? 'more than before' : 'as before'
    })
  }
