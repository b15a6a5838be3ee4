import { request as httpRequest } from 'node:http'
import t from 'tap'
import { isPage, isTold } from '../../fixtures/answers/outcomes.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { answerOf, authorize, redeem } from '../../fixtures/clients/code-flow.ts'
import { encode, type Fields } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { SPA, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

const REQUEST = {
  client_id: WEB,
  redirect_uri: WEB_REDIRECT,
  response_type: 'code',
  scope: 'openid',
  state: 'the state',
} as const

const STATES: readonly string[] = [
  'x',
  '~'.repeat(2048),
  'line\r\nLocation: https://app.example.com.example/',
  '"><script>alert(1)</script>',
  'nul\0nul',
  '😀 смях ünïcode',
  '=&error=access_denied&code=evil',
  '%00%0d%0a+%2B',
]

await attackGroup(t, 'B. Authorize: what browsers send and see', async ({ instance, attack }) => {
  const endpoint = `${instance.issuer}/connect/authorize`
  /** David is signed in here, and has allowed the web app this much. */
  const davids = createBrowser(instance.origin)
  await authorize(instance, { scope: 'openid' }, { browser: davids })
  const get = (fields: Fields, browser = createBrowser(instance.origin)): Promise<View> =>
    browser.open(`${endpoint}?${encode(fields)}`)

  for (const state of STATES)
    await attack('AU-09', `state ${JSON.stringify(state).slice(0, 50)}`, async (t) => {
      const [silent, page] = [await get({ ...REQUEST, state, prompt: 'none' }), await get({ ...REQUEST, state })]
      isTold(t, instance, silent, 'login_required', { redirectUri: WEB_REDIRECT, state })
      t.notMatch(silent.headers.get('location'), /[\s"<>\0]/, 'one header line')
      t.equal(page.status, 200)
      if (state.length > 3) t.notOk(page.text.includes(state), 'in no page')
    })
  await attack('AU-09', 'state of 2,049 characters', async (t) =>
    isPage(t, await get({ ...REQUEST, state: 'x'.repeat(2049) })),
  )
  await attack(
    'AU-09',
    'state of 64 KiB',
    async (t) => {
      const answer = await fetch(`${endpoint}?${encode({ ...REQUEST, state: 'x'.repeat(65_536) })}`)
      t.strictSame([answer.status, answer.headers.get('location')], [431, null])
    },
    { unrefused: true, unparsed: true },
  )

  await attack(
    'AU-10',
    'nonce of 64 characters',
    async (t) => {
      const nonce = 'aZ09-._~'.repeat(8)
      const code = answerOf(await get({ ...REQUEST, nonce }, davids)).get('code') ?? ''
      t.equal(claimsOf(tokensOf(await redeem(instance, code)).id_token)['nonce'], nonce)
    },
    { changes: true, unrefused: true },
  )

  await attack(
    'AU-15',
    'iss on success is the issuer, byte for byte',
    async (t) => {
      for (const response_mode of ['query', 'fragment', 'form_post'])
        t.equal(answerOf(await get({ ...REQUEST, response_mode }, davids)).get('iss'), instance.issuer)
    },
    { changes: true, unrefused: true },
  )

  for (const name of ['ui_locales', 'acr_values', 'login_hint'])
    await attack(
      'AU-18',
      `200 values of ${name}`,
      async (t) => {
        for (let at = 0; at < 200; at += 10) {
          const views = Array.from({ length: 10 }, (_, n) => get({ ...REQUEST, [name]: `${name}-${at + n}` }))
          for (const { status } of await Promise.all(views)) if (status !== 200) t.equal(status, 200)
        }
      },
      { unrefused: true, slow: true },
    )

  for (const method of ['PUT', 'DELETE', 'PATCH', 'TRACE'])
    await attack(
      'AU-20',
      method,
      async (t) => {
        const status = await new Promise((resolve, reject) => {
          const asked = httpRequest(`${endpoint}?${encode(REQUEST)}`, { method }, (answer) => {
            resolve(answer.resume().statusCode)
          })
          asked.on('error', reject).end()
        })
        t.ok(status === 405 || status === 404, String(status))
      },
      { unrefused: true },
    )

  const head = (browser: Browser, fields: Fields) =>
    browser.request(`${endpoint}?${encode(fields)}`, { method: 'HEAD' })
  for (const prompt of ['', 'none'])
    for (const response_mode of ['query', 'form_post'])
      await attack(
        'AU-20',
        `HEAD by ${response_mode}, david is signed in${prompt && ', and there is no prompt'}: the status of GET, and no code`,
        async (t) => {
          const answer = await head(davids, { ...REQUEST, response_mode, prompt })
          t.equal(answer.status, response_mode === 'query' ? 303 : 200)
          t.equal(answer.headers.get('location'), null, 'it leads nowhere, and round in no circle')
          t.strictSame(answer.headers.getSetCookie(), [])
          t.equal(await answer.text(), '')
        },
        { unrefused: true },
      )
  await attack(
    'AU-20',
    'HEAD, nobody is signed in: on to the page of GET, with the cookie that it asks for',
    async (t) => {
      const answer = await head(createBrowser(instance.origin), REQUEST)
      t.equal(answer.status, 303)
      t.ok(answer.headers.get('location')?.startsWith(`${instance.issuer}/login?interaction=`))
      t.equal(answer.headers.getSetCookie().length, 1)
    },
    { unrefused: true },
  )
  await attack('AU-20', 'HEAD, nobody is signed in, and there is no prompt: told as by GET', async (t) => {
    const answer = await head(createBrowser(instance.origin), { ...REQUEST, prompt: 'none' })
    t.equal(answer.status, 303)
    const location = new URL(answer.headers.get('location') ?? '')
    t.ok(location.href.startsWith(WEB_REDIRECT))
    t.strictSame([location.searchParams.get('error'), location.searchParams.get('code')], ['login_required', null])
    t.strictSame(answer.headers.getSetCookie(), [])
  })

  await attack(
    'AU-22',
    'credentials are posted and left by 303',
    async (t) => {
      const browser = createBrowser(instance.origin)
      const page = (await get(REQUEST, browser)).page.querySelector('form')
      const hidden = page?.querySelectorAll('input[type=hidden]').map((input): [string, string] => {
        return [input.getAttribute('name') ?? '', input.getAttribute('value') ?? '']
      })
      const answer = await browser.request(page?.getAttribute('action') ?? '', {
        method: 'POST',
        headers: { origin: instance.origin, 'content-type': 'application/x-www-form-urlencoded' },
        body: encode([...(hidden ?? []), ['username', 'david'], ['password', PASSWORD]]).toString(),
      })
      t.equal(answer.status, 303)
      t.match(answer.headers.get('location'), `${endpoint}/continue?interaction=`)
    },
    { changes: true, unrefused: true },
  )

  for (const [name, init] of [
    ['a preflight', { method: 'OPTIONS', headers: { 'access-control-request-method': 'GET' } }],
    ['a preflight for POST', { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST' } }],
    ['a request', {}],
  ] as const)
    for (const origin of ['https://app.example.com', 'https://evil.test', 'null'])
      await attack(
        'AU-23',
        `${name} from ${origin}`,
        async (t) => {
          const headers = { ...('headers' in init ? init.headers : {}), origin }
          const answer = await fetch(`${endpoint}?${encode(REQUEST)}`, { ...init, headers, redirect: 'manual' })
          t.strictSame(
            [...answer.headers.keys()].filter((header) => header.startsWith('access-control-')),
            [],
          )
        },
        { unrefused: true },
      )

  const smuggled = {
    client_id: SPA,
    redirect_uri: 'https://evil.test/',
    scope: 'openid read',
    returnUrl: 'https://evil.test/',
  }
  await attack(
    'AU-24',
    'what is added to the forms counts for nothing',
    async (t) => {
      const browser = createBrowser(instance.origin)
      const login = await get({ ...REQUEST, prompt: 'consent' }, browser)
      const consent = await browser.submit(login, 'login-submit', {
        ...smuggled,
        username: 'david',
        password: PASSWORD,
      })
      const answer = await browser.submit(consent, 'consent-approve', smuggled)
      t.equal(answer.leftTo?.href.split('?')[0], WEB_REDIRECT)
      const tokens = tokensOf(await redeem(instance, answerOf(answer).get('code') ?? ''))
      t.strictSame([tokens.scope, claimsOf(tokens.access_token)['client_id']], ['openid', WEB])
    },
    { changes: true, unrefused: true },
  )

  await attack(
    'AU-25',
    'unknown parameters are ignored',
    async (t) => {
      const browser = createBrowser(instance.origin)
      const view = await get({ ...REQUEST, extra: 'foobar', audience: 'x', __proto__x: '1', display: 'popup' }, browser)
      t.ok(answerOf(await signInAndConsent(browser, view, 'david')).get('code'))
    },
    { changes: true, unrefused: true },
  )
})
