import t from 'tap'
import { type Refusal, refusedByRedirect } from '../../fixtures/answers/refusals.ts'
import { answerOf, authorize, obtainTokens, redeem, refresh } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { OTHER, OTHER_REDIRECT, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

const { instance, david, anna } = await startWorld(t)
const SECOND = 1000

const LOGIN_REQUIRED = {
  error: 'login_required',
  description: 'nobody is signed in, or they must sign in again',
} as const satisfies Omit<Refusal, 'status'>

const open = (browser: Browser, parameters: Readonly<Record<string, string>> = {}): Promise<View> =>
  browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, state: 's', ...parameters }))

/** What the ID token of a finished request says. */
async function idTokenOf(view: View): Promise<Record<string, unknown>> {
  const code = answerOf(view).get('code')
  if (code === null) throw new Error(`no code: ${view.leftTo?.href}`)
  return claimsOf(tokensOf(await redeem(instance, code)).id_token)
}

/** A browser in which David signed in a minute ago and allowed the web app to know him. */
async function davidsBrowser() {
  const browser = createBrowser(instance.origin)
  const tokens = await obtainTokens(instance, { scope: 'openid offline_access' }, { browser })
  instance.advance(60 * SECOND)
  return { browser, tokens, claims: claimsOf(tokens.id_token) }
}

const sessionCookie = async (browser: Browser): Promise<string> =>
  (await browser.jar.getCookies(instance.origin)).find((cookie) => cookie.key === 'tessera-session')?.value ?? ''

/** A browser that holds this session cookie and nothing else. */
async function browserWithSession(value: string): Promise<Browser> {
  const browser = createBrowser(instance.origin)
  await browser.jar.setCookie(`tessera-session=${value}; Path=/`, instance.origin)
  return browser
}

const asksToSignIn = (view: View): boolean => view.page.querySelector('#login-submit') !== null
const usernameOf = (view: View): string => view.page.querySelector('#username')?.getAttribute('value') ?? ''

await t.test('AU-11 prompt=none', async (t) => {
  await t.test('without a session: login_required', async (t) => {
    const view = await open(createBrowser(instance.origin), { prompt: 'none' })
    refusedByRedirect(t, instance, view, { ...LOGIN_REQUIRED, state: 's' })
  })

  await t.test('with a session: silent, the same person and auth_time', async (t) => {
    const { browser, claims } = await davidsBrowser()
    const silent = await idTokenOf(await open(browser, { prompt: 'none' }))
    t.strictSame([silent['sub'], silent['auth_time'], silent['sid']], [david.id, claims['auth_time'], claims['sid']])
    t.ok(Number(silent['iat']) > Number(claims['iat']))
  })

  await t.test('with a session but no consent: consent_required', async (t) => {
    const { browser } = await davidsBrowser()
    const consentRequired = {
      error: 'consent_required',
      description: 'the person has not consented to everything the app asks for',
    }
    const more = { prompt: 'none', scope: 'openid update' }
    refusedByRedirect(t, instance, await open(browser, more), {
      ...consentRequired,
      state: 's',
      cause: { missing: ['update'] },
    })
    const other = { prompt: 'none', client_id: OTHER, redirect_uri: OTHER_REDIRECT }
    refusedByRedirect(t, instance, await open(browser, other), { ...consentRequired, state: 's' })
  })

  await t.test('with a session that is too old for max_age: login_required', async (t) => {
    const { browser } = await davidsBrowser()
    for (const max_age of ['0', '59']) {
      const view = await open(browser, { prompt: 'none', max_age })
      refusedByRedirect(t, instance, view, { ...LOGIN_REQUIRED, state: 's' })
    }
    t.ok(answerOf(await open(browser, { prompt: 'none', max_age: '60' })).get('code'))
  })
})

await t.test('prompt=login', async (t) => {
  await t.test('the same person keeps the session: same sid, later auth_time; the old cookie is dead', async (t) => {
    const { browser, claims, tokens } = await davidsBrowser()
    const before = await sessionCookie(browser)
    const page = await open(browser, { prompt: 'login' })
    t.ok(asksToSignIn(page), 'asked although signed in')
    t.equal(usernameOf(page), 'david', 'as whom is filled in')
    const after = await idTokenOf(await signInAndConsent(browser, page, 'david'))
    t.equal(after['sid'], claims['sid'])
    t.equal(after['auth_time'], instance.now() / SECOND)
    t.ok(Number(after['auth_time']) > Number(claims['auth_time']))
    t.not(await sessionCookie(browser), before)
    const old = await open(await browserWithSession(before), { prompt: 'none' })
    refusedByRedirect(t, instance, old, { ...LOGIN_REQUIRED, state: 's' })
    t.equal((await refresh(instance, tokens.refresh_token)).status, 200, 'the old refresh token still works')
  })

  await t.test('another person gets a new session; the first one’s app keeps its tokens', async (t) => {
    const { browser, claims, tokens } = await davidsBrowser()
    const before = await sessionCookie(browser)
    const page = await open(browser, { prompt: 'login' })
    const after = await idTokenOf(await signInAndConsent(browser, page, 'anna'))
    t.equal(after['sub'], anna.id)
    t.not(after['sid'], claims['sid'])
    t.equal((await idTokenOf(await open(browser, { prompt: 'none' })))['sub'], anna.id)
    const old = await open(await browserWithSession(before), { prompt: 'none' })
    refusedByRedirect(t, instance, old, { ...LOGIN_REQUIRED, state: 's' })
    const refreshed = tokensOf(await refresh(instance, tokens.refresh_token))
    t.match(claimsOf(refreshed.access_token), { sub: david.id, sid: claims['sid'] })
  })

  await t.test('AU-12 Back, Escape or a wrong password do not upgrade the session', async (t) => {
    const { browser, claims } = await davidsBrowser()
    const page = await open(browser, { prompt: 'login' })
    await browser.submit(page, 'login-submit', { username: 'david', password: 'wrong password' })
    const silent = await idTokenOf(await open(browser, { prompt: 'none' }))
    t.strictSame([silent['auth_time'], silent['sid']], [claims['auth_time'], claims['sid']])
    const interaction = new URL(page.url).searchParams.get('interaction') ?? ''
    const forward = await browser.open(`${instance.issuer}/connect/authorize/continue?interaction=${interaction}`)
    t.ok(asksToSignIn(forward), 'the way round the form leads back to it')
    t.ok(asksToSignIn(await open(browser, { prompt: 'login' })), 'asked again')
  })

  await t.test('a sign-in made for one request does not count for another that wants its own', async (t) => {
    const { browser } = await davidsBrowser()
    const [one, two] = [await open(browser, { prompt: 'login' }), await open(browser, { prompt: 'login' })]
    t.ok((await signInAndConsent(browser, one, 'david')).leftTo)
    const interaction = new URL(two.url).searchParams.get('interaction') ?? ''
    t.ok(asksToSignIn(await browser.open(`${instance.issuer}/connect/authorize/continue?interaction=${interaction}`)))
  })
})

await t.test('prompt=consent asks although all was allowed, and asks no password', async (t) => {
  const { browser, claims } = await davidsBrowser()
  const page = await open(browser, { prompt: 'consent' })
  t.ok(page.page.querySelector('#consent-approve'))
  t.equal((await idTokenOf(await browser.submit(page, 'consent-approve')))['auth_time'], claims['auth_time'])
  const both = await open(browser, { prompt: 'login consent' })
  t.ok(asksToSignIn(both))
  const consent = await browser.submit(both, 'login-submit', { username: 'david', password: PASSWORD })
  t.ok(consent.page.querySelector('#consent-approve'))
  t.ok(answerOf(await browser.submit(consent, 'consent-approve')).get('code'))
})

await t.test('prompt=select_account lets another person sign in', async (t) => {
  const { browser } = await davidsBrowser()
  const page = await open(browser, { prompt: 'select_account' })
  t.ok(asksToSignIn(page))
  t.equal((await idTokenOf(await signInAndConsent(browser, page, 'anna')))['sub'], anna.id)
})

await t.test('AU-13 max_age', async (t) => {
  await t.test('0 and too small: the person signs in again, and auth_time is later', async (t) => {
    for (const max_age of ['0', '1', '59']) {
      const { browser, claims } = await davidsBrowser()
      const page = await open(browser, { max_age })
      t.ok(asksToSignIn(page), max_age)
      const after = await idTokenOf(await signInAndConsent(browser, page, 'david'))
      t.equal(after['auth_time'], Number(claims['auth_time']) + 60)
    }
  })

  await t.test('0 asks even in the very second of the sign-in', async (t) => {
    const { browser } = await davidsBrowser()
    await signInAndConsent(browser, await open(browser, { prompt: 'login' }), 'david')
    t.ok(asksToSignIn(await open(browser, { max_age: '0' })))
    t.ok((await open(browser, { max_age: '1' })).leftTo)
  })

  await t.test('within age: no sign-in page, the same auth_time', async (t) => {
    for (const max_age of ['60', '10000', '15000', '1000000000', '9999999999']) {
      const { browser, claims } = await davidsBrowser()
      t.equal((await idTokenOf(await open(browser, { max_age })))['auth_time'], claims['auth_time'], max_age)
    }
  })
})

await t.test('id_token_hint', async (t) => {
  await t.test('of the person who is signed in, fresh or expired: silent', async (t) => {
    const { browser, tokens } = await davidsBrowser()
    const hinted = { prompt: 'none', id_token_hint: tokens.id_token }
    t.equal((await idTokenOf(await open(browser, hinted)))['sub'], david.id)
    instance.advance(3600 * SECOND)
    t.equal((await idTokenOf(await open(browser, hinted)))['sub'], david.id, 'expired')
  })

  await t.test('of somebody else: sign in as them; silently, login_required', async (t) => {
    const { tokens } = await davidsBrowser()
    const browser = createBrowser(instance.origin)
    await authorize(instance, {}, { login: 'anna', browser })
    const hinted = { id_token_hint: tokens.id_token }
    const silent = await open(browser, { ...hinted, prompt: 'none' })
    refusedByRedirect(t, instance, silent, { ...LOGIN_REQUIRED, state: 's' })
    const page = await open(browser, hinted)
    t.ok(asksToSignIn(page))
    refusedByRedirect(t, instance, await signInAndConsent(browser, page, 'anna'), {
      error: 'login_required',
      description: 'another person signed in than the app asked for',
      state: 's',
    })
    const again = await signInAndConsent(browser, await open(browser, hinted), 'david')
    t.equal((await idTokenOf(again))['sub'], david.id)
  })

  await t.test('JW-01, JW-08 that is none: invalid_request', async (t) => {
    const { browser, tokens } = await davidsBrowser()
    const [header = '', payload = '', signature = ''] = tokens.id_token.split('.')
    const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const hints: Readonly<Record<string, string>> = {
      garbage: 'garbage',
      'three dots': '...',
      'alg none': `${json({ alg: 'none', typ: 'JWT' })}.${payload}.`,
      'alg none with a signature': `${json({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`,
      'another payload': `${header}.${json({ ...claimsOf(tokens.id_token), sub: anna.id })}.${signature}`,
      'no signature': `${header}.${payload}.`,
      'padded signature': `${tokens.id_token}=`,
      'access token': tokens.access_token,
      'refresh token': tokens.refresh_token,
    }
    for (const [name, id_token_hint] of Object.entries(hints)) {
      await t.test(name, async (t) => {
        refusedByRedirect(t, instance, await open(browser, { id_token_hint, prompt: 'none' }), {
          error: 'invalid_request',
          description: 'id_token_hint is not an ID token of this server',
          state: 's',
        })
      })
    }
  })
})

await t.test('login_hint fills the name in, escaped', async (t) => {
  for (const login_hint of ['anna', 'buffy@example.com', '"><script>alert(1)</script>', 'Ünï 😀']) {
    const page = await open(createBrowser(instance.origin), { login_hint })
    t.equal(usernameOf(page), login_hint)
    t.notMatch(page.text, /<script(?! type="module" src="\/id\/assets\/gate\.js\?v=\w+"><\/script>)/)
  }
  const { browser } = await davidsBrowser()
  t.equal(usernameOf(await open(browser, { prompt: 'login', login_hint: 'anna' })), 'anna', 'it wins over the session')
})

await t.test('signing in at a second app needs no password, and both share the session', async (t) => {
  const { browser, claims } = await davidsBrowser()
  const page = await open(browser, { client_id: OTHER, redirect_uri: OTHER_REDIRECT })
  t.notOk(asksToSignIn(page))
  const view = await signInAndConsent(browser, page, 'david')
  const code = answerOf(view).get('code') ?? ''
  const tokens = tokensOf(await redeem(instance, code, { redirect_uri: OTHER_REDIRECT }, basic(OTHER)))
  t.match(claimsOf(tokens.id_token), { sid: claims['sid'], auth_time: claims['auth_time'], aud: OTHER })
})

await t.test('RT-15 an ID token from refresh keeps iss, sub, aud, sid and auth_time', async (t) => {
  const { tokens, claims } = await davidsBrowser()
  const { iat, exp, at_hash, ...kept } = claims
  const refreshed = claimsOf(tokensOf(await refresh(instance, tokens.refresh_token)).id_token)
  t.match(refreshed, kept)
  t.ok(Number(refreshed['iat']) > Number(iat) && Number(refreshed['exp']) > Number(exp))
  t.not(refreshed['at_hash'], at_hash)
})

await t.test(
  'DefaultMaxAge counts where the request says nothing; RequireAuthTime and DefaultAcrValues are always met',
  async (t) => {
    const { browser } = await davidsBrowser()
    const set = (value: string) =>
      instance.core.store.write(async ({ apps }) => {
        const app = await apps.find(WEB)
        if (!app) throw new Error('no app')
        const { secrets, isEnabled, epoch, createdAt, updatedAt, ...registration } = app
        const defaultMaxAge = value === '' ? undefined : Number(value)
        const noted = { requireAuthTime: true, defaultAcrValues: ['urn:tessera:mfa', 'urn:tessera:pwd'] }
        await apps.update({ ...registration, ...noted, defaultMaxAge }, instance.now())
      })
    await set('59')
    t.ok(asksToSignIn(await open(browser)), 'the sign-in was a minute ago')
    t.notOk(asksToSignIn(await open(browser, { max_age: '3600' })), 'what the request says counts')
    await set('3600')
    const view = await open(browser)
    t.notOk(asksToSignIn(view))
    t.match(await idTokenOf(view), { auth_time: Number, acr: 'urn:tessera:pwd' })
    await set('')
  },
)
