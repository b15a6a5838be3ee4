import { fileURLToPath } from 'node:url'
import cookie from '@fastify/cookie'
import fastifyStatic from '@fastify/static'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose'
import { LISTEN_HOST } from './addresses.ts'
import { fetchCustomers } from './fetch-customers.ts'
import { failureOf } from './oauth-errors.ts'
import { createRelyingParty, type RelyingPartyOptions } from './relying-party.ts'
import { overviewPage, problemPage, welcomePage } from './web-app-pages.ts'
import { addPending, createSessions, type Session, type SignedIn, takePending } from './web-app-session.ts'
import { beginSignIn, completeSignIn, endSignIn, renewTokens } from './web-app-sign-in.ts'

const COOKIE = 'sales-desk'
const COOKIE_OPTIONS = { path: '/', httpOnly: true, sameSite: 'lax' } as const

export interface WebAppOptions extends RelyingPartyOptions {
  readonly port: number
  /** The app's own origin, as the browser knows it. */
  readonly url: string
  readonly apiUrl: string
  /** Everything to ask for, space-delimited. */
  readonly scope: string
}

const headers = ({ issuer }: WebAppOptions): Record<string, string> => ({
  // Signing out is a form that ends at the identity server, hence its place in form-action.
  'content-security-policy': `default-src 'none'; style-src 'self'; img-src data:; form-action 'self' ${new URL(issuer).origin}; base-uri 'none'; frame-ancestors 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
})

async function showOverview(
  { accessToken, refreshToken, idClaims, userInfo }: SignedIn,
  apiUrl: string,
): Promise<string> {
  const answer = await fetchCustomers(apiUrl, accessToken)
  const accessTokenClaims = decodeJwt(accessToken)
  return overviewPage({ idClaims, userInfo, accessTokenClaims, answer, canRefresh: refreshToken !== undefined })
}

/** Starts the demo web app: a server that signs people in, keeps their tokens, and calls the API for them. */
export async function startWebApp(options: WebAppOptions): Promise<{ close(): Promise<void> }> {
  const app = Fastify({ forceCloseConnections: true })
  const sessions = createSessions()
  const relyingParty = createRelyingParty(options)
  const redirectUri = `${options.url}/callback`

  await app.register(cookie)
  app.addContentTypeParser<string>('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(body))),
  )
  await app.register(fastifyStatic, { root: fileURLToPath(new URL('.', import.meta.url)), serve: false })

  const sessionOf = (request: FastifyRequest): Session | undefined => sessions.find(request.cookies[COOKIE])
  const sendPage = (reply: FastifyReply, page: string): FastifyReply =>
    reply.type('text/html; charset=utf-8').send(page)

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers(options))
    // Apps on other ports of localhost are the same site to a cookie, so only the origin tells them apart.
    if (request.method === 'POST' && request.headers.origin !== options.url) return reply.code(403).send('wrong origin')
    return undefined
  })
  app.setErrorHandler((error, _request, reply) => sendPage(reply.code(400), problemPage(failureOf(error))))

  app.get('/demo.css', (_request, reply) => reply.sendFile('demo.css'))

  app.get('/', async (request, reply) => {
    const signedIn = sessionOf(request)?.signedIn
    return sendPage(reply, signedIn === undefined ? welcomePage() : await showOverview(signedIn, options.apiUrl))
  })

  app.get('/sign-in', async (request, reply) => {
    const begun = await beginSignIn(await relyingParty(), redirectUri, options.scope)
    const known = sessionOf(request)
    const id = known === undefined ? sessions.open() : request.cookies[COOKIE]
    const session = known ?? sessions.find(id)
    if (session !== undefined) addPending(session, begun.state, begun.pending)
    return reply.setCookie(COOKIE, id ?? '', COOKIE_OPTIONS).redirect(begun.url)
  })

  app.get('/callback', async (request, reply) => {
    const here = new URL(request.url, options.url)
    const before = sessionOf(request)
    const pending = takePending(before, here.searchParams.get('state') ?? '')
    const signedIn = await completeSignIn(await relyingParty(), here, pending)
    // A new id at sign-in: one that somebody planted in the browser before is worth nothing afterwards.
    sessions.close(request.cookies[COOKIE])
    return reply.setCookie(COOKIE, sessions.open(signedIn, before?.pending), COOKIE_OPTIONS).redirect('/')
  })

  app.post('/refresh', async (request, reply) => {
    const session = sessionOf(request)
    if (session?.signedIn !== undefined) session.signedIn = await renewTokens(await relyingParty(), session.signedIn)
    return reply.redirect('/', 303)
  })

  app.post('/sign-out', async (request, reply) => {
    const signedIn = sessionOf(request)?.signedIn
    sessions.close(request.cookies[COOKIE])
    reply.clearCookie(COOKIE, COOKIE_OPTIONS)
    if (signedIn === undefined) return reply.redirect('/', 303)
    return reply.redirect(await endSignIn(await relyingParty(), signedIn, `${options.url}/`), 303)
  })

  await app.listen({ port: options.port, host: LISTEN_HOST })
  return app
}
