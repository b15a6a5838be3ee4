import { createHmac, generateKeyPairSync, sign as signWith } from 'node:crypto'
import t, { type Test } from 'tap'
import { answerOf, obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { encode } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { SECRET } from '../../fixtures/instance/instance.ts'
import { OTHER, startWorld, WEB, WEB_BYE, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t)
const metadata = (await (await fetch(`${instance.issuer}/.well-known/openid-configuration`)).json()) as {
  readonly end_session_endpoint: string
}
const endpoint = metadata.end_session_endpoint
const DAY = 24 * 3600_000

async function signedIn() {
  const browser = createBrowser(instance.origin)
  return { browser, hint: (await obtainTokens(instance, {}, { browser })).id_token }
}

const end = (browser: Browser, fields: Readonly<Record<string, string>>): Promise<View> =>
  browser.open(`${endpoint}?${encode(fields)}`)

async function errorAsked(browser: Browser): Promise<string | null> {
  const asked = { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none' }
  return answerOf(await browser.open(authorizeUrl(instance, asked))).get('error')
}

/** Nothing is redirected, a page is shown, and whoever was signed in still is. */
async function staysHere(t: Test, browser: Browser, view: View): Promise<void> {
  t.equal(view.leftTo, undefined)
  t.ok(view.page.querySelector('#logout-confirm, #error-code'), 'a page to confirm, or an error')
  t.equal(await errorAsked(browser), null, 'the session lives')
}

await t.test('§2, §3 hint, registered URI and state: back at the app, with the state and nothing else', async (t) => {
  const visible = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('')
  for (const state of ['"%&<#='.padEnd(50, "~`|{}[]^\\>+?/;:@$,!*()' "), visible.slice(0, 50), visible.slice(45)]) {
    const { browser, hint } = await signedIn()
    const view = await end(browser, { id_token_hint: hint, post_logout_redirect_uri: WEB_BYE, state })
    t.strictSame([...(view.leftTo?.searchParams ?? [])], [['state', state]])
    t.equal(`${view.leftTo?.origin}${view.leftTo?.pathname}`, WEB_BYE)
    t.equal(await errorAsked(browser), 'login_required', 'the session is gone')
  }
  const { browser, hint } = await signedIn()
  const view = await end(browser, { id_token_hint: hint, post_logout_redirect_uri: WEB_BYE })
  t.equal(view.leftTo?.href, WEB_BYE, 'no state sent, none returned')
})

await t.test('§2 a hint stays good when it has expired, and when its session is long over', async (t) => {
  const { browser, hint } = await signedIn()
  instance.advance(3600_000)
  const view = await end(browser, { id_token_hint: hint, post_logout_redirect_uri: WEB_BYE, state: 's' })
  t.equal(view.leftTo?.href, `${WEB_BYE}?state=s`)
  t.equal(await errorAsked(browser), 'login_required')
  instance.advance(30 * DAY)
  const later = await end(browser, { id_token_hint: hint, post_logout_redirect_uri: WEB_BYE, state: 's' })
  t.equal(later.leftTo?.href, `${WEB_BYE}?state=s`)
})

await t.test('§2 a hint of another session of the same person: it asks before it ends this one', async (t) => {
  const [elsewhere, here] = [await signedIn(), await signedIn()]
  t.equal(claimsOf(elsewhere.hint)['sub'], claimsOf(here.hint)['sub'])
  const asked = { id_token_hint: elsewhere.hint, post_logout_redirect_uri: WEB_BYE }
  await staysHere(t, here.browser, await end(here.browser, asked))
})

await t.test('§2, §4 LO-02, LO-03 never sent anywhere', async (t) => {
  const { browser, hint } = await signedIn()
  const claims = claimsOf(hint)
  const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const header = JSON.parse(Buffer.from(hint.split('.')[0] ?? '', 'base64url').toString()) as object
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signed = (head: object, body: object, signer: (input: string) => Buffer): string => {
    const input = `${encoded(head)}.${encoded(body)}`
    return `${input}.${signer(input).toString('base64url')}`
  }
  const byStranger = (input: string): Buffer => signWith('sha256', Buffer.from(input), privateKey)
  const bySecret = (input: string): Buffer => createHmac('sha256', SECRET).update(input).digest()
  const swapped = { ...claims, iss: claims['aud'], aud: claims['iss'] }
  const hints: Readonly<Record<string, string>> = {
    'signed by nobody': signed({ alg: 'none' }, claims, () => Buffer.alloc(0)),
    'signed by nobody, typed': signed({ alg: 'none', typ: 'JWT' }, claims, () => Buffer.alloc(0)),
    'signed with the secret of the app': signed({ alg: 'HS256', typ: 'JWT' }, claims, bySecret),
    'the same, iss and aud swapped': signed({ alg: 'HS256', typ: 'JWT' }, swapped, bySecret),
    'signed by a stranger with our kid': signed(header, claims, byStranger),
    'signed by a stranger, iss and aud swapped': signed(header, swapped, byStranger),
  }
  for (const [name, id_token_hint] of Object.entries(hints)) {
    const asked = { id_token_hint, post_logout_redirect_uri: WEB_BYE, state: 's' }
    await t.test(name, async (t) => staysHere(t, browser, await end(browser, asked)))
    await t.test(`${name}, with client_id`, async (t) =>
      staysHere(t, browser, await end(browser, { ...asked, client_id: WEB })),
    )
  }
  for (const [name, fields] of Object.entries({
    'no hint': { post_logout_redirect_uri: WEB_BYE },
    'query added': { id_token_hint: hint, post_logout_redirect_uri: `${WEB_BYE}?foo=bar` },
    unregistered: { id_token_hint: hint, post_logout_redirect_uri: 'https://app.example.com/elsewhere' },
    'hint of one app, client_id of another': {
      id_token_hint: hint,
      client_id: OTHER,
      post_logout_redirect_uri: WEB_BYE,
    },
  }))
    await t.test(name, async (t) => staysHere(t, browser, await end(browser, { ...fields, state: 's' })))
})

await t.test('§2 without a URI to go to it ends on our own page', async (t) => {
  for (const fields of [{}, { state: 's' }, { state: 's', client_id: WEB }]) {
    const { browser } = await signedIn()
    const asked = await end(browser, fields)
    const done = await browser.submit(asked, 'logout-confirm')
    t.strictSame([done.url, done.status], [`${instance.issuer}/logout/signed-out`, 200])
    t.equal(await errorAsked(browser), 'login_required')
  }
  const { browser, hint } = await signedIn()
  const done = await end(browser, { id_token_hint: hint, state: 's' })
  t.strictSame([done.url, done.leftTo], [`${instance.issuer}/logout/signed-out`, undefined])
})
