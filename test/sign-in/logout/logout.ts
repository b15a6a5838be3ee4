import t, { type Test } from 'tap'
import { type Refusal, refusedByPage, refusedByRedirect } from '../../fixtures/answers/refusals.ts'
import { answerOf, authorize, obtainTokens, redeem } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { basic, encode, type Fields } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import {
  enableApp,
  OTHER,
  OTHER_REDIRECT,
  startWorld,
  WEB,
  WEB_BYE,
  WEB_REDIRECT,
} from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t)
const endpoint = `${instance.issuer}/connect/endsession`
const OTHER_BYE = 'https://other.example.com/bye'
const ASKED = `${instance.issuer}/logout?interaction=`
const DONE = `${instance.issuer}/logout/signed-out`

/** Somebody signed in at the web app, in a browser of their own, and the tokens it got. */
async function signedIn(login = 'david') {
  const browser = createBrowser(instance.origin)
  return { browser, tokens: await obtainTokens(instance, {}, { login, browser }) }
}

const get = (browser: Browser, fields: Fields = {}): Promise<View> => browser.open(`${endpoint}?${encode(fields)}`)
const post = (browser: Browser, fields: Fields = {}): Promise<View> =>
  browser.follow(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.example.com' },
    body: encode(fields).toString(),
  })
const WAYS = { GET: get, POST: post }

const silently = (browser: Browser): Promise<View> =>
  browser.open(
    authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none', state: 's', scope: 'openid' }),
  )
const cookieNames = async (browser: Browser): Promise<string[]> =>
  (await browser.jar.getCookies(instance.origin)).map(({ key }) => key).sort()

/** The session is over: the cookie is gone, and an app that asks silently is told so. */
async function isOver(t: Test, browser: Browser): Promise<void> {
  t.strictSame(await cookieNames(browser), ['tessera-browser', 'tessera-device'])
  refusedByRedirect(t, instance, await silently(browser), {
    error: 'login_required',
    description: 'nobody is signed in, or they must sign in again',
    state: 's',
  })
}
async function goesOn(t: Test, browser: Browser): Promise<void> {
  t.ok(answerOf(await silently(browser)).get('code'), 'the session lives')
}

/** The page that asks, and a session that nobody has ended yet. */
async function isAsked(t: Test, browser: Browser, view: View): Promise<void> {
  t.strictSame([view.status, view.leftTo, view.url.startsWith(ASKED)], [200, undefined, true])
  t.ok(view.page.querySelector('#logout-confirm'))
  await goesOn(t, browser)
}

await t.test('§2 with a genuine hint of this session: at once', async (t) => {
  for (const [way, send] of Object.entries(WAYS)) {
    for (const minutes of [0, 10]) {
      await t.test(`${way}, the hint ${minutes} minutes old`, async (t) => {
        const { browser, tokens } = await signedIn()
        const id_token_hint = tokens.id_token
        instance.advance(minutes * 60_000)
        await goesOn(t, browser)
        const view = await send(browser, { id_token_hint, post_logout_redirect_uri: WEB_BYE, state: 'st' })
        t.equal(view.leftTo?.href, `${WEB_BYE}?state=st`)
        await isOver(t, browser)
        const twice = await send(browser, { id_token_hint, post_logout_redirect_uri: WEB_BYE, state: 'st' })
        t.equal(twice.leftTo?.href, `${WEB_BYE}?state=st`, 'LO-09 once more does no harm')
      })
    }
  }

  await t.test('without a redirect URI it ends on our own page', async (t) => {
    const { browser, tokens } = await signedIn()
    const view = await get(browser, { id_token_hint: tokens.id_token, state: 'st' })
    t.strictSame([view.url, view.status], [DONE, 200])
    t.equal(view.page.querySelector('h1')?.text, 'You are signed out')
    t.strictSame(view.page.querySelectorAll('form'), [])
    t.equal(view.headers.get('cache-control'), 'no-store')
    await isOver(t, browser)
  })

  await t.test('the cookie is taken away with the attributes it was set with', async (t) => {
    const { browser, tokens } = await signedIn()
    const begun = await browser.request(`${endpoint}?${encode({ id_token_hint: tokens.id_token })}`)
    t.equal(begun.status, 303)
    const answer = await browser.request(begun.headers.get('location') ?? '')
    t.match(answer.headers.getSetCookie()[0], /^tessera-session=; .*Path=\/; .*HttpOnly; SameSite=Lax$/)
    t.strictSame([answer.status, answer.headers.get('location')], [303, DONE])
  })

  await t.test('LO-09 a copy of the cookie is worth nothing afterwards', async (t) => {
    const { browser, tokens } = await signedIn()
    const [cookie] = (await browser.jar.getCookies(instance.origin)).filter(({ key }) => key === 'tessera-session')
    const thief = createBrowser(instance.origin)
    await thief.jar.setCookie(`tessera-session=${cookie?.value}; Path=/`, instance.origin)
    await goesOn(t, thief)
    await get(browser, { id_token_hint: tokens.id_token })
    t.equal(answerOf(await silently(thief)).get('error'), 'login_required')
  })
})

await t.test('LO-01, LO-03 without a hint that vouches for the session: the person is asked', async (t) => {
  const [david, anna, stranger] = [await signedIn(), await signedIn('anna'), await signedIn()]
  const tokenOf = david.tokens.id_token
  const [head = '', body = '', signature = ''] = tokenOf.split('.')
  const changed = Buffer.from(JSON.stringify({ ...claimsOf(tokenOf), sid: 'x' })).toString('base64url')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  const hints: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    nothing: {},
    'client_id only': { client_id: WEB },
    'a hint of another person': { id_token_hint: anna.tokens.id_token },
    'a hint of another session of the same person': { id_token_hint: stranger.tokens.id_token },
    'an access token': { id_token_hint: david.tokens.access_token },
    'a changed hint': { id_token_hint: `${head}.${changed}.${signature}` },
    'a hint signed by nobody': { id_token_hint: `${none}.${body}.` },
    'a hint with another signature': { id_token_hint: `${head}.${body}.${signature.slice(0, -4)}AAAA` },
    nonsense: { id_token_hint: 'x' },
    'unknown parameters': { logout_hint: 'david', __proto__x: '1' },
  }
  for (const [name, fields] of Object.entries(hints)) {
    for (const [way, send] of Object.entries(WAYS)) {
      await t.test(`${name}, ${way}`, async (t) => isAsked(t, david.browser, await send(david.browser, fields)))
    }
  }
  const page = await get(david.browser, { id_token_hint: anna.tokens.id_token, post_logout_redirect_uri: WEB_BYE })
  await isAsked(t, david.browser, page)
  t.match(page.page.querySelector('main')?.text, /David Miller[\s\S]*Web shop/, 'and told who is signed in')
  t.equal((await david.browser.submit(page, 'logout-confirm')).leftTo?.href, WEB_BYE)
  await isOver(t, david.browser)
  await goesOn(t, stranger.browser)
  const nobody = createBrowser(instance.origin)
  t.equal((await get(nobody, { client_id: WEB })).url, DONE, 'where nobody is signed in there is nothing to ask')
})

await t.test('LO-02, LO-03 where the browser may not go: an error page, and the session lives', async (t) => {
  const { browser, tokens } = await signedIn()
  const id_token_hint = tokens.id_token
  const ofOther = tokensOf(
    await redeem(
      instance,
      answerOf(await authorize(instance, { client_id: OTHER, redirect_uri: OTHER_REDIRECT }, { browser })).get(
        'code',
      ) ?? '',
      { redirect_uri: OTHER_REDIRECT },
      basic(OTHER),
    ),
  )
  const unregistered = 'post_logout_redirect_uri is not registered for this app'
  const unnamed =
    'post_logout_redirect_uri needs a valid id_token_hint, or the client_id of an app it is registered for'
  const rows: [string, Readonly<Record<string, string>>, string][] = [
    ['unregistered', { id_token_hint, post_logout_redirect_uri: 'https://evil.test/' }, unregistered],
    ['query added', { id_token_hint, post_logout_redirect_uri: `${WEB_BYE}?x=1` }, unregistered],
    ['slash added', { id_token_hint, post_logout_redirect_uri: `${WEB_BYE}/` }, unregistered],
    ['other case', { id_token_hint, post_logout_redirect_uri: WEB_BYE.toUpperCase() }, unregistered],
    ['a login redirect URI', { id_token_hint, post_logout_redirect_uri: WEB_REDIRECT }, unregistered],
    ['of another app', { id_token_hint, post_logout_redirect_uri: OTHER_BYE }, unregistered],
    ['of another app, by client_id', { client_id: WEB, post_logout_redirect_uri: OTHER_BYE }, unregistered],
    ['hint of another app', { id_token_hint: ofOther.id_token, post_logout_redirect_uri: WEB_BYE }, unregistered],
    ['neither hint nor client_id', { post_logout_redirect_uri: WEB_BYE }, unnamed],
    ['hint and client_id differ', { id_token_hint, client_id: OTHER, post_logout_redirect_uri: OTHER_BYE }, unnamed],
    ['differ the other way', { id_token_hint, client_id: OTHER, post_logout_redirect_uri: WEB_BYE }, unnamed],
    ['bad hint, good client_id', { id_token_hint: 'x', client_id: WEB, post_logout_redirect_uri: WEB_BYE }, unnamed],
    ['unknown app', { client_id: 'nobody', post_logout_redirect_uri: WEB_BYE }, unnamed],
  ]
  for (const [name, fields, description] of rows) {
    for (const [way, send] of Object.entries(WAYS)) {
      await t.test(`${name}, ${way}`, async (t) => {
        const refusal: Refusal = { status: 400, error: 'invalid_request', description }
        const cause = { sent: fields['post_logout_redirect_uri'] }
        const view = await send(browser, { ...fields, state: '"><script>' })
        refusedByPage(t, instance, view, { ...refusal, cause })
        t.notMatch(view.text, /<script/)
        t.equal(view.page.querySelector('a.button')?.getAttribute('href'), endpoint, 'signing out is still offered')
      })
    }
  }
  await enableApp(instance, WEB, false)
  refusedByPage(t, instance, await get(browser, { id_token_hint, post_logout_redirect_uri: WEB_BYE }), {
    status: 400,
    error: 'invalid_request',
    description: unnamed,
  })
  await enableApp(instance, WEB, true)
  await goesOn(t, browser)
})

await t.test('client_id alone is enough for a registered URI, once the person agrees', async (t) => {
  const { browser } = await signedIn()
  const page = await get(browser, { client_id: WEB, post_logout_redirect_uri: WEB_BYE })
  await isAsked(t, browser, page)
  t.notMatch(page.headers.get('content-security-policy'), 'form-action', 'the app may redirect on to anything')
  t.equal((await browser.submit(page, 'logout-confirm')).leftTo?.href, WEB_BYE, 'no state sent, none returned')
  await isOver(t, browser)
})

await t.test('§3, LO-05 state comes back byte for byte, with and without asking', async (t) => {
  const states = [
    'x',
    '~'.repeat(2000),
    '%+ &=#?/;'.repeat(200),
    'ж😀'.repeat(680),
    '\0'.repeat(680),
    'line\r\nSet-Cookie: x=1',
    '"><script>alert(1)</script>',
    ' a  b ',
    '&state=evil',
  ]
  for (const [way, send] of Object.entries(WAYS)) {
    for (const state of states) {
      const { browser, tokens } = await signedIn()
      const asked = await send(browser, { client_id: WEB, post_logout_redirect_uri: WEB_BYE, state })
      const request = { id_token_hint: tokens.id_token, post_logout_redirect_uri: WEB_BYE, state }
      for (const view of [await send(browser, request), await browser.submit(asked, 'logout-confirm')]) {
        t.equal(view.leftTo?.searchParams.get('state'), state, `${way} ${JSON.stringify(state).slice(0, 40)}`)
        t.strictSame([...(view.leftTo?.searchParams.keys() ?? [])], ['state'])
        t.notMatch(view.headers.get('location'), /[\s"<>]/)
      }
    }
  }
  const long: Refusal = {
    status: 400,
    error: 'invalid_request',
    description: 'parameter is too long: state (at most 2048 characters)',
  }
  const tooLong = { client_id: WEB, post_logout_redirect_uri: WEB_BYE, state: 'x'.repeat(2049) }
  refusedByPage(t, instance, await get(createBrowser(instance.origin), tooLong), long)
  const huge: Refusal = { status: 400, error: 'invalid_request', description: 'the sign-out request is too long' }
  const nuls = { client_id: WEB, post_logout_redirect_uri: WEB_BYE, state: '\0'.repeat(2048) }
  for (const send of Object.values(WAYS))
    refusedByPage(t, instance, await send(createBrowser(instance.origin), nuls), huge)
})
