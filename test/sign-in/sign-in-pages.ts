import t from 'tap'
import {
  logHoldsNoSecret,
  operatorSees,
  type Refusal,
  refusedByPage,
  refusedByRedirect,
} from '../fixtures/answers/refusals.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { answerOf, authorize, obtainTokens, redeem } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { encode, type HeaderFields } from '../fixtures/clients/http.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { enableUser, NATIVE, OTHER, OTHER_REDIRECT, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

type T = Parameters<typeof refusedByPage>[0]

const { instance, david } = await startWorld(t)
const MINUTE = 60 * 1000
const HOUR = 60 * MINUTE
const newBrowser = () => createBrowser(instance.origin)

const open = (browser: Browser, parameters: Readonly<Record<string, string>> = {}): Promise<View> =>
  browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, state: 's', ...parameters }))

const expired = (description: string): Refusal => ({ status: 400, error: 'interaction_expired', description })
const ANOTHER_BROWSER = expired('this sign-in began in another browser')
const BLOCKED = expired('the browser keeps no cookies of this server')
const INVALID = expired('this sign-in link is not valid; begin again in the app')
const FORBIDDEN: Refusal = {
  status: 403,
  error: 'access_denied',
  description: 'this form was not sent from its own page; go back, reload and try again',
}

const cookieOf = async (browser: Browser, name: string): Promise<string | undefined> =>
  (await browser.jar.getCookies(instance.origin)).find((cookie) => cookie.key === name)?.value

/** Nobody is signed in here: an app that asks silently is told so. */
async function nobodySignedIn(t: T, browser: Browser): Promise<void> {
  refusedByRedirect(t, instance, await open(browser, { prompt: 'none' }), {
    error: 'login_required',
    description: 'nobody is signed in, or they must sign in again',
    state: 's',
  })
}

const isSignedIn = async (browser: Browser): Promise<boolean> => {
  const answer = answerOf(await open(browser, { prompt: 'none' }))
  return answer.get('error') !== 'login_required'
}

const form = (view: View) => ({
  action: view.page.querySelector('form')?.getAttribute('action') ?? '',
  csrf: view.page.querySelector('input[name=csrf]')?.getAttribute('value') ?? '',
})

const refusalIdOf = (view: View): string => view.page.querySelector('#refusal-id')?.text ?? ''

const OWN_PAGE: HeaderFields = { origin: instance.origin, 'sec-fetch-site': 'same-origin' }

/** Posts a form with exactly these headers, as a page elsewhere or a script would. */
const postTo = (browser: Browser, action: string, fields: Readonly<Record<string, string>>, headers = OWN_PAGE) =>
  browser.follow(action, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: encode(fields).toString(),
  })

const DAVID = { username: 'david', password: PASSWORD }
noteSecret(PASSWORD)

await t.test('parallel tabs', async (t) => {
  await t.test('two sign-ins in one browser finish independently, in any order', async (t) => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const browser = newBrowser()
      const tabs = [
        await open(browser, { state: 'first' }),
        await open(browser, { client_id: OTHER, redirect_uri: OTHER_REDIRECT, state: 'second' }),
      ]
      for (const tab of order) {
        const page = tabs[tab]
        if (!page) throw new Error('no tab')
        const view = await signInAndConsent(browser, page, 'david')
        t.match(view.leftTo?.href, tab === 0 ? WEB_REDIRECT : OTHER_REDIRECT)
        t.equal(answerOf(view).get('state'), tab === 0 ? 'first' : 'second')
        t.ok(answerOf(view).get('code'))
      }
    }
  })

  await t.test('steps of two sign-ins may alternate', async (t) => {
    const browser = newBrowser()
    const one = await open(browser, { state: 'one', scope: 'openid phone' })
    const two = await open(browser, { state: 'two', scope: 'openid email', prompt: 'login' })
    const oneConsent = await browser.submit(one, 'login-submit', DAVID)
    const twoConsent = await browser.submit(two, 'login-submit', DAVID)
    t.equal(answerOf(await browser.submit(oneConsent, 'consent-approve')).get('state'), 'one')
    t.equal(answerOf(await browser.submit(twoConsent, 'consent-approve')).get('state'), 'two')
  })

  await t.test('a tab left open while another signed in needs no second password', async (t) => {
    const browser = newBrowser()
    const [one, two] = [await open(browser), await open(browser)]
    await signInAndConsent(browser, one, 'david')
    const interaction = new URL(two.url).searchParams.get('interaction') ?? ''
    const view = await browser.open(`${instance.issuer}/connect/authorize/continue?interaction=${interaction}`)
    t.ok(answerOf(view).get('code'))
  })
})

await t.test('interactions', async (t) => {
  const restartOf = (view: View): string => view.page.querySelector('a.button')?.getAttribute('href') ?? ''
  const pathsOf = (view: View): string[] => {
    const { search } = new URL(view.url)
    return ['/login', '/consent', '/connect/authorize/continue'].map((path) => `${instance.issuer}${path}${search}`)
  }

  await t.test('LG-06 of another browser: refused, with a link that begins again and works', async (t) => {
    const page = await open(newBrowser())
    for (const url of pathsOf(page)) {
      const victim = newBrowser()
      const view = await victim.open(url)
      refusedByPage(t, instance, view, ANOTHER_BROWSER)
      const again = await victim.open(restartOf(view))
      t.equal(answerOf(await signInAndConsent(victim, again, 'david')).get('state'), 's')
    }
  })

  await t.test('LG-06 another browser is told nothing of the person who began', async (t) => {
    const owner = newBrowser()
    const { id_token: hint } = await obtainTokens(instance, {}, { browser: owner })
    const named = { login_hint: 'david', id_token_hint: hint, prompt: 'login' }
    const begun = await open(owner, named)
    const told = (view: View) => Object.keys(Object.fromEntries(new URL(restartOf(view)).searchParams)).sort()
    const asked = ['client_id', 'prompt', 'redirect_uri', 'response_type', 'scope', 'state']
    for (const url of pathsOf(begun)) {
      const view = await newBrowser().open(url)
      t.strictSame(told(view), asked)
      t.notOk(view.text.includes(hint))
      t.notOk(/david/i.test(view.text))
    }
    instance.advance(16 * MINUTE)
    t.strictSame(told(await newBrowser().open(begun.url)), asked, 'too late neither')
    t.strictSame(told(await owner.open(begun.url)), [...asked, 'id_token_hint', 'login_hint'].sort(), 'their own is')
  })

  await t.test('LG-06 of no browser yet: worth nothing on a page', async (t) => {
    const response = await newBrowser().request(`${instance.issuer}/connect/authorize`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URL(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })).searchParams.toString(),
    })
    const { search } = new URL(response.headers.get('location') ?? '')
    for (const path of ['/login', '/consent']) {
      refusedByPage(t, instance, await newBrowser().open(`${instance.issuer}${path}${search}`), ANOTHER_BROWSER)
    }
  })

  await t.test('expired after 15 minutes: refused, with a link that begins again and works', async (t) => {
    const browser = newBrowser()
    const page = await open(browser)
    instance.advance(15 * MINUTE)
    t.equal((await browser.open(page.url)).status, 200, 'the last moment')
    instance.advance(1000)
    for (const url of pathsOf(page)) {
      refusedByPage(t, instance, await browser.open(url), expired('this sign-in took too long'))
    }
    const late = await browser.submit(page, 'login-submit', DAVID)
    refusedByPage(t, instance, late, expired('this sign-in took too long'))
    t.notOk(await isSignedIn(browser))
    const again = await browser.open(restartOf(late))
    t.equal(answerOf(await signInAndConsent(browser, again, 'david')).get('state'), 's')
  })

  await t.test('AU-24 tampered, truncated or invented: refused', async (t) => {
    const browser = newBrowser()
    const page = await open(browser)
    const interaction = new URL(page.url).searchParams.get('interaction') ?? ''
    const flip = (at: number) =>
      `${interaction.slice(0, at)}${interaction[at] === 'A' ? 'B' : 'A'}${interaction.slice(at + 1)}`
    const bad = [
      flip(0),
      flip(20),
      flip(60),
      flip(interaction.length - 2),
      interaction.slice(0, -4),
      `${interaction}AAAA`,
      `${interaction}=`,
      'x',
    ]
    for (const value of bad) {
      for (const path of ['login', 'consent', 'connect/authorize/continue']) {
        const url = `${instance.issuer}/${path}?${new URLSearchParams({ interaction: value })}`
        refusedByPage(t, instance, await browser.open(url), INVALID)
      }
      const action = `${instance.issuer}/login?${new URLSearchParams({ interaction: value })}`
      refusedByPage(t, instance, await postTo(browser, action, { ...DAVID, csrf: form(page).csrf }), INVALID)
    }
    t.notOk(await isSignedIn(browser))
  })

  await t.test('missing: refused', async (t) => {
    for (const path of ['login', 'consent', 'connect/authorize/continue']) {
      refusedByPage(t, instance, await newBrowser().open(`${instance.issuer}/${path}`), {
        status: 400,
        error: 'invalid_request',
        description: 'parameter is missing: interaction',
      })
    }
  })

  await t.test('without cookies: refused in words that say so', async (t) => {
    const page = await open(newBrowser())
    const posted = await postTo(newBrowser(), form(page).action, { ...DAVID, csrf: 'x' })
    refusedByPage(t, instance, posted, { ...BLOCKED, cause: { rule: 'cookies-blocked' } })
    // A browser that keeps no cookies arrives from the app, and is asked once whether it does.
    const asked = await fetch(page.url, { redirect: 'manual' })
    t.equal(asked.status, 303)
    t.match(asked.headers.getSetCookie().join(), /^tessera-browser=[\w-]+;[^,]*$/)
    const forgetful = newBrowser()
    forgetful.jar.setCookie = () => Promise.resolve(undefined)
    const view = await open(forgetful)
    refusedByPage(t, instance, view, BLOCKED)
    t.match(view.page.querySelector('.lead')?.text, /does not keep cookies of this site.*Allow cookies/)
    const again = view.page.querySelector('a.button')?.getAttribute('href') ?? ''
    const keeping = newBrowser()
    t.ok(
      answerOf(await signInAndConsent(keeping, await keeping.open(again), 'david')).get('code'),
      'with cookies it works',
    )
  })

  await t.test('the last redirect reloaded: a new code, the old one dies; after redemption, refused', async (t) => {
    const browser = newBrowser()
    const consent = await browser.submit(await open(browser), 'login-submit', DAVID)
    const search = `${new URL(consent.url).search}`
    const first = answerOf(await signInAndConsent(browser, consent, 'david')).get('code') ?? ''
    const reload = () => browser.open(`${instance.issuer}/connect/authorize/continue${search}`)
    const second = answerOf(await reload()).get('code') ?? ''
    t.not(second, first)
    t.equal((await redeem(instance, first)).status, 400, 'the lost code is dead')
    t.equal((await redeem(instance, second)).status, 200)
    refusedByPage(t, instance, await reload(), expired('this sign-in is already complete; begin again in the app'))
  })
})

await t.test('LG-01, LG-02 a form that was not sent from its own page: 403 and no session', async (t) => {
  const without = (name: string): HeaderFields =>
    Object.fromEntries(Object.entries(OWN_PAGE).filter(([key]) => key !== name))
  const foreignHeaders: Readonly<Record<string, [HeaderFields, string]>> = {
    'foreign Origin': [{ origin: 'https://evil.test' }, 'Origin is https://evil.test'],
    'look-alike Origin': [{ origin: `${instance.origin}.evil.test` }, `Origin is ${instance.origin}.evil.test`],
    'own Origin on another port': [{ origin: 'http://localhost:1' }, 'Origin is http://localhost:1'],
    'Origin null without Sec-Fetch-Site': [{ origin: 'null' }, 'Origin is null'],
    'Sec-Fetch-Site cross-site': [{ 'sec-fetch-site': 'cross-site' }, 'Sec-Fetch-Site is cross-site'],
    'Sec-Fetch-Site same-site': [{ ...OWN_PAGE, 'sec-fetch-site': 'same-site' }, 'Sec-Fetch-Site is same-site'],
    'Sec-Fetch-Site none': [{ ...OWN_PAGE, 'sec-fetch-site': 'none' }, 'Sec-Fetch-Site is none'],
    'foreign Origin, Sec-Fetch-Site same-origin': [
      { origin: 'https://evil.test', 'sec-fetch-site': 'same-origin' },
      'Origin is https://evil.test',
    ],
  }
  for (const [name, [headers, cause]] of Object.entries(foreignHeaders)) {
    await t.test(name, async (t) => {
      const browser = newBrowser()
      const { action, csrf } = form(await open(browser))
      refusedByPage(t, instance, await postTo(browser, action, { ...DAVID, csrf }, headers), {
        ...FORBIDDEN,
        cause: { cause },
      })
      await nobodySignedIn(t, browser)
    })
  }

  await t.test('a token that is missing, of another form, another browser or another request', async (t) => {
    const browser = newBrowser()
    const { action, csrf } = form(await open(browser))
    const otherRequest = form(await open(browser)).csrf
    const otherBrowser = form(await open(newBrowser())).csrf
    const signedIn = newBrowser()
    const consent = await signedIn.submit(await open(signedIn, { prompt: 'consent' }), 'login-submit', DAVID)
    const cause = { cause: 'the csrf field does not belong to this form and browser' }
    for (const value of ['', 'x', otherRequest, otherBrowser, form(consent).csrf, csrf.slice(1), `${csrf} `]) {
      t.not(value, csrf)
      refusedByPage(t, instance, await postTo(browser, action, { ...DAVID, csrf: value }), { ...FORBIDDEN, cause })
    }
    refusedByPage(t, instance, await postTo(browser, action, DAVID), { ...FORBIDDEN, cause })
    await nobodySignedIn(t, browser)
  })

  await t.test('LG-02 a cookie that somebody planted keys no form', async (t) => {
    for (const planted of ['x', 'A'.repeat(42), 'A'.repeat(44), `${'A'.repeat(42)}=`]) {
      const browser = newBrowser()
      await browser.jar.setCookie(`tessera-browser=${planted}; Path=/`, instance.origin)
      const { action, csrf } = form(await open(browser))
      const own = await cookieOf(browser, 'tessera-browser')
      t.match(own, /^[\w-]{43}$/)
      t.not(own, planted)
      await postTo(browser, action, { ...DAVID, csrf })
      t.ok(await isSignedIn(browser), 'the person signs in all the same')
    }
  })

  await t.test('LG-02 an attacker’s own form, posted by the victim’s browser', async (t) => {
    const { action, csrf } = form(await open(newBrowser()))
    const evil = { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }
    const victim = newBrowser()
    refusedByPage(t, instance, await postTo(victim, action, { ...DAVID, csrf }, evil), FORBIDDEN)
    await open(victim)
    refusedByPage(t, instance, await postTo(victim, action, { ...DAVID, csrf }, evil), FORBIDDEN)
    await nobodySignedIn(t, victim)
  })

  await t.test('what honest browsers send passes', async (t) => {
    for (const headers of [
      OWN_PAGE,
      without('sec-fetch-site'),
      without('origin'),
      { origin: 'null', 'sec-fetch-site': 'same-origin' },
      {},
    ]) {
      const browser = newBrowser()
      const { action, csrf } = form(await open(browser))
      await postTo(browser, action, { ...DAVID, csrf }, headers)
      t.ok(await isSignedIn(browser), JSON.stringify(headers))
    }
  })
})

await t.test('LG-03 session fixation: a planted cookie is not the session afterwards', async (t) => {
  for (const planted of ['planted', 'A'.repeat(43)]) {
    const browser = newBrowser()
    await browser.jar.setCookie(`tessera-session=${planted}; Path=/`, instance.origin)
    await signInAndConsent(browser, await open(browser), 'david')
    t.match(await cookieOf(browser, 'tessera-session'), /^[\w-]{43}$/)
    t.not(await cookieOf(browser, 'tessera-session'), planted)
    const attacker = newBrowser()
    await attacker.jar.setCookie(`tessera-session=${planted}; Path=/`, instance.origin)
    await nobodySignedIn(t, attacker)
  }

  const [attacker, victim] = [newBrowser(), newBrowser()]
  await authorize(instance, {}, { login: 'anna', browser: attacker })
  const annas = (await cookieOf(attacker, 'tessera-session')) ?? ''
  await victim.jar.setCookie(`tessera-session=${annas}; Path=/`, instance.origin)
  await signInAndConsent(victim, await open(victim, { prompt: 'login' }), 'david')
  t.not(await cookieOf(victim, 'tessera-session'), annas)
  await nobodySignedIn(t, attacker)
})

await t.test('LG-09 unknown, wrong, disabled, System User: the same answer', async (t) => {
  const disabled = await instance.addUser({ login: 'dora' })
  await enableUser(instance, disabled, false)
  const rows: [username: string, password: string, cause: string][] = [
    ['nobody', PASSWORD, 'no account has this login or e-mail'],
    ['david', 'wrong password', 'the password is wrong'],
    ['david', PASSWORD.toUpperCase(), 'the password is wrong'],
    ['david', `${PASSWORD} `, 'the password is wrong'],
    ['david', 'x'.repeat(1025), 'the password is too long'],
    ['dora', PASSWORD, 'the user is disabled'],
    ['dora', 'wrong password', 'the password is wrong'],
    ['svc.sync', PASSWORD, 'a System User never signs in'],
  ]
  const answers = []
  for (const [username, password, cause] of rows) {
    const browser = newBrowser()
    const page = await open(browser)
    const before = instance.log.length
    const view = await browser.submit(page, 'login-submit', { username, password })
    const audit = instance.log.slice(before).find((record) => record['audit'] !== undefined)?.['audit']
    t.match(audit, { event: 'sign_in_failed', detail: { cause } }, 'the operator learns why')
    const { action, csrf } = form(view)
    const id = refusalIdOf(view)
    operatorSees(t, instance, id, {
      status: 401,
      error: 'access_denied',
      description: 'the login or password is wrong',
      cause: { cause },
    })
    const ofThisTry = view.text.replace(action.replaceAll('&', '&amp;'), '').replace(csrf, '').replace(id, '')
    const text = ofThisTry.replaceAll(/interaction=[\w-]+/g, '')
    const headers = [...view.headers].filter(([name]) => name !== 'date' && name !== 'content-length')
    answers.push({ status: view.status, headers, text: text.replace(`value="${username}"`, '') })
    t.equal(view.page.querySelector('#username')?.getAttribute('value'), username, 'the name need not be typed again')
    t.notOk(view.page.querySelector('#password')?.getAttribute('value'), 'the password is not sent back')
    t.equal(await cookieOf(browser, 'tessera-session'), undefined)
  }
  for (const answer of answers) t.strictSame(answer, answers[0])
  t.equal(answers[0]?.status, 401)
})

await t.test('names and passwords', async (t) => {
  await t.test('the e-mail and every spelling of a login name sign in', async (t) => {
    for (const login of ['david', 'DAVID', ' david ', 'david@example.com', 'David@EXAMPLE.com', 'ｄａｖｉｄ']) {
      t.ok(answerOf(await authorize(instance, {}, { login })).get('code'), login)
    }
  })

  await t.test('LG-11 passwords count as they are, up to 1,024 characters', async (t) => {
    const passwords = [
      'p'.repeat(64),
      'q'.repeat(1024),
      ' spaces around ',
      'пароль 😀 ünïcode',
      'nul\0inside',
      '"<>&=+%25',
    ]
    const { createPasswords } = await import('../../src/lib/crypto/passwords.ts')
    for (const password of passwords) {
      const hash = await createPasswords().hash(password)
      await instance.core.store.write(({ users }) => users.setPassword(david.id, hash, instance.now()))
      const browser = newBrowser()
      const page = await open(browser)
      t.equal((await browser.submit(page, 'login-submit', { username: 'david', password: `${password}x` })).status, 401)
      await browser.submit(page, 'login-submit', { username: 'david', password })
      t.ok(await isSignedIn(browser), password.slice(0, 20))
    }
    const accented = await createPasswords().hash('caf\u00e9 au lait')
    await instance.core.store.write(({ users }) => users.setPassword(david.id, accented, instance.now()))
    const browser = newBrowser()
    await browser.submit(await open(browser), 'login-submit', { username: 'david', password: 'cafe\u0301 au lait' })
    t.ok(await isSignedIn(browser), 'an accent may be typed either way (RFC 8265)')
    const long = { username: 'david', password: 'q'.repeat(1025) }
    const before = instance.log.length
    const other = newBrowser()
    t.equal((await other.submit(await open(other), 'login-submit', long)).status, 401)
    t.match(JSON.stringify(instance.log.slice(before)), /the password is too long/)
    const hash = await createPasswords().hash(PASSWORD)
    await instance.core.store.write(({ users }) => users.setPassword(david.id, hash, instance.now()))
  })

  await t.test('nothing entered: 400, and what is missing is said', async (t) => {
    const browser = newBrowser()
    for (const [username, password] of [
      ['', ''],
      ['david', ''],
      ['', PASSWORD],
    ]) {
      const view = await browser.submit(await open(browser), 'login-submit', {
        username: username ?? '',
        password: password ?? '',
      })
      t.equal(view.status, 400)
      t.equal(view.page.querySelector('#problem')?.text, 'Please enter both your username and your password.')
      t.equal(view.page.querySelector('#problem')?.getAttribute('role'), 'alert')
      operatorSees(t, instance, refusalIdOf(view), {
        status: 400,
        error: 'invalid_request',
        description: 'the login or password is missing',
        cause: { rule: 'sign-in-incomplete', client_id: WEB },
      })
    }
  })

  await t.test('AD-09 markup in the name is inert', async (t) => {
    const browser = newBrowser()
    const username = '"><script>alert(1)</script>'
    const view = await browser.submit(await open(browser), 'login-submit', { username, password: 'x' })
    t.notMatch(view.text, /<script>/)
    t.equal(view.page.querySelector('#username')?.getAttribute('value'), username)
  })
})

await t.test('LG-30 a session ends', async (t) => {
  const signIn = async (): Promise<Browser> => {
    const browser = newBrowser()
    await authorize(instance, {}, { browser })
    return browser
  }

  await t.test('after 8 hours without use, and not before', async (t) => {
    const browser = await signIn()
    instance.advance(8 * HOUR - 1000)
    t.ok(await isSignedIn(browser))
    instance.advance(8 * HOUR)
    t.notOk(await isSignedIn(browser))
  })

  await t.test('24 hours after the sign-in, however much it is used', async (t) => {
    const browser = await signIn()
    for (let hour = 1; hour < 24; hour++) {
      instance.advance(HOUR)
      t.ok(await isSignedIn(browser))
    }
    instance.advance(HOUR)
    t.notOk(await isSignedIn(browser))
  })

  await t.test('LG-27 with the user disabled, and is not revived', async (t) => {
    const browser = await signIn()
    await enableUser(instance, david, false)
    t.notOk(await isSignedIn(browser))
    await enableUser(instance, david, true)
    t.notOk(await isSignedIn(browser))
  })

  await t.test('with a new password', async (t) => {
    const browser = await signIn()
    const hash = (await instance.core.store.read.users.findByIdentifier('david'))?.passwordHash ?? ''
    await instance.core.store.write(({ users }) => users.setPassword(david.id, hash, instance.now()))
    t.notOk(await isSignedIn(browser))
  })

  await t.test('not with a restart of the server', async (t) => {
    const { instance: restarting } = await startWorld(t)
    const browser = createBrowser(restarting.origin)
    await authorize(restarting, {}, { browser })
    const page = await browser.open(
      authorizeUrl(restarting, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'login' }),
    )
    const restarted = await restarting.restart()
    const silent = authorizeUrl(restarted, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none' })
    t.ok(answerOf(await browser.open(silent)).get('code'))
    t.ok(answerOf(await signInAndConsent(browser, page, 'david')).get('code'), 'nor does a sign-in under way')
    await restarted.server.close()
  })
})

await t.test('language: ui_locales, then Accept-Language, then English', async (t) => {
  const rows: [uiLocales: string, accept: string, lang: string, title: string][] = [
    ['', '', 'en', 'Sign in'],
    ['de', '', 'de', 'Anmelden'],
    ['bg', 'de', 'bg', 'Вход'],
    ['de-AT', 'bg', 'de', 'Anmelden'],
    ['DE', '', 'de', 'Anmelden'],
    ['fr de bg', '', 'de', 'Anmelden'],
    ['fr', 'bg', 'bg', 'Вход'],
    ['se', '', 'en', 'Sign in'],
    ['', 'fr-FR, de;q=0.8, en;q=0.5', 'de', 'Anmelden'],
    ['', 'en;q=0.2, bg;q=0.9', 'bg', 'Вход'],
    ['', 'fr', 'en', 'Sign in'],
    ['', '*', 'en', 'Sign in'],
    ['', 'nonsense;;q=x', 'en', 'Sign in'],
    ['__proto__ constructor', '', 'en', 'Sign in'],
  ]
  for (const [ui_locales, accept, lang, title] of rows) {
    await t.test(`${ui_locales || '-'} | ${accept || '-'}`, async (t) => {
      const browser = newBrowser()
      const login = await open(browser, { ui_locales })
      const view = await browser.follow(login.url, { headers: accept === '' ? {} : { 'accept-language': accept } })
      t.equal(view.page.querySelector('html')?.getAttribute('lang'), lang)
      t.equal(view.page.querySelector('h1')?.text, title)
      t.match(view.headers.get('vary'), 'Accept-Language')
    })
  }

  await t.test('every page has it, in every language', async (t) => {
    for (const ui_locales of ['en', 'de', 'bg']) {
      const browser = newBrowser()
      const login = await open(browser, { ui_locales, prompt: 'consent' })
      const wrong = await browser.submit(login, 'login-submit', { username: 'david', password: 'wrong password' })
      const consent = await browser.submit(wrong, 'login-submit', DAVID)
      const logout = await browser.open(`${instance.issuer}/connect/endsession?ui_locales=${ui_locales}`)
      const signedOut = await browser.submit(logout, 'logout-confirm')
      const error = await open(browser, { ui_locales, client_id: 'nobody' })
      for (const view of [login, wrong, consent, logout, signedOut, error]) {
        t.equal(view.page.querySelector('html')?.getAttribute('lang'), ui_locales, view.url.slice(0, 60))
        t.notMatch(
          view.page.querySelector('main')?.text,
          /\{\w+\}|(login|consent|scope|error|logout)\.\w+/,
          'no bare key',
        )
      }
    }
  })
})

await t.test('pages can be read and used by people and machines', async (t) => {
  const browser = newBrowser()
  const login = await open(browser, { prompt: 'consent' })
  const wrong = await browser.submit(login, 'login-submit', { username: 'david', password: 'wrong password' })
  const consent = await browser.submit(wrong, 'login-submit', DAVID)
  const logout = await browser.open(endSessionUrl(instance))
  const error = await open(browser, { client_id: 'nobody' })
  const pages = { login, wrong, consent, logout, error }

  await t.test('stable ids', (t) => {
    const ids: Readonly<Record<keyof typeof pages, readonly string[]>> = {
      login: ['username', 'password', 'login-submit'],
      wrong: ['username', 'password', 'login-submit', 'problem'],
      consent: ['consent-approve', 'consent-deny'],
      logout: ['logout-confirm'],
      error: ['error-code', 'error-description', 'refusal-id'],
    }
    for (const [name, wanted] of Object.entries(ids)) {
      const { page } = pages[name as keyof typeof pages]
      for (const id of wanted) t.equal(page.querySelectorAll(`#${id}`).length, 1, `${name} #${id}`)
    }
    t.end()
  })

  await t.test('labels, one heading, a title, no script, nothing from elsewhere, a form that posts', (t) => {
    for (const [name, { page, text }] of Object.entries(pages)) {
      for (const input of page.querySelectorAll('input:not([type=hidden])')) {
        t.ok(page.querySelector(`label[for=${input.id}]`)?.text.trim(), `${name}: ${input.id} is labelled`)
      }
      t.equal(page.querySelectorAll('h1').length, 1, name)
      t.equal(page.querySelectorAll('main').length, 1)
      t.match(page.querySelector('title')?.text, /\S · Tessera$/)
      t.strictSame(page.querySelectorAll('style, iframe, [style], [onclick], [onload]'), [])
      const scripts = page.querySelectorAll('script').map((script) => [script.getAttribute('type'), script.text])
      t.strictSame(
        scripts,
        ['login', 'wrong'].includes(name) ? [['module', '']] : [],
        'no script but that of the password',
      )
      const base = new URL(instance.issuer).pathname
      for (const element of page.querySelectorAll('link, img, script')) {
        const source = element.getAttribute('href') ?? element.getAttribute('src') ?? ''
        t.ok(source.startsWith(`${base}/assets/`), source)
      }
      for (const element of page.querySelectorAll('form')) t.equal(element.getAttribute('method'), 'post')
      t.match(text, '<meta name="viewport" content="width=device-width, initial-scale=1">')
    }
    t.equal(login.page.querySelector('#username')?.getAttribute('autocomplete'), 'username')
    t.equal(login.page.querySelector('#password')?.getAttribute('autocomplete'), 'current-password')
    t.match(wrong.page.querySelector('title')?.text, /^Problem: /)
    t.end()
  })

  await t.test('the login page says where it leads', async (t) => {
    t.match(login.page.querySelector('.app')?.text, /Web shop[\s\S]*https:\/\/app\.example\.com/)
    const native = {
      client_id: NATIVE,
      redirect_uri: 'com.example.app:/oauth',
      code_challenge: 'A'.repeat(43),
      code_challenge_method: 'S256',
    }
    const page = await open(newBrowser(), native)
    t.match(page.page.querySelector('.where')?.text, 'com.example.app:')
  })
})

await t.test('CO-17 error_uri leads to a page with the refusal id', async (t) => {
  const view = await open(newBrowser(), { scope: 'delete' })
  const uri = answerOf(view).get('error_uri') ?? ''
  const page = await newBrowser().open(uri)
  t.equal(page.status, 200)
  t.equal(page.page.querySelector('#refusal-id')?.text, new URL(uri).searchParams.get('refusal'))
  for (const refusal of ['', 'x', '"><script>', 'A'.repeat(16)]) {
    const nothing = await newBrowser().open(`${instance.issuer}/error?${new URLSearchParams({ refusal })}`)
    refusedByPage(t, instance, nothing, {
      status: 404,
      error: 'not_found',
      description: 'there is no refusal with this id',
    })
  }
})

await t.test('LG-31 the log holds no password, code or cookie', async (t) => {
  const browser = newBrowser()
  await authorize(instance, {}, { browser })
  noteSecret((await cookieOf(browser, 'tessera-session')) ?? '')
  noteSecret((await cookieOf(browser, 'tessera-browser')) ?? '')
  logHoldsNoSecret(t, instance)
})
