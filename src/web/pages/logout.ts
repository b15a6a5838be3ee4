import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { nameIn } from '../../domain/apps/names-by-language.ts'
import type { Sector } from '../../domain/apps/sector.ts'
import type { Audit } from '../../domain/instance/audit.ts'
import { appendParameters, destinationOf, readableDestination } from '../../domain/protocol/redirect-uri.ts'
import type { User } from '../../domain/users/user.ts'
import { digest } from '../../lib/crypto/secrets.ts'
import type { Logout, LogoutInteraction } from '../../sign-in/logout/logout.ts'
import type { ToldApps } from '../../sign-in/logout/told-apps.ts'
import type { LiveSession, SignInSessionsService, UnendedSession } from '../../sign-in/session/sign-in-sessions.ts'
import type { LeftApp } from '../../store/repositories/sessions/session-apps.ts'
import type { RenderPage } from '../kit/answers/pages.ts'
import type { Cookies } from '../kit/requests/cookies.ts'
import { csrfToken, requireCsrf, requireOwnPage } from '../kit/requests/csrf.ts'
import { queryForm, submittedForm } from '../kit/requests/form-body.ts'

interface Dependencies {
  readonly logout: Pick<Logout, 'appOf' | 'seal' | 'open' | 'doneUrl' | 'findHome'>
  readonly sessions: Pick<SignInSessionsService, 'findUnended' | 'end'>
  readonly cookies: Pick<Cookies, 'browser' | 'ensureBrowser' | 'session' | 'clearSession'>
  readonly renderPage: RenderPage
  readonly subjectOf: (user: User, sector: Sector) => string
  readonly audit: Pick<Audit, 'note'>
  /** Comes back soon, whatever the apps do. */
  readonly tellApps: (left: readonly LeftApp[]) => Promise<void>
  readonly toldApps: ToldApps
  readonly issuer: string
}

/** The pages where a person signs out. @see OIDC RP-Initiated Logout §2 */
export async function logoutSite(server: FastifyInstance, dependencies: Dependencies): Promise<void> {
  const { logout, sessions, cookies, issuer } = dependencies
  const signOut = createSignOut(dependencies)
  const askToConfirm = createAskToConfirm(dependencies)
  const vouchedFor = createVouchedFor(dependencies)
  const config = { page: true } as const

  server.get('/logout', { config }, async (request, reply) => {
    const interaction = logout.open(queryForm(request).require('interaction'))
    const live = await sessions.findUnended(cookies.session(request))
    // HEAD asks what there is, and ends nothing.
    return live && (request.method === 'HEAD' || !vouchedFor(interaction, live))
      ? askToConfirm(request, reply, interaction, live)
      : signOut(request, reply, interaction, live)
  })

  server.post('/logout', { config }, async (request, reply) => {
    requireOwnPage(request, issuer)
    const interaction = logout.open(queryForm(request).require('interaction'))
    requireCsrf(submittedForm(request), cookies.browser(request), formPurpose(interaction))
    return signOut(request, reply, interaction, await sessions.findUnended(cookies.session(request)))
  })

  server.get('/logout/signed-out', { config }, createSignedOutPage(dependencies))
}

const formPurpose = (interaction: LogoutInteraction): string => `logout:${interaction.id}`

/** Ends the session, lets its apps know, and leads on to where the sign-out ends. */
function createSignOut(dependencies: Dependencies) {
  const { logout, sessions, cookies, audit, tellApps, toldApps, issuer } = dependencies
  const leave = createLeave(dependencies)
  const letBrowserTell = createLetBrowserTell(dependencies)
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    interaction: LogoutInteraction,
    live: LiveSession | undefined,
  ): Promise<FastifyReply> => {
    cookies.clearSession(reply)
    if (!live) return leave(request, reply, interaction)
    const { sid } = live.session
    const left = await sessions.end(live.session)
    audit.note({ event: 'sign_out', user: live.user.id, address: request.ip, detail: { session: sid } })
    await tellApps(left)
    const frames = left.flatMap(({ frontchannelLogoutUri: uri }) =>
      uri === undefined ? [] : [appendParameters(uri, { iss: issuer, sid })],
    )
    const next = logout.doneUrl(interaction, () =>
      toldApps.seal(left, () => digest(cookies.ensureBrowser(request, reply))),
    )
    return frames.length === 0
      ? reply.redirect(next, 303)
      : letBrowserTell(request, reply, { ...interaction, next }, frames)
  }
}

/** Nobody is signed in, who could know where the link leads: an app that nobody vouched for does not send them there. */
const createLeave =
  ({ logout, renderPage }: Pick<Dependencies, 'logout' | 'renderPage'>) =>
  (request: FastifyRequest, reply: FastifyReply, interaction: LogoutInteraction): FastifyReply => {
    const { selfRegistered, redirectUri, uiLocales } = interaction
    const url = logout.doneUrl(interaction)
    if (!selfRegistered || redirectUri === undefined) return reply.redirect(url, 303)
    const onward = { url, destination: readableDestination(redirectUri) }
    return renderPage(request, reply, { template: 'signed-out', uiLocales, data: () => ({ onward }) })
  }

/** The page that asks whether to sign out at all. @see OIDC RP-Initiated Logout §2 */
const createAskToConfirm =
  ({ logout, cookies, renderPage, issuer }: Pick<Dependencies, 'logout' | 'cookies' | 'renderPage' | 'issuer'>) =>
  async (
    request: FastifyRequest,
    reply: FastifyReply,
    interaction: LogoutInteraction,
    { user, isOver }: UnendedSession,
  ): Promise<FastifyReply> => {
    const app = await logout.appOf(interaction)
    const csrf = csrfToken(cookies.ensureBrowser(request, reply), formPurpose(interaction))
    return renderPage(request, reply, {
      template: 'logout',
      uiLocales: interaction.uiLocales,
      endsAtApp: interaction.redirectUri !== undefined,
      data: (_t, _has, language) => ({
        app: app && { name: nameIn(app, language) },
        // Who was here before a session ran out is nobody's business.
        user: isOver ? undefined : user,
        action: `${issuer}/logout?interaction=${logout.seal(interaction)}`,
        csrf,
      }),
    })
  }

/** The last page of a sign-out, which says which apps were told and leads back to an app that has a home. */
const createSignedOutPage =
  ({ renderPage, logout, toldApps, cookies }: Pick<Dependencies, 'renderPage' | 'logout' | 'toldApps' | 'cookies'>) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const [app = '', box = ''] = ['app', 'told'].map((name) => queryForm(request).get(name))
    const back = await logout.findHome(app)
    const browser = cookies.browser(request)
    // Whoever has signed in here since need not be who signed out.
    const isSignedIn = cookies.session(request) !== undefined
    const told = box === '' || isSignedIn ? undefined : await toldApps.open(box, browser && digest(browser))
    // The same page in another language; what is not known is nothing to repeat.
    const here = { ...(back ? { app } : {}), ...(told ? { told: box } : {}) }
    return renderPage(request, reply, {
      template: 'signed-out',
      place: `/logout/signed-out${Object.keys(here).length === 0 ? '' : `?${new URLSearchParams(here)}`}`,
      data: (_t, _has, language) => ({
        back: back && { url: back.url, name: nameIn(back, language) },
        told: told?.apps.map((each) => ({ name: nameIn(each, language), outcome: each.outcome })),
        more: String(told?.more ?? 0),
      }),
    })
  }

/** The page that lets the browser tell apps, with the cookies they gave it, and moves on by itself. @see OIDC Front-Channel Logout §3 */
const createLetBrowserTell =
  ({ renderPage }: Pick<Dependencies, 'renderPage'>) =>
  (
    request: FastifyRequest,
    reply: FastifyReply,
    interaction: LogoutInteraction & { readonly next: string },
    frames: readonly string[],
  ): FastifyReply =>
    renderPage(request, reply, {
      template: 'signing-out',
      uiLocales: interaction.uiLocales,
      frames: [...new Set(frames.map(destinationOf))],
      ownScript: true,
      place: null,
      data: () => ({
        frames,
        next: interaction.next,
        destination: interaction.redirectUri === undefined ? undefined : readableDestination(interaction.redirectUri),
      }),
    })

/** An ID token of this very session shows that the app, not a stranger's link, asks. */
const createVouchedFor =
  ({ subjectOf }: Pick<Dependencies, 'subjectOf'>) =>
  ({ hint }: LogoutInteraction, { user, session }: LiveSession): boolean =>
    hint !== undefined &&
    hint.sub === subjectOf(user, hint.sector) &&
    (hint.sid === undefined || hint.sid === session.sid)
