import t, { type Test } from 'tap'
import { isPage } from '../../fixtures/answers/outcomes.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { answerOf, obtainTokens, refresh } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { encode, type Fields, type HeaderFields } from '../../fixtures/clients/http.ts'
import { WEB, WEB_BYE, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser } from '../../fixtures/sign-in/browser.ts'

const FROM_ELSEWHERE = { origin: 'https://evil.test', referer: 'https://evil.test/', 'sec-fetch-site': 'cross-site' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** What a page elsewhere can make a browser send. */
const SENT: Readonly<Record<string, { readonly method: string; readonly headers: HeaderFields }>> = {
  'a link': { method: 'GET', headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' } },
  'an image': {
    method: 'GET',
    headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image', accept: 'image/*' },
  },
  'a frame': { method: 'GET', headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'iframe' } },
  'a form': { method: 'POST', headers: { ...FROM_ELSEWHERE, ...FORM } },
  'a script': { method: 'POST', headers: { ...FROM_ELSEWHERE, ...FORM, 'sec-fetch-mode': 'no-cors' } },
}
const STATES = ['line\r\nSet-Cookie: tessera-session=x', '"><script>alert(1)</script>', "'-alert(1)-'", 'ж😀\0']

await attackGroup(t, 'I. Logout', async ({ instance, attack }) => {
  const endpoint = `${instance.issuer}/connect/endsession`
  const asked = { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none' }
  const silently = async (browser: Browser): Promise<URLSearchParams> =>
    answerOf(await browser.open(authorizeUrl(instance, asked)))
  async function goesOn(t: Test, browser: Browser): Promise<void> {
    t.ok((await silently(browser)).get('code'), 'the session lives')
  }
  const end = (browser: Browser, fields: Fields = {}) => browser.open(`${endpoint}?${encode(fields)}`)

  const davids = createBrowser(instance.origin)
  const tokens = await obtainTokens(instance, {}, { browser: davids })
  const annas = await obtainTokens(instance, {}, { login: 'anna' })
  for (const [name, { method, headers }] of Object.entries(SENT))
    for (const [what, fields] of Object.entries({
      'with nothing': {},
      'with a hint of the attacker': { id_token_hint: annas.id_token, post_logout_redirect_uri: WEB_BYE },
      'with the name of an app': { client_id: WEB, post_logout_redirect_uri: WEB_BYE },
    }))
      await attack(
        'LO-01',
        `${name} elsewhere, ${what}: a page asks, and the session lives`,
        async (t) => {
          const query = encode(fields).toString()
          const view =
            method === 'GET'
              ? await davids.follow(`${endpoint}?${query}`, { headers })
              : await davids.follow(endpoint, { method, headers, body: query })
          t.strictSame([view.status, view.leftTo], [200, undefined])
          t.ok(view.page.querySelector('#logout-confirm'))
          t.match(view.headers.get('content-security-policy'), "frame-ancestors 'none'")
          await goesOn(t, davids)
        },
        { changes: true, unrefused: true },
      )
  for (const [name, headers] of Object.entries({
    'a form elsewhere': { ...FORM, ...FROM_ELSEWHERE },
    'a form without an origin': { ...FORM, origin: 'null', 'sec-fetch-site': 'cross-site' },
    'a form of a neighbour': { ...FORM, origin: 'https://app.example.com', 'sec-fetch-site': 'same-site' },
  }))
    await attack('LO-01', `${name} answers the page in the person's stead`, async (t) => {
      const page = await end(createBrowser(instance.origin), { client_id: WEB })
      t.equal(page.status, 200)
      const own = await end(davids)
      const answer = await davids.follow(own.url, { method: 'POST', headers, body: 'csrf=x' })
      t.equal(answer.status, 403)
      const { status } = await davids.follow(own.url, { method: 'POST', headers: { ...FORM }, body: '' })
      t.equal(status, 403)
    })
  await attack('LO-01', 'and the session still lives', async (t) => goesOn(t, davids), {
    changes: true,
    unrefused: true,
  })

  for (const state of STATES) {
    const name = JSON.stringify(state).slice(0, 40)
    await attack('LO-05', `state ${name} where the browser may not go: in no page and no header`, async (t) => {
      const post_logout_redirect_uri = 'https://evil.test/'
      const view = await end(davids, { id_token_hint: tokens.id_token, post_logout_redirect_uri, state })
      isPage(t, view, state)
      t.notOk([...view.headers.values()].some((value) => value.includes('Set-Cookie: tessera')))
    })
    await attack(
      'LO-05',
      `state ${name} where nothing leads on: in no page either`,
      async (t) => {
        const view = await end(davids, { state })
        t.strictSame([view.status, view.leftTo], [200, undefined])
        t.notOk(view.text.includes(state))
        t.notMatch(view.text, /<script>/)
      },
      { unrefused: true },
    )
  }

  await attack(
    'LO-09',
    'ten tabs sign out at the same time: each ends on the page that says so',
    async (t) => {
      const browser = createBrowser(instance.origin)
      await obtainTokens(instance, {}, { browser })
      const tabs = await Promise.all(Array.from({ length: 10 }, () => end(browser)))
      const views = await Promise.all(tabs.map((tab) => browser.submit(tab, 'logout-confirm')))
      for (const { status, url } of views) t.strictSame([status, url], [200, `${instance.issuer}/logout/signed-out`])
      t.equal((await silently(browser)).get('error'), 'login_required')
    },
    { changes: true, slow: true },
  )
  await attack(
    'LO-09',
    'a sign-out while tokens are refreshed: both go through, and offline access lives on as it was granted',
    async (t) => {
      const browser = createBrowser(instance.origin)
      const several = []
      for (let app = 0; app < 10; app++) several.push(await obtainTokens(instance, {}, { browser }))
      const [, ...answers] = await Promise.all([
        end(browser, { id_token_hint: several[0]?.id_token }),
        ...several.map(({ refresh_token }) => refresh(instance, refresh_token)),
        end(browser, { id_token_hint: several[1]?.id_token }),
      ])
      t.strictSame(
        answers.map(({ status }) => status),
        answers.map(() => 200),
      )
      t.equal((await silently(browser)).get('error'), 'login_required')
    },
    { changes: true, slow: true },
  )
})
