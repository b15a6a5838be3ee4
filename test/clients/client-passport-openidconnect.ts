// SQLite alone: client-openid-client.ts sends the same requests
import express, { type ErrorHandler } from 'express'
import session from 'express-session'
import { Passport } from 'passport'
import OpenIDConnectStrategy, { type Options } from 'passport-openidconnect'
import t, { type Test } from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { refusalsOf } from '../fixtures/answers/refusals.ts'
import { openAddress } from '../fixtures/clients/address.ts'
import { PASSWORD, SECRET } from '../fixtures/instance/instance.ts'
import { enableApp, startWorld } from '../fixtures/instance/world.ts'
import { createBrowser, type View } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

const { instance, david } = await startWorld(t)
const { issuer } = instance
let apps = 0

const showError: ErrorHandler = (error, _request, response, _next) => {
  const { name, message } = error
  response.status(500).json({ ...error, name, message })
}

/** An Express app that people sign in to through the library, and a browser at its door. */
async function startApp(t: Test, changes: Partial<Options> = {}) {
  const address = await openAddress(t)
  const clientID = `my.trusted.app/passport-${apps++}`
  const callbackURL = `${address.url}/cb`
  await instance.addApp({
    applicationUri: clientID,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [callbackURL],
    scope: ['read'],
  })
  const clientSecret = SECRET
  // docs: begin
  const options = {
    issuer,
    authorizationURL: `${issuer}/connect/authorize`,
    tokenURL: `${issuer}/connect/token`,
    userInfoURL: `${issuer}/connect/userinfo`,
    clientID,
    clientSecret,
    callbackURL,
    scope: 'profile email', // the library adds openid by itself
    nonce: true,
    skipUserProfile: false,
  }
  // docs: end

  const passport = new Passport()
  passport.use(
    new OpenIDConnectStrategy(
      { ...options, ...changes },
      (iss, profile, _context, idToken, accessToken, refreshToken, done) =>
        done(null, { iss, profile, idToken, accessToken, refreshToken }),
    ),
  )
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user, done) => done(null, user))
  const app = express()
  app.use(session({ secret: 'what the cookie of the app is signed with', resave: false, saveUninitialized: false }))
  app.use(passport.initialize())
  app.use(passport.session())
  app.get('/login', passport.authenticate('openidconnect'))
  app.get('/cb', passport.authenticate('openidconnect', { failWithError: true }), (_, response) =>
    response.redirect('/me'),
  )
  app.get('/me', (request, response) => void response.json(request.user))
  app.use(showError)
  address.serve(app)
  return { ...address, clientID, browser: createBrowser(instance.origin, [address.url]) }
}

type App = Awaited<ReturnType<typeof startApp>>

const signIn = async ({ browser, url }: App): Promise<View> =>
  signInAndConsent(browser, await browser.open(`${url}/login`), 'david')

const json = ({ text }: View): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>

await t.test('sign-in, with the profile from userinfo', async (t) => {
  const app = await startApp(t)
  const me = await signIn(app)
  t.equal(me.url, `${app.url}/me`)
  matchesWhole(t, json(me), {
    iss: issuer,
    profile: {
      id: david.id,
      displayName: 'David Miller',
      name: { givenName: 'David', familyName: 'Miller' },
      emails: [{ value: 'david@example.com' }],
    },
  })
})

await t.test('openid in scope, which the library adds a second time, counts once', async (t) => {
  const app = await startApp(t, { scope: 'openid profile' })
  t.match(json(await signIn(app)), { iss: issuer, profile: { id: david.id } })
})

await t.test('everything else it can ask for: max_age, claims, response_mode, a refresh token', async (t) => {
  const app = await startApp(t, {
    scope: ['profile', 'offline_access', 'read'],
    maxAge: 3600,
    claims: { userinfo: { email: { essential: true } } },
    responseMode: 'query',
  })
  matchesWhole(t, json(await signIn(app)), { profile: { emails: [{ value: 'david@example.com' }] }, refreshToken: /./ })
})

await t.test('what goes wrong says why', async (t) => {
  await t.test('a wrong secret: message, code and the uri that leads to the refusal id', async (t) => {
    const app = await startApp(t, { clientSecret: 'not the secret' })
    const shown = json(await signIn(app))
    const { refusal, cause } = refusalsOf(instance).at(-1) ?? {}
    t.match(cause, { cause: /^the secret is wrong/ })
    t.match(shown, {
      name: 'TokenError',
      code: 'invalid_client',
      message: /authentication is wrong or missing/,
      uri: `${issuer}/error?refusal=${refusal}`,
    })
  })

  await t.test('a person who says no', async (t) => {
    const app = await startApp(t)
    const login = await app.browser.open(`${app.url}/login`)
    const consent = await app.browser.submit(login, 'login-submit', { username: 'david', password: PASSWORD })
    const back = await app.browser.submit(consent, 'consent-deny')
    t.match(json(back), { name: 'AuthenticationError', message: /./ })
  })

  await t.test('a disabled app: a page of the server', async (t) => {
    const app = await startApp(t)
    await enableApp(instance, app.clientID, false)
    const view = await signIn(app)
    matchesWhole(t, [view.status, new URL(view.url).origin], [400, instance.origin])
    t.match(refusalsOf(instance).at(-1), { cause: { cause: /disabled/ } })
  })
})
