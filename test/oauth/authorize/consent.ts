import t, { type Test } from 'tap'
import { refusedByPage, refusedByRedirect } from '../../fixtures/answers/refusals.ts'
import { answerOf, PKCE, redeem, VERIFIER } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { basic, encode, type HeaderFields } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import {
  NATIVE,
  OTHER,
  OTHER_REDIRECT,
  PORTAL,
  PORTAL_REDIRECT,
  SPA,
  SPA_REDIRECT,
  startWorld,
  takeConsentBack,
  WEB,
  WEB_REDIRECT,
} from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'
import { doneOrHeldUp } from '../../fixtures/store/step-by-step.ts'
import { atOnce } from '../../fixtures/store/while-waiting.ts'

const TRUSTED = 'my.trusted.app/trusted'
const TRUSTED_REDIRECT = 'https://trusted.example.com/cb'
const DENIED = 'the person denied consent'
const TITLES: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  email: 'See your email address',
  offline_access: 'Stay connected while you are away',
  read: 'Read data for you',
  update: 'Change data for you',
}

type Parameters = Readonly<Record<string, string>>

/** An instance of its own, because what was allowed is remembered. */
async function start(t: Test) {
  const world = await startWorld(t)
  const { instance } = world
  const internal = { impersonateAsInternalUserAllowed: true, scope: ['read', 'update'] }
  await instance.addApp({
    applicationUri: TRUSTED,
    ...internal,
    requireConsent: false,
    impersonateLoginUrl: [TRUSTED_REDIRECT],
  })
  const newBrowser = () => createBrowser(instance.origin)
  const open = (browser: Browser, parameters: Parameters = {}): Promise<View> =>
    browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, state: 's', ...parameters }))
  const signIn = (browser: Browser, view: View, username: string): Promise<View> =>
    browser.submit(view, 'login-submit', { username, password: PASSWORD })
  /** Asks as somebody in a browser of theirs; the view is the page asked for, or the app's answer. */
  async function ask(username: string, parameters: Parameters = {}): Promise<{ browser: Browser; view: View }> {
    const browser = newBrowser()
    return { browser, view: await signIn(browser, await open(browser, parameters), username) }
  }
  const app = async (applicationUri: string) => {
    const found = await instance.core.store.read.apps.find(applicationUri)
    if (!found) throw new Error('no app')
    return found
  }
  return { ...world, newBrowser, open, signIn, ask, app }
}

const shown = (view: View): string[] =>
  view.page.querySelectorAll('.scopes li > span > strong, .scopes li > strong').map(({ text }) => text)
const titlesOf = (scope: string): string[] => scope.split(' ').map((name) => TITLES[name] ?? '')
const actionOf = (view: View): string => view.page.querySelector('form')?.getAttribute('action') ?? ''
const csrfOf = (view: View): string => view.page.querySelector('input[name=csrf]')?.getAttribute('value') ?? ''
const sees = (t: Test, view: View, scope: string): void => {
  t.equal(new URL(view.url).pathname, '/id/consent')
  t.strictSame(shown(view).sort(), titlesOf(scope).sort())
}

/** Sends the form of a page with other fields or headers than the page would. */
const post = (browser: Browser, view: View, fields: Parameters, headers: HeaderFields): Promise<View> =>
  browser.follow(actionOf(view), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: encode(fields).toString(),
  })

await t.test('OIDC Core §3.1.2.4: only what is new is asked, for each person and app', async (t) => {
  const { instance, open, ask } = await start(t)
  const { browser, view } = await ask('david', { scope: 'openid read' })
  sees(t, view, 'openid read')
  t.ok(answerOf(await browser.submit(view, 'consent-approve')).get('code'))
  t.ok(answerOf(await open(browser, { scope: 'openid read' })).get('code'), 'not asked again')
  t.ok(answerOf(await open(browser, { scope: 'openid', prompt: 'none' })).get('code'), 'nor for less, nor silently')
  t.ok(answerOf((await ask('david', { scope: 'read openid' })).view).get('code'), 'nor in another browser')

  refusedByRedirect(t, instance, await open(browser, { scope: 'openid email read', prompt: 'none' }), {
    error: 'consent_required',
    description: 'the person has not consented to everything the app asks for',
    state: 's',
    cause: { missing: ['email'] },
  })
  const more = await open(browser, { scope: 'openid offline_access read update' })
  sees(t, more, 'offline_access update')
  const code = answerOf(await browser.submit(more, 'consent-approve')).get('code') ?? ''
  const tokens = tokensOf(await redeem(instance, code))
  t.equal(claimsOf(tokens.access_token)['scope'], 'openid offline_access read update', 'CS-05 old and new together')

  const other = { client_id: OTHER, redirect_uri: OTHER_REDIRECT, scope: 'openid read' }
  sees(t, await open(browser, other), 'openid read')
  sees(t, (await ask('anna', { scope: 'openid read' })).view, 'openid read')
})

await t.test('CS-05 what is allowed in two browsers at once is allowed together', async (t) => {
  const { instance, david, ask } = await start(t)
  const allowed = async (): Promise<string[]> =>
    [...((await instance.core.store.read.consents.find(david.id, WEB))?.scope ?? [])].sort()
  const [one, two] = [await ask('david', { scope: 'openid read' }), await ask('david', { scope: 'openid update' })]
  const both = await atOnce(
    instance,
    [one, two].map(
      ({ browser, view }) =>
        () =>
          browser.submit(view, 'consent-approve'),
    ),
  )
  for (const view of both) t.equal((await redeem(instance, answerOf(view).get('code') ?? '')).status, 200)
  t.strictSame(await allowed(), ['openid', 'read', 'update'])

  await t.test('also where one is written while the other is not committed yet', async (t) => {
    const { store } = instance.core
    const allow = (scope: string) =>
      store.write(({ consents }) => consents.grant(david.id, WEB, [scope], instance.now()))
    let second: Promise<boolean> | undefined
    await store.write(async ({ consents }) => {
      await consents.grant(david.id, WEB, ['email'], instance.now())
      second = allow('profile')
      await doneOrHeldUp(instance.databaseUrl, second, 'in a unit')
    })
    await second
    t.strictSame(await allowed(), ['email', 'openid', 'profile', 'read', 'update'])
  })
})

await t.test('CS-10 no more is allowed than the page showed, whatever was taken back meanwhile', async (t) => {
  const { instance, david, open, ask } = await start(t)
  const allowed = async () => (await instance.core.store.read.consents.find(david.id, WEB))?.scope
  const { browser, view } = await ask('david', { scope: 'openid read' })
  await browser.submit(view, 'consent-approve')
  const shownBefore = await open(browser, { scope: 'openid read update' })
  sees(t, shownBefore, 'update')
  await takeConsentBack(instance, david, WEB)
  const again = await browser.submit(shownBefore, 'consent-approve')
  sees(t, again, 'openid read update')
  t.equal(await allowed(), undefined, 'the word was for one of them alone')
  t.ok(answerOf(await browser.submit(again, 'consent-approve')).get('code'))
  t.strictSame(await allowed(), ['openid', 'read', 'update'])
})

await t.test('CS-07 denied: told to the app, nothing remembered, nothing taken away', async (t) => {
  const { instance, david, open, ask } = await start(t)
  const denied = { error: 'access_denied', description: DENIED, state: 's', cause: { client_id: WEB, user: david.id } }
  const { browser, view } = await ask('david')
  refusedByRedirect(t, instance, await browser.submit(view, 'consent-deny'), denied)
  t.match(
    instance.log.find(({ audit }) => (audit as { event?: string } | undefined)?.event === 'consent_denied'),
    { audit: { app: WEB, user: david.id } },
  )
  const again = await open(browser)
  sees(t, again, 'openid')
  await browser.submit(again, 'consent-approve')
  refusedByRedirect(
    t,
    instance,
    await browser.submit(await open(browser, { scope: 'openid read' }), 'consent-deny'),
    denied,
  )
  t.ok(answerOf(await open(browser)).get('code'), 'what was allowed before still is')
  sees(t, await open(browser, { scope: 'openid read' }), 'read')

  for (const decision of ['', 'yes', 'APPROVE', 'deny']) {
    const page = await open(browser, { prompt: 'consent' })
    const headers = { origin: instance.origin, 'sec-fetch-site': 'same-origin' }
    refusedByRedirect(t, instance, await post(browser, page, { csrf: csrfOf(page), decision }, headers), denied)
  }
})

await t.test('whoever answers the same again and again does not fill the audit log', async (t) => {
  const { instance, david, open, ask } = await start(t)
  const { browser, view } = await ask('david', { scope: 'openid read' })
  const audited = (event: string): number =>
    instance.log.filter(({ audit }) => (audit as { event?: string } | undefined)?.event === event).length
  for (let turn = 0; turn < 5; turn++) await browser.submit(view, 'consent-deny')
  t.equal(audited('consent_denied'), 1, 'once a minute')
  instance.advance(60_000)
  const later = await open(browser, { scope: 'openid read' })
  await browser.submit(later, 'consent-deny')
  t.equal(audited('consent_denied'), 2)
  await browser.submit(later, 'consent-approve')
  for (let turn = 0; turn < 5; turn++) {
    const page = await open(browser, { scope: 'openid read', prompt: 'consent' })
    t.ok(answerOf(await browser.submit(page, 'consent-approve')).get('code'))
  }
  t.equal(audited('consent_granted'), 2, 'the first, and one a minute that adds nothing')
  await browser.submit(await open(browser, { scope: 'openid read update' }), 'consent-approve')
  t.equal(audited('consent_granted'), 3, 'what is new is on record each time')
  await takeConsentBack(instance, david, WEB)
  await browser.submit(await open(browser, { scope: 'openid read' }), 'consent-approve')
  t.equal(audited('consent_granted'), 4)
})

await t.test('CS-08 prompt=consent asks for all of it again', async (t) => {
  const { newBrowser, open, signIn } = await start(t)
  const browser = newBrowser()
  await browser.submit(await signIn(browser, await open(browser, { scope: 'openid read' }), 'david'), 'consent-approve')
  for (const prompt of ['consent', 'login consent']) {
    const first = await open(browser, { scope: 'openid read', prompt })
    const page = prompt === 'consent' ? first : await signIn(browser, first, 'david')
    sees(t, page, 'openid read')
    t.ok(answerOf(await browser.submit(page, 'consent-approve')).get('code'))
  }
  const trusted = { client_id: TRUSTED, redirect_uri: TRUSTED_REDIRECT, scope: 'openid read' }
  t.ok(answerOf(await open(browser, trusted)).get('code'), 'an app that needs no consent asks for none')
  sees(t, await open(browser, { ...trusted, prompt: 'consent' }), 'openid read')
})

await t.test('CS-02 the form counts once, in its own browser, from its own page, in time', async (t) => {
  await t.test('posted twice: one code that works', async (t) => {
    const { instance, open, ask } = await start(t)
    for (const prompt of ['consent', '']) {
      const { browser, view } = await ask('david', { scope: prompt === '' ? 'openid read' : 'openid', prompt })
      const codes = [
        answerOf(await browser.submit(view, 'consent-approve')).get('code') ?? '',
        answerOf(await browser.submit(view, 'consent-approve')).get('code') ?? '',
      ]
      t.not(codes[0], codes[1])
      const statuses = [
        (await redeem(instance, codes[0] ?? '')).status,
        (await redeem(instance, codes[1] ?? '')).status,
      ]
      t.strictSame(statuses, [400, 200])
      refusedByPage(t, instance, await browser.submit(view, 'consent-approve'), {
        status: 400,
        error: 'interaction_expired',
        description: 'this sign-in is already complete; begin again in the app',
      })
      t.ok(answerOf(await open(browser)).get('code'))
    }
  })

  await t.test('allowed in one tab, denied in the other: each tab says what was pressed in it', async (t) => {
    const { instance, open, ask } = await start(t)
    const { browser, view } = await ask('david')
    const tab = await open(browser, { state: 'tab' })
    t.ok(answerOf(await browser.submit(view, 'consent-approve')).get('code'))
    const denied = { error: 'access_denied', description: DENIED }
    refusedByRedirect(t, instance, await browser.submit(tab, 'consent-deny'), { ...denied, state: 'tab' })
    refusedByRedirect(t, instance, await browser.submit(view, 'consent-deny'), { ...denied, state: 's' })
    t.equal(answerOf(await browser.submit(tab, 'consent-approve')).get('state'), 'tab', 'a second thought is heard too')
  })

  await t.test('from elsewhere, or without its field: 403, and nothing is allowed', async (t) => {
    const { instance, open, ask } = await start(t)
    const { browser, view } = await ask('david')
    const own = { origin: instance.origin, 'sec-fetch-site': 'same-origin' }
    const csrf = csrfOf(view)
    const tries: [string, Parameters, HeaderFields][] = [
      ['another origin', { csrf }, { origin: 'https://evil.test' }],
      ['another origin in its own words', { csrf }, { origin: 'https://evil.test', 'sec-fetch-site': 'same-origin' }],
      ['another site', { csrf }, { 'sec-fetch-site': 'cross-site' }],
      ['Origin null', { csrf }, { origin: 'null' }],
      ['no field', {}, own],
      ['an invented field', { csrf: 'x' }, own],
      ['the field of another request', { csrf: csrfOf(await open(browser)) }, own],
      ['the field of another browser', { csrf: csrfOf((await ask('david')).view) }, own],
    ]
    for (const [name, fields, headers] of tries) {
      for (const decision of ['approve', 'deny']) {
        const answer = await post(browser, view, { ...fields, decision }, headers)
        t.equal(answer.page.querySelector('#error-code')?.text, 'access_denied', name)
        t.strictSame([answer.status, answer.leftTo], [403, undefined], name)
      }
    }
    sees(t, await open(browser), 'openid')
  })

  await t.test('another person’s request: refused; too late: refused', async (t) => {
    const { instance, ask } = await start(t)
    const [davids, annas] = [await ask('david'), await ask('anna')]
    const refusal = { status: 400, error: 'interaction_expired' }
    const elsewhere = { ...refusal, description: 'this sign-in began in another browser' }
    refusedByPage(t, instance, await annas.browser.open(davids.view.url), elsewhere)
    refusedByPage(t, instance, await annas.browser.submit(davids.view, 'consent-approve'), elsewhere)
    instance.advance(15 * 60_000 + 1)
    const late = { ...refusal, description: 'this sign-in took too long' }
    refusedByPage(t, instance, await davids.browser.submit(davids.view, 'consent-approve'), late)
    refusedByPage(t, instance, await davids.browser.open(davids.view.url), late)
  })
})

await t.test('CS-04 what David allows is worth nothing when Anna is signed in', async (t) => {
  const trusted = { client_id: TRUSTED, redirect_uri: TRUSTED_REDIRECT }
  const requests: [string, Parameters][] = [
    ['remembered', {}],
    ['prompt=consent', { prompt: 'consent' }],
    ['prompt=consent, an app that needs no consent', { ...trusted, prompt: 'consent' }],
  ]
  for (const [name, parameters] of requests) {
    await t.test(`when the request continues: ${name}`, async (t) => {
      const { instance, anna, newBrowser, open, signIn } = await start(t)
      const browser = newBrowser()
      const page = await signIn(browser, await open(browser, parameters), 'david')
      const allowed = await browser.request(actionOf(page), {
        method: 'POST',
        headers: { origin: instance.origin, 'content-type': 'application/x-www-form-urlencoded' },
        body: encode({ csrf: csrfOf(page), decision: 'approve' }).toString(),
      })
      const next = allowed.headers.get('location') ?? ''
      t.match(next, `${instance.issuer}/connect/authorize/continue?interaction=`)
      await signIn(browser, await open(browser, { prompt: 'login' }), 'anna')
      const hers = await browser.open(next)
      sees(t, hers, 'openid')
      t.match(hers.page.querySelector('.person')?.text, /Anna Berg/)
      t.equal((await browser.submit(page, 'consent-approve')).status, 403, 'his form is not hers')
      const code = answerOf(await browser.submit(hers, 'consent-approve')).get('code') ?? ''
      const redirect_uri = parameters['redirect_uri'] ?? WEB_REDIRECT
      const asApp = basic(parameters['client_id'] ?? WEB)
      const tokens = tokensOf(await redeem(instance, code, { redirect_uri }, asApp))
      t.equal(claimsOf(tokens.id_token)['sub'], anna.id)
    })
  }
})

await t.test('who may not use the app learns it from the app, not on our page', async (t) => {
  const portal = { client_id: PORTAL, redirect_uri: PORTAL_REDIRECT }
  const { instance, newBrowser, open, signIn, app } = await start(t)
  const { store } = instance.core

  await t.test('somebody else signed in while the page was open', async (t) => {
    const browser = newBrowser()
    const page = await signIn(browser, await open(browser), 'david')
    await signIn(browser, await open(browser, { ...portal, prompt: 'login' }), 'carla')
    const notAdmitted = {
      error: 'access_denied',
      description: 'the app does not admit community users',
      state: 's',
      cause: { user_type: 'ExternalCommunityUser' },
    }
    refusedByRedirect(t, instance, await browser.open(page.url), notAdmitted)
    for (const button of ['consent-approve', 'consent-deny']) {
      refusedByRedirect(t, instance, await browser.submit(page, button), notAdmitted)
    }
  })

  await t.test('the record changed while the page was open', async (t) => {
    const changes = [
      {
        change: { impersonateAsInternalUserAllowed: false },
        told: { error: 'access_denied', description: 'the app does not admit internal users' },
      },
      {
        change: { scope: ['update'] },
        told: { error: 'invalid_scope', description: 'scope is not registered for the app: read' },
      },
    ]
    const before = await app(PORTAL)
    for (const { change, told } of changes) {
      const browser = newBrowser()
      const page = await signIn(browser, await open(browser, { ...portal, scope: 'openid read' }), 'david')
      await store.write(({ apps }) => apps.update({ ...before, ...change }, instance.now()))
      refusedByRedirect(t, instance, await browser.open(page.url), { ...told, state: 's' })
      refusedByRedirect(t, instance, await browser.submit(page, 'consent-approve'), { ...told, state: 's' })
      await store.write(({ apps }) => apps.update(before, instance.now()))
    }
  })
})

/** Redirect URIs at which any program on the device can wait for an answer. */
const ON_THE_DEVICE: readonly (readonly [app: string, redirectUri: string])[] = [
  [NATIVE, 'http://127.0.0.1:49152/cb'],
  [NATIVE, 'http://[::1]:8400/cb'],
  [NATIVE, 'com.example.app:/oauth'],
  [SPA, SPA_REDIRECT],
  ['trusted', 'http://localhost:5083/'],
  ['trusted', 'https://localhost/cb'],
  ['trusted', 'https://app.localhost/cb'],
  ['trusted', 'https://127.0.0.2/cb'],
  ['trusted', 'https://[::1]/cb'],
]
const CLAIMED = 'https://claimed.example.com/cb'
const EACH_TIME = {
  error: 'consent_required',
  description: 'the person is asked each time, as this app cannot prove its identity',
}

await t.test('RFC 8252 §8.6: a Public app that is answered on the device gets no code without a page', async (t) => {
  const { instance, ask, open } = await start(t)
  const publicApp = { clientType: 'Public', impersonateAsInternalUserAllowed: true, scope: ['read'] } as const
  const trusted = ON_THE_DEVICE.filter(([app]) => app === 'trusted').map(([, uri]) => uri)
  await instance.addApp({
    ...publicApp,
    applicationUri: 'trusted',
    requireConsent: false,
    impersonateLoginUrl: [...trusted, CLAIMED],
  })
  for (const [client_id, redirect_uri] of ON_THE_DEVICE)
    await t.test(redirect_uri, async (t) => {
      const request = { client_id, redirect_uri, scope: 'openid read', ...PKCE }
      const { browser, view } = await ask('david', request)
      sees(t, view, 'openid read')
      t.match(view.page.querySelector('#each-time')?.text, 'That is why you are asked each time.')
      const first = answerOf(await browser.submit(view, 'consent-approve'))
      t.ok(first.get('code'), 'one page, and no other after it')
      const code_verifier = VERIFIER
      const tokens = await redeem(instance, first.get('code') ?? '', { redirect_uri, client_id, code_verifier }, {})
      t.equal(tokens.status, 200)

      const again = await open(browser, request)
      sees(t, again, 'openid read')
      t.equal(answerOf(await browser.submit(again, 'consent-deny')).get('error'), 'access_denied')
      sees(t, await open(browser, { ...request, scope: 'openid' }), 'openid')
      refusedByRedirect(t, instance, await open(browser, { ...request, prompt: 'none' }), {
        ...EACH_TIME,
        state: 's',
        cause: { rule: 'consent-each-time', sent: 'prompt=none' },
      })
      const renewed = await ask('david', { ...request, prompt: 'login' })
      sees(t, renewed.view, 'openid read')
      t.ok(answerOf(await renewed.browser.submit(renewed.view, 'consent-approve')).get('code'), 'once, not twice')
    })

  await t.test('nobody is signed in: that comes first', async (t) => {
    const request = { client_id: SPA, redirect_uri: SPA_REDIRECT, ...PKCE, prompt: 'none' }
    const view = await open(createBrowser(instance.origin), request)
    t.equal(answerOf(view).get('error'), 'login_required')
  })

  await t.test('what was allowed in one browser is worth nothing in the next request', async (t) => {
    const request = { client_id: SPA, redirect_uri: SPA_REDIRECT, scope: 'openid', ...PKCE }
    const { browser, view } = await ask('david', request)
    const tab = await open(browser, { ...request, state: 'tab' })
    await browser.submit(view, 'consent-approve')
    const reloaded = await browser.open(tab.url)
    sees(t, reloaded, 'openid')
    t.equal(answerOf(await browser.submit(reloaded, 'consent-approve')).get('state'), 'tab')
  })

  await t.test('an https address of its own stays silent, at the same app', async (t) => {
    const request = { client_id: 'trusted', redirect_uri: CLAIMED, scope: 'openid read', ...PKCE }
    const { browser, view } = await ask('david', request)
    t.ok(answerOf(view).get('code'), 'RequireConsent is false')
    t.ok(answerOf(await open(browser, { ...request, prompt: 'none' })).get('code'))
  })

  await t.test('a Confidential app proves itself when it redeems the code', async (t) => {
    const redirect_uri = 'http://localhost:5081/callback'
    const internal = { impersonateAsInternalUserAllowed: true, impersonateLoginUrl: [redirect_uri] }
    await instance.addApp({ applicationUri: 'desk', ...internal })
    const { browser, view } = await ask('david', { client_id: 'desk', redirect_uri })
    t.equal(view.page.querySelector('#each-time'), null)
    t.ok(answerOf(await browser.submit(view, 'consent-approve')).get('code'))
    t.ok(answerOf(await open(browser, { client_id: 'desk', redirect_uri, prompt: 'none' })).get('code'))
  })
})
