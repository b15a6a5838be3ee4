// SQLite alone: client-openid-client.ts sends the same requests
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { refusalsOf } from '../fixtures/answers/refusals.ts'
import { openAddress } from '../fixtures/clients/address.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { enableApp, startWorld } from '../fixtures/instance/world.ts'
import { launchChromium, noChromium } from '../fixtures/sign-in/chromium.ts'

// A browser on a busy machine takes its time.
const LIBRARY = readFileSync(
  new URL('../../node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js', import.meta.url),
)

/** The page of the app, the same at every address: the library, and what an app does with it when it is called back. */
const pageOf = (
  issuer: string,
  clientId: string,
  changes: Readonly<Record<string, unknown>>,
): string => `<!doctype html>
<link rel="icon" href="data:,"><title>app</title><script src="/oidc-client-ts.js"></script><script>
const issuer = ${JSON.stringify(issuer)}, clientId = ${JSON.stringify(clientId)}
// docs: begin
const settings = {
  authority: issuer,
  client_id: clientId,
  redirect_uri: \`\${location.origin}/callback\`,
  silent_redirect_uri: \`\${location.origin}/silent\`,
  popup_redirect_uri: \`\${location.origin}/popup\`,
  post_logout_redirect_uri: \`\${location.origin}/\`,
  scope: 'openid profile email offline_access read',
  loadUserInfo: true,
}
// docs: end
const manager = new oidc.UserManager({ ...settings, ...${JSON.stringify(changes)} })
const completed = ['/callback', '/silent', '/popup'].includes(location.pathname) ? manager.signinCallback() : undefined
completed?.catch(() => undefined)
const shown = (error) => ({ name: error.name, message: error.message, ...error })
</script>`

await t.test('in Chromium', { skip: noChromium() }, async (t) => {
  const { instance, david } = await startWorld(t)
  const chromium = await launchChromium()
  t.teardown(() => chromium.close())
  let apps = 0

  /** A single-page app of its own origin, registered, and its first page in a browser of its own. */
  async function startApp(t: Test, changes: Readonly<Record<string, unknown>> = {}, host = 'localhost') {
    const address = await openAddress(t, host)
    const clientId = `my.trusted.app/spa-${apps++}`
    await instance.addApp({
      applicationUri: clientId,
      clientType: 'Public',
      impersonateAsInternalUserAllowed: true,
      impersonateLoginUrl: ['callback', 'silent', 'popup'].map((path) => `${address.url}/${path}`),
      impersonateLogoutUrl: [`${address.url}/`],
      scope: ['read'],
    })
    const html = pageOf(instance.issuer, clientId, changes)
    const listener: RequestListener = ({ url }, response) => {
      const isLibrary = url === '/oidc-client-ts.js'
      response.setHeader('content-type', isLibrary ? 'text/javascript' : 'text/html; charset=utf-8')
      response.end(isLibrary ? LIBRARY : html)
    }
    address.serve(listener)
    const context = await chromium.newContext({ locale: 'en-GB' })
    t.teardown(() => context.close())
    context.setDefaultTimeout(10_000)
    const page = await context.newPage()
    await page.goto(`${address.url}/`)
    return { url: address.url, clientId, context, page }
  }

  /** Signs David in on the server's pages, as far as they ask. */
  async function onOurPages(page: Page): Promise<void> {
    await page.fill('#username', 'david')
    await page.fill('#password', PASSWORD)
    await page.click('#login-submit')
    await page.click('#consent-approve')
  }

  type App = Awaited<ReturnType<typeof startApp>>
  /** What the app's own code gets from the library, or the error it catches. */
  const inApp = ({ page }: App, code: string): Promise<Record<string, unknown>> =>
    page.evaluate(`(async () => { try { return await (${code}) } catch (error) { return shown(error) } })()`)

  async function signIn(app: App): Promise<Record<string, unknown>> {
    await app.page.evaluate('void manager.signinRedirect()')
    await onOurPages(app.page)
    await app.page.waitForURL(`${app.url}/callback?*`)
    return inApp(app, 'completed')
  }

  await t.test('sign-in by redirect, userinfo, refresh, revocation, sign-out', async (t) => {
    const app = await startApp(t)
    const user = await signIn(app)
    t.match(user, {
      profile: { sub: david.id, name: 'David Miller', email: 'david@example.com' },
      token_type: 'Bearer',
    })
    const refreshed = await inApp(app, 'manager.signinSilent()')
    t.match(refreshed, { access_token: /./, profile: { sub: david.id } })
    t.not(refreshed['access_token'], user['access_token'])
    t.equal(await inApp(app, 'manager.revokeTokens().then(() => "revoked")'), 'revoked')
    await app.page.evaluate('void manager.signoutRedirect()')
    await app.page.waitForURL(`${app.url}/`)
    await app.page.evaluate('void manager.signinRedirect()')
    await app.page.waitForSelector('#login-submit')
  })

  await t.test(
    'silent renewal in an iframe at a loopback address: consent_required, as in any app on the device',
    async (t) => {
      const app = await startApp(t, { scope: 'openid profile read' })
      await signIn(app)
      const renewed = await inApp(app, 'manager.signinSilent()')
      t.match(renewed, { error: 'consent_required', error_description: /asked each time/, error_uri: /refusal=/ })
      t.match(refusalsOf(instance).at(-1), { cause: { rule: 'consent-each-time' } })
      await app.context.clearCookies({ domain: 'localhost' })
      t.match(await inApp(app, 'manager.signinSilent()'), { error: 'login_required', error_uri: /refusal=/ })
    },
  )

  await t.test(
    'across sites no cookie reaches the iframe: login_required, and refresh tokens are the way',
    async (t) => {
      const app = await startApp(t, { scope: 'openid profile read' }, '127.0.0.1')
      await signIn(app)
      t.match(await inApp(app, 'manager.signinSilent()'), { error: 'login_required' })
      const other = await startApp(t, {}, '127.0.0.1')
      await signIn(other)
      t.match(await inApp(other, 'manager.signinSilent()'), { profile: { sub: david.id } })
    },
  )

  await t.test('sign-in in a popup', async (t) => {
    const app = await startApp(t)
    const opened = app.context.waitForEvent('page')
    await app.page.evaluate('void (window.signingIn = manager.signinPopup())')
    const popup = await opened
    await onOurPages(popup)
    t.match(await inApp(app, 'window.signingIn'), { profile: { sub: david.id } })
    t.ok(popup.isClosed())
  })

  await t.test('what goes wrong says why', async (t) => {
    await t.test('a scope that is not registered', async (t) => {
      const app = await startApp(t, { scope: 'openid update' })
      await app.page.evaluate('void manager.signinRedirect()')
      await app.page.waitForURL(`${app.url}/callback?*`)
      t.match(await inApp(app, 'completed'), {
        name: 'ErrorResponse',
        error: 'invalid_scope',
        error_description: /update/,
        error_uri: /\/error\?refusal=[0-9a-z]{16}$/,
      })
    })

    await t.test('a disabled app, whose origin may read nothing any more: the operator sees why', async (t) => {
      const app = await startApp(t)
      await signIn(app)
      await enableApp(instance, app.clientId, false)
      t.match(await inApp(app, 'manager.signinSilent()'), { message: 'Failed to fetch' })
      t.match(refusalsOf(instance).at(-1), { cause: { cause: 'the app is disabled' } })
    })
  })
})
