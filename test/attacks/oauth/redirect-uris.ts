// SQLite alone: refused before anything but the record of the app is read
import t, { type Test } from 'tap'
import { isPage, isRefused } from '../../fixtures/answers/outcomes.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { OF_THE_NATIVE_APP, OF_THE_WEB_APP } from '../../fixtures/attacks/redirect-uri-vectors.ts'
import { answerOf, authorize, obtainCode, PKCE, redeem } from '../../fixtures/clients/code-flow.ts'
import { encode, type Fields } from '../../fixtures/clients/http.ts'
import { NATIVE, SPA, WEB, WEB_REDIRECT, WEB_REDIRECT_WITH_QUERY } from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

await attackGroup(t, 'A. Authorize: redirect_uri', async ({ instance, attack }) => {
  const endpoint = `${instance.issuer}/connect/authorize`
  const requestOf = (client_id: string) => ({ client_id, response_type: 'code', scope: 'openid', state: 's', ...PKCE })
  const get = (query: string): Promise<View> => createBrowser(instance.origin).open(`${endpoint}?${query}`)
  const post = (body: string, url = endpoint): Promise<View> =>
    createBrowser(instance.origin).follow(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.test' },
      body,
    })

  /** By GET and by POST, with its escapes escaped again and as they are. */
  async function isPageEitherWay(t: Test, fields: Fields, uri = ''): Promise<void> {
    const query = encode(fields).toString()
    for (const view of [await get(query), await post(query)]) isPage(t, view, uri)
    // Another character in it would end the parameter, and the escape of one be the character itself.
    if (!uri.includes('%') || !/^[\w:/.%@-]+$/.test(uri) || uri.includes('%31')) return
    const raw = `${encode(Object.entries(fields).filter(([name]) => name !== 'redirect_uri'))}&redirect_uri=${uri}`
    for (const view of [await get(raw), await post(raw)]) isPage(t, view, uri)
  }

  for (const [rows, clientId] of [
    [OF_THE_WEB_APP, WEB],
    [OF_THE_NATIVE_APP, NATIVE],
  ] as const)
    for (const [id, uris] of rows)
      for (const uri of uris)
        await attack(id, `${clientId} at ${JSON.stringify(uri)}`, (t) =>
          isPageEitherWay(t, { ...requestOf(clientId), redirect_uri: uri }, uri),
        )

  const evil = 'https://evil.test/'
  for (const [name, first, second] of [
    ['good, evil', WEB_REDIRECT, evil],
    ['evil, good', evil, WEB_REDIRECT],
    ['the same twice', WEB_REDIRECT, WEB_REDIRECT],
  ] as const)
    await attack('AZ-15', `sent twice: ${name}`, (t) =>
      isPageEitherWay(t, [...Object.entries(requestOf(WEB)), ['redirect_uri', first], ['redirect_uri', second]]),
    )

  for (const [name, inUrl, inBody] of [
    ['evil in the URL', evil, WEB_REDIRECT],
    ['evil in the body', WEB_REDIRECT, evil],
  ] as const)
    await attack('AZ-16', name, async (t) => {
      const queryOf = (redirect_uri: string): string => encode({ ...requestOf(WEB), redirect_uri }).toString()
      isPage(t, await post(queryOf(inBody), `${endpoint}?${queryOf(inUrl)}`), evil)
      isPage(t, await post(queryOf(inBody), `${endpoint}?redirect_uri=${encodeURIComponent(inUrl)}`), evil)
    })

  for (const uri of ['javascript:alert(1)', 'data:text/html,x', evil])
    await attack('AZ-18', `${uri} with form_post`, (t) =>
      isPageEitherWay(t, { ...requestOf(WEB), redirect_uri: uri, response_mode: 'form_post' }, uri),
    )

  for (const [name, clientId] of [
    ['two URIs', WEB],
    ['one URI', SPA],
  ] as const)
    await attack('AZ-19', `absent, and the app has ${name}`, (t) => isPageEitherWay(t, requestOf(clientId)))

  const wild = 'my.trusted.app/wild'
  const stored = ['https://*.example.com/cb', 'https://wild.example.com/*', 'https://wild.example.com/.+', '*']
  await instance.addApp({ applicationUri: wild, impersonateAsInternalUserAllowed: true, impersonateLoginUrl: stored })
  for (const uri of ['https://a.example.com/cb', 'https://wild.example.com/cb', 'https://wild.example.com/xx', evil])
    await attack('AZ-20', `a wildcard that got stored does not match ${uri}`, (t) =>
      isPageEitherWay(t, { ...requestOf(wild), redirect_uri: uri }, uri),
    )

  for (const uri of ['http://127.0.0.1:51004/cb', 'http://[::1]:61023/cb', 'http://127.0.0.1:65535/cb'])
    await attack(
      'AZ-21',
      `a native app is answered at ${uri}`,
      async (t) => {
        const view = await authorize(instance, { client_id: NATIVE, redirect_uri: uri, ...PKCE })
        t.equal(view.leftTo?.href.split('?')[0], uri)
        t.ok(answerOf(view).get('code'))
      },
      { changes: true, unrefused: true },
    )

  for (const [name, redirect_uri] of [
    ['another registered one', WEB_REDIRECT_WITH_QUERY],
    ['with a slash', `${WEB_REDIRECT}/`],
    ['in capitals', WEB_REDIRECT.toUpperCase()],
    ['a stranger’s', evil],
    ['none', undefined],
    ['an empty one', ''],
  ] as const) {
    const code = await obtainCode(instance)
    await attack('AZ-28', `at the token endpoint: ${name}`, async (t) =>
      isRefused(t, await redeem(instance, code, { redirect_uri }), 'invalid_grant'),
    )
  }

  const long = (length: number): string =>
    encode({ ...requestOf(WEB), redirect_uri: `${WEB_REDIRECT}?${'x'.repeat(length)}` }).toString()
  await attack('AZ-29', '8 KiB', async (t) => {
    const times: number[] = []
    for (let time = 0; time < 10; time++) {
      const started = performance.now()
      isPage(t, await get(long(8 * 1024)))
      times.push(performance.now() - started)
    }
    // 10 ms are its share on an idle core; a busy one is not at fault.
    t.ok(Math.min(...times) < 50, `in ${Math.round(Math.min(...times))} ms`)
  })
  await attack(
    'AZ-29',
    '1 MiB',
    async (t) => {
      const answer = await fetch(`${endpoint}?${long(1024 * 1024)}`, { redirect: 'manual' })
      t.strictSame([answer.status, answer.headers.get('location')], [431, null])
    },
    { unrefused: true, unparsed: true },
  )
  await attack('AZ-29', '1 MiB in a body', async (t) => {
    const view = await post(long(1024 * 1024))
    t.strictSame([view.status, view.leftTo], [413, undefined])
  })
})
