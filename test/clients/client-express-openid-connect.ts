// SQLite alone: client-openid-client.ts sends the same requests
import express, { type ErrorHandler, type RequestHandler } from 'express'
import openid, { type ConfigParams, type OpenidRequest } from 'express-openid-connect'
import t, { type Test } from 'tap'
import type { AppRegistration } from '../../src/domain/apps/trusted-application.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { refusalsOf } from '../fixtures/answers/refusals.ts'
import { openAddress } from '../fixtures/clients/address.ts'
import { SECRET } from '../fixtures/instance/instance.ts'
import { enableApp, startWorld } from '../fixtures/instance/world.ts'
import { createBrowser, type View } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

const { auth, requiresAuth } = openid
const { instance, david } = await startWorld(t, { TESSERA_IMPLICIT: 'true' })
const { issuer } = instance
const cookieSecret = 'what the cookies of the app are sealed with'
let apps = 0

// The library warns on the console of everything that is not https.
for (const name of ['warn', 'error'] as const) {
  const real = console[name]
  console[name] = () => undefined
  t.teardown(() => {
    console[name] = real
  })
}

/** What the app shows: who is signed in, and why somebody is not. */
const showUser: RequestHandler = async (request, response) => {
  const { oidc } = request as unknown as OpenidRequest
  response.json({ user: oidc.user, scope: oidc.idTokenClaims?.['scope'], userinfo: await userinfoOf(oidc) })
}
const userinfoOf = (oidc: OpenidRequest['oidc']) => (oidc.accessToken ? oidc.fetchUserInfo() : undefined)
const refresh: RequestHandler = async (request, response) => {
  const { accessToken } = (request as unknown as OpenidRequest).oidc
  response.json({ before: accessToken?.access_token, after: (await accessToken?.refresh())?.access_token })
}
const showError: ErrorHandler = (error, _request, response, _next) => {
  const { cause } = error
  response.status(500).json({ ...error, cause })
}

/** An Express app behind the library, registered, and a browser at its door. */
async function startApp(
  t: Test,
  configure: (app: { baseURL: string; clientID: string }) => ConfigParams,
  registration: Partial<AppRegistration> = {},
) {
  const address = await openAddress(t)
  const { url: baseURL } = address
  const clientID = `my.trusted.app/express-${apps++}`
  await instance.addApp({
    applicationUri: clientID,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [`${baseURL}/callback`],
    impersonateLogoutUrl: [baseURL],
    scope: ['read'],
    ...registration,
  })
  const app = express()
  app.use(auth({ ...configure({ baseURL, clientID }), authRequired: false }) as unknown as RequestHandler)
  app.get('/', (_request, response) => void response.json({ home: true }))
  app.get('/me', requiresAuth() as unknown as RequestHandler, showUser)
  app.get('/refresh', requiresAuth() as unknown as RequestHandler, refresh)
  app.use(showError)
  address.serve(app)
  const browser = createBrowser(instance.origin, [baseURL])
  return { baseURL, clientID, browser }
}

type App = Awaited<ReturnType<typeof startApp>>

/** David opens a page of the app that asks for a sign-in, and ends on it. */
async function signIn({ browser, baseURL }: App): Promise<View> {
  const view = await signInAndConsent(browser, await browser.open(`${baseURL}/me`), 'david')
  return view.page.querySelector('#form-post-submit') ? browser.submit(view, 'form-post-submit') : view
}

const json = ({ text }: View): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>

const codeFlow = ({ baseURL, clientID }: { baseURL: string; clientID: string }): ConfigParams => {
  const clientSecret = SECRET
  // docs: begin
  const options: ConfigParams = {
    issuerBaseURL: issuer,
    baseURL,
    clientID,
    clientSecret,
    clientAuthMethod: 'client_secret_post', // or else the library does not show why a secret is refused
    secret: cookieSecret,
    authorizationParams: { response_type: 'code', scope: 'openid profile email offline_access' },
    idpLogout: true,
  }
  // docs: end
  return options
}

await t.test('response_type=code: sign-in, userinfo, refresh, sign-out', async (t) => {
  const app = await startApp(t, codeFlow)
  const { browser, baseURL } = app
  const me = await signIn(app)
  t.equal(me.url, `${baseURL}/me`)
  t.match(json(me), { user: { sub: david.id }, userinfo: { sub: david.id, name: 'David Miller' } })
  const { before, after } = json(await browser.open(`${baseURL}/refresh`))
  t.ok(before && after && before !== after)

  const gone = await browser.open(`${baseURL}/logout`)
  matchesWhole(
    t,
    [gone.url.replace(/\/$/, ''), json(gone)],
    [baseURL, { home: true }],
    'back at the app, without a question',
  )
  t.equal(new URL((await browser.open(`${baseURL}/me`)).url).pathname, '/id/login', 'signed out here as well')
})

await t.test('response_mode=form_post with code', async (t) => {
  const app = await startApp(t, (app) => ({
    ...codeFlow(app),
    authorizationParams: { response_type: 'code', response_mode: 'form_post', scope: 'openid profile' },
  }))
  t.match(json(await signIn(app)), { user: { sub: david.id } })
})

await t.test("the library's default, id_token by form_post, where the operator offers it", async (t) => {
  const app = await startApp(
    t,
    ({ baseURL, clientID }) => ({ issuerBaseURL: issuer, baseURL, clientID, secret: cookieSecret, idpLogout: true }),
    { responseTypes: ['id_token'] },
  )
  t.match(json(await signIn(app)), { user: { sub: david.id, name: 'David Miller', email: 'david@example.com' } })
  const gone = await app.browser.open(`${app.baseURL}/logout`)
  t.equal(gone.url.replace(/\/$/, ''), app.baseURL)
})

await t.test('code id_token by form_post', async (t) => {
  const app = await startApp(
    t,
    (app) => ({ ...codeFlow(app), authorizationParams: { response_type: 'code id_token', scope: 'openid profile' } }),
    { responseTypes: ['code', 'code id_token'] },
  )
  t.match(json(await signIn(app)), { user: { sub: david.id } })
})

await t.test('what goes wrong says why', async (t) => {
  await t.test('a wrong secret', async (t) => {
    const told = /authentication is wrong or missing/
    const post = await startApp(t, (app) => ({ ...codeFlow(app), clientSecret: 'not the secret' }))
    t.match(json(await signIn(post)), { error: 'invalid_client', error_description: told })
    t.match(refusalsOf(instance).at(-1), { cause: { cause: /^the secret is wrong/ } })
    const basic = await startApp(t, (app) => ({
      ...codeFlow(app),
      clientSecret: 'not the secret',
      clientAuthMethod: 'client_secret_basic',
    }))
    t.match(json(await signIn(basic)), { error: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' }, 'all the library says')
    t.match(refusalsOf(instance).at(-1), { cause: { cause: /^the secret is wrong/ } })
  })

  await t.test('a response type the record does not list', async (t) => {
    const app = await startApp(t, ({ baseURL, clientID }) => ({
      issuerBaseURL: issuer,
      baseURL,
      clientID,
      secret: cookieSecret,
    }))
    const shown = json(await signIn(app))
    t.match(shown, { error: 'unauthorized_client', error_description: /response_type|id_token/ })
  })

  await t.test('a callback that is not registered: a page of the server says so', async (t) => {
    const app = await startApp(t, codeFlow, { impersonateLoginUrl: ['https://elsewhere.example.com/callback'] })
    const view = await app.browser.open(`${app.baseURL}/me`)
    matchesWhole(t, [view.status, view.text], [400, /redirect_uri is not registered for this app/])
  })

  await t.test('a disabled app', async (t) => {
    const app = await startApp(t, codeFlow)
    await signIn(app)
    await enableApp(instance, app.clientID, false)
    const shown = json(await app.browser.open(`${app.baseURL}/refresh`))
    const { refusal, cause } = refusalsOf(instance).at(-1) ?? {}
    t.match(cause, { cause: 'the app is disabled' })
    t.match(shown, { error: 'invalid_client', cause: { error_uri: `${issuer}/error?refusal=${refusal}` } })
  })
})
