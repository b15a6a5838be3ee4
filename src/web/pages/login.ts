import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Proof } from '../../domain/access/proof.ts'
import { beforeSignIn, displayOf, reachOf } from '../../domain/apps/app-display.ts'
import type { Audit } from '../../domain/instance/audit.ts'
import type { Form } from '../../domain/protocol/form.ts'
import { readableDestination } from '../../domain/protocol/redirect-uri.ts'
import { PasswordQueueFull } from '../../lib/crypto/passwords.ts'
import { digest } from '../../lib/crypto/secrets.ts'
import { createRarely } from '../../lib/flow/rarely.ts'
import type { Clock } from '../../lib/time/clock.ts'
import { MINUTE, SECOND } from '../../lib/time/clock.ts'
import type { AuthorizeFlow } from '../../oauth/authorize/flow.ts'
import type { Interaction } from '../../oauth/authorize/sealed-interaction.ts'
import type { Devices } from '../../sign-in/devices/devices.ts'
import type { SignInFailure, SignInMethods } from '../../sign-in/methods/registry.ts'
import type { SignInSessionsService } from '../../sign-in/session/sign-in-sessions.ts'
import type { RenderPage } from '../kit/answers/pages.ts'
import type { Refuse } from '../kit/answers/refusals.ts'
import type { SendAnswer } from '../kit/answers/send-answer.ts'
import type { Activity } from '../kit/limits/activity.ts'
import type { Cookies } from '../kit/requests/cookies.ts'
import { csrfToken, requireCsrf, requireOwnPage } from '../kit/requests/csrf.ts'
import { queryForm, submittedForm } from '../kit/requests/form-body.ts'
import type { Networks } from '../kit/requests/network.ts'
import { createRequireCookie } from '../kit/requests/require-cookie.ts'
import { createCancelSignIn } from './cancel-sign-in.ts'
import { errorOf, type Problem } from './login-problems.ts'
import { createMayGoOn, createWhoIsHere } from './signed-in-here.ts'

interface Dependencies {
  readonly flow: Pick<
    AuthorizeFlow,
    'interactions' | 'formOf' | 'findRedirect' | 'validate' | 'mayMean' | 'decideFor' | 'errorAnswer'
  >
  readonly cookies: Pick<
    Cookies,
    'browser' | 'bringsBrowser' | 'ensureBrowser' | 'session' | 'setSession' | 'showState' | 'device' | 'setDevice'
  >
  readonly renderPage: RenderPage
  readonly methods: SignInMethods
  readonly devices: Pick<Devices, 'remember'>
  readonly clock: Clock
  readonly sessions: Pick<SignInSessionsService, 'find' | 'start'>
  readonly audit: Pick<Audit, 'note'>
  readonly refuse: Refuse
  readonly sendAnswer: SendAnswer
  readonly browserStateOf: (sid: string) => string
  readonly networks: Pick<Networks, 'networkToLimit'>
  readonly activity: Pick<Activity, 'signedIn' | 'signInFailed' | 'throttled'>
  readonly issuer: string
}

/** The app that somebody signs in to, and the address they come from. */
interface Through {
  readonly app: string
  readonly address: string
}

/** The method that this page's form belongs to. */
const METHOD = 'password'

/** The page where a person signs in. */
export async function loginSite(server: FastifyInstance, dependencies: Dependencies): Promise<void> {
  const { flow, cookies, clock, issuer } = dependencies
  const show = createShow(dependencies)
  const startSession = createStartSession(dependencies)
  const proveUnlessBusy = createProveUnlessBusy(dependencies)
  const mayGoOn = createMayGoOn(dependencies)
  const cancelSignIn = createCancelSignIn(dependencies)
  const noteFailure = createNoteFailure(dependencies)
  const preHandler = createRequireCookie({ ...dependencies, interactions: flow.interactions })
  const onPage = { config: { page: true }, preHandler } as const

  function openInteraction(request: FastifyRequest): Interaction {
    const browser = cookies.browser(request)
    return flow.interactions.open(queryForm(request).require('interaction'), browser && digest(browser))
  }

  const continueUrl = (interaction: Interaction): string =>
    `${issuer}/connect/authorize/continue?interaction=${flow.interactions.seal(interaction)}`

  server.get('/login', onPage, async (request, reply) => {
    const interaction = openInteraction(request)
    return (await mayGoOn(request, interaction))
      ? reply.redirect(continueUrl(interaction), 303)
      : show(request, reply, interaction)
  })

  server.post('/login', onPage, async (request, reply) => {
    requireOwnPage(request, issuer)
    const interaction = openInteraction(request)
    const form = submittedForm(request)
    requireCsrf(form, cookies.browser(request), formPurpose(interaction))
    if (form.get('decision') === 'cancel') return cancelSignIn(request, reply, interaction)
    const [username, password] = [form.get('username') ?? '', form.get('password') ?? '']
    if (username === '' || password === '') return show(request, reply, interaction, username, { name: 'missing' })
    const through = { app: flow.formOf(interaction).require('client_id'), address: request.ip }
    const proof = await proveUnlessBusy(request, form)
    if (proof === 'busy') return show(request, reply, interaction, username, { name: 'busy', retryAfter: 2 })
    if (!proof.user) {
      noteFailure(proof, through, dependencies.networks.networkToLimit(request))
      return show(request, reply, interaction, username, problemOf(proof, clock()))
    }
    const signedIn = await startSession(request, reply, proof, through)
    return reply.redirect(continueUrl({ ...interaction, signedIn }), 303)
  })
}

const formPurpose = (interaction: Interaction): string => `login:${interaction.id}`

/** The form, or that of whoever is here already and is to confirm that it is them, with what was wrong. */
function createShow(dependencies: Dependencies) {
  const { flow, cookies, renderPage, refuse, issuer } = dependencies
  const whoIsHere = createWhoIsHere(dependencies)
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    interaction: Interaction,
    entered?: string,
    problem?: Problem,
  ): Promise<FastifyReply> => {
    const form = flow.formOf(interaction)
    const { app: found, redirectUri } = await flow.findRedirect({ form })
    const here = await whoIsHere(request, interaction, entered)
    const app = beforeSignIn(found)
    const error = problem && errorOf(problem, app.applicationUri)
    if (error?.retryAfter !== undefined) reply.header('retry-after', String(error.retryAfter))
    const csrf = csrfToken(cookies.ensureBrowser(request, reply), formPurpose(interaction))
    return renderPage(request, reply, {
      template: here.user ? 'confirm' : 'login',
      status: error?.status ?? 200,
      uiLocales: form.get('ui_locales'),
      ...reachOf(app),
      ownScript: true,
      data: (_t, _has, language) => ({
        app: displayOf(app, language),
        action: `${issuer}/login?interaction=${flow.interactions.seal(interaction)}`,
        csrf,
        ...here,
        problem: problem?.name,
        minutes: String(Math.ceil((error?.retryAfter ?? 0) / 60)),
        refusalId: error && refuse(request, error),
        returnHost: readableDestination(redirectUri),
      }),
    })
  }
}

/** Signs in whoever has proved who they are, in this browser. */
const createStartSession =
  ({ cookies, devices, sessions, audit, browserStateOf, activity }: Dependencies) =>
  async (request: FastifyRequest, reply: FastifyReply, proof: Proof, through: Through) => {
    activity.signedIn(METHOD)
    cookies.setDevice(reply, devices.remember(cookies.device(request), proof.user))
    const { cookie, facts } = await sessions.start(proof, cookies.session(request))
    audit.note({ event: 'sign_in', ...through, user: proof.user.id, detail: { session: facts.sid, amr: facts.amr } })
    cookies.setSession(reply, cookie)
    cookies.showState(request, reply, browserStateOf(facts.sid))
    return { sid: facts.sid, authTime: facts.authTime }
  }

/** Who the person is, by the method that this page's form belongs to, unless too many wait to be told. */
const createProveUnlessBusy =
  ({ methods, cookies, networks }: Pick<Dependencies, 'methods' | 'cookies' | 'networks'>) =>
  async (request: FastifyRequest, form: Form): Promise<Proof | SignInFailure | 'busy'> => {
    try {
      const origin = { network: networks.networkToLimit(request), deviceCookie: cookies.device(request) }
      return await methods.prove(METHOD, form, origin)
    } catch (error) {
      if (error instanceof PasswordQueueFull) return 'busy'
      throw error
    }
  }

/** Why the page is shown again. @param now milliseconds since 1970 */
function problemOf({ rule, cause, userId, until }: SignInFailure, now: number): Problem {
  const why = { rule, cause, user: userId }
  if (until === undefined) return { name: 'wrong_credentials', why }
  return { name: 'throttled', why, retryAfter: Math.max(1, Math.ceil((until - now) / SECOND)) }
}

/** Who is turned away unheard is noted once a minute, so that nobody can fill the audit log. */
function createNoteFailure({ audit, clock, activity }: Pick<Dependencies, 'audit' | 'clock' | 'activity'>) {
  const onceAMinute = createRarely(clock, MINUTE)
  return ({ rule, cause, userId, until, locks }: SignInFailure, through: Through, network = through.address): void => {
    activity.signInFailed(METHOD, rule)
    if (until !== undefined) activity.throttled('sign-in')
    const about = { actor: 'nobody', ...through, detail: { cause }, ...(userId ? { user: userId } : {}) }
    if (until === undefined) audit.note({ event: 'sign_in_failed', ...about })
    else if (onceAMinute(userId ?? network)) audit.note({ event: 'sign_in_throttled', ...about })
    if (locks) audit.note({ event: 'sign_in_locked', ...about, detail: { cause: 'too many attempts have failed' } })
  }
}
