// SQLite alone: is about how answers are sent to an app; consent.ts and single-use.ts ask both databases for them
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { authorize, postedFields, redeem } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { PASSWORD, startInstance } from '../../fixtures/instance/instance.ts'
import {
  HYBRID,
  HYBRID_REDIRECT,
  startWorld,
  WEB,
  WEB_REDIRECT,
  WEB_REDIRECT_WITH_QUERY,
} from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { launchChromium, noChromium } from '../../fixtures/sign-in/chromium.ts'

const { instance } = await startWorld(t)
const FORM_POST = { response_mode: 'form_post' }

await t.test(
  'Form Post Response Mode §2: the answer is a form that posts to the redirect URI, and nothing is in a URL',
  async (t) => {
    const state = `"'<script>&amp; %22+ -._~`
    const view = await authorize(instance, { ...FORM_POST, redirect_uri: WEB_REDIRECT_WITH_QUERY, state })
    t.equal(view.leftTo, undefined, 'no redirect')
    const form = view.page.querySelector('#form-post')
    t.strictSame([form?.getAttribute('method'), form?.getAttribute('action')], ['post', WEB_REDIRECT_WITH_QUERY])
    const { code, session_state: session, ...rest } = Object.fromEntries(postedFields(view))
    matchesWhole(t, [code, session], [/^[\w-]{43}$/, /^[\w-]{43}\.[\w-]+$/])
    t.strictSame(rest, { state, iss: instance.issuer }, 'state byte for byte')
    t.match(view.page.querySelector('#form-post button')?.text, 'Continue', 'for browsers without scripts')
    t.equal(view.headers.get('cache-control'), 'no-store')
    const policy = view.headers.get('content-security-policy') ?? ''
    t.match(policy, "script-src 'self';", 'no inline script')
    t.notMatch(policy, 'form-action', 'the app may redirect the form to anything')
    const tokens = tokensOf(await redeem(instance, code ?? '', { redirect_uri: WEB_REDIRECT_WITH_QUERY }))
    t.equal(tokens.token_type, 'Bearer')
  },
)

await t.test('Multiple Response Types §5: code id_token may be posted, too', async (t) => {
  const hybrid = { client_id: HYBRID, redirect_uri: HYBRID_REDIRECT, response_type: 'code id_token', nonce: 'n-1' }
  const view = await authorize(instance, { ...hybrid, ...FORM_POST })
  t.strictSame(
    postedFields(view).map(([name]) => name),
    ['code', 'id_token', 'session_state', 'iss'],
  )
})

await t.test(
  'OIDC Core §3.1.2.6: a request object that is not offered says how its refusal is sent, and nothing else',
  async (t) => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const objectOf = (claims: object, header: object = { alg: 'none' }): string => `${part(header)}.${part(claims)}.`
    const ask = (request: string, beside: Readonly<Record<string, string>> = {}) =>
      createBrowser(instance.origin).open(
        authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid', request, ...beside }),
      )
    const refusedWith = (fields: Iterable<readonly [string, string]>) => {
      const { error, state } = Object.fromEntries(fields) as Record<string, string | undefined>
      return { error, state }
    }
    const inside = {
      ...FORM_POST,
      state: 'inside',
      redirect_uri: 'https://evil.test/cb',
      client_id: HYBRID,
      prompt: 'none',
    }
    for (const request of [objectOf(inside), `${objectOf(inside, { alg: 'RS256' })}c2ln`]) {
      const view = await ask(request, { state: 'outside' })
      t.equal(view.page.querySelector('#form-post')?.getAttribute('action'), WEB_REDIRECT, 'to the address beside it')
      t.strictSame(refusedWith(postedFields(view)), { error: 'request_not_supported', state: 'inside' })
    }

    const answered = async (claims: object, beside: Readonly<Record<string, string>> = {}) =>
      refusedWith((await ask(objectOf(claims), beside)).leftTo?.searchParams ?? [])
    const outside = { error: 'request_not_supported', state: 'outside' }
    t.strictSame(await answered({}, { state: 'outside' }), outside)
    t.strictSame(await answered({ state: 7, response_mode: 'sms' }, { state: 'outside' }), outside)
    t.strictSame(await answered({ state: 'x'.repeat(3000) }, { state: 'outside' }), outside)
    t.strictSame(refusedWith((await ask('no.jwt', { state: 'outside' })).leftTo?.searchParams ?? []), outside)

    const page = await ask(objectOf({ ...inside, redirect_uri: WEB_REDIRECT }), { redirect_uri: '' })
    t.equal(page.leftTo, undefined, 'an address in the object leads nowhere')
    t.equal(page.status, 400)
    t.equal((await ask(objectOf(inside), { redirect_uri: 'https://evil.test/cb' })).status, 400)
  },
)

await t.test('OIDC Core §3.1.2.6: an error is posted as well', async (t) => {
  const nobody = createBrowser(instance.origin)
  const url = authorizeUrl(instance, {
    client_id: WEB,
    redirect_uri: WEB_REDIRECT,
    ...FORM_POST,
    prompt: 'none',
    state: 's',
  })
  const view = await nobody.open(url)
  t.equal(view.leftTo, undefined)
  t.match(Object.fromEntries(postedFields(view)), { error: 'login_required', state: 's', iss: instance.issuer })
  const without = await nobody.open(url.replace('response_type=code&', ''))
  t.match(Object.fromEntries(postedFields(without)), { error: 'invalid_request', state: 's' }, 'no response_type')
})

await t.test('in Chromium', { skip: noChromium() }, async (t) => {
  const own = await startInstance()
  t.teardown(() => own.close())
  const received: { method: string | undefined; type: string | undefined; url: string | undefined; body: string }[] = []
  const redirectUri = `${await appThatKeeps(t, received)}/cb`
  await own.addUser({ login: 'david' })
  await own.addApp({
    applicationUri: WEB,
    name: 'Web shop',
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [redirectUri],
    requireConsent: false,
  })
  const chromium = await launchChromium()
  t.teardown(() => chromium.close())

  for (const javaScriptEnabled of [true, false]) {
    await t.test(javaScriptEnabled ? 'the form posts itself' : 'the button posts it without scripts', async (t) => {
      const context = await chromium.newContext({ javaScriptEnabled })
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => complaints.push(message.text()))
      await page.goto(authorizeUrl(own, { client_id: WEB, redirect_uri: redirectUri, ...FORM_POST, state: 's' }))
      await page.fill('#username', 'david')
      await page.fill('#password', PASSWORD)
      await page.click('#login-submit')
      if (!javaScriptEnabled) await page.click('#form-post-submit')
      await page.waitForURL(redirectUri)
      const [{ body = '', ...how } = {}] = received.splice(0)
      t.strictSame(how, { method: 'POST', type: 'application/x-www-form-urlencoded', url: '/cb' })
      t.match(body, /^code=[\w-]{43}&session_state=[\w.-]+&state=s&iss=/)
      t.strictSame(complaints, [])
      await context.close()
    })
  }
})

/** An app that keeps what is posted to it. */
async function appThatKeeps(t: Test, received: object[]): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      received.push({ method: request.method, type: request.headers['content-type'], url: request.url, body })
      response.end('<link rel="icon" href="data:,"><p>Welcome</p>')
    })
    response.setHeader('content-type', 'text/html')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
