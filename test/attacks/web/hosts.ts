// SQLite alone: is about headers, hosts and addresses, which no database sees
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { noteSecret } from '../../fixtures/answers/secrets.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { answerOf, authorize } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl, requestToken } from '../../fixtures/clients/endpoints.ts'
import { type Instance, PASSWORD } from '../../fixtures/instance/instance.ts'
import { WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { atSignIn } from '../../fixtures/sign-in/sign-in.ts'

/** What a client, or a proxy that passes it on, says of the name under which it asked. */
const NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'X-Forwarded-Host': { 'x-forwarded-host': 'evil.test' },
  'two names in X-Forwarded-Host': { 'x-forwarded-host': 'localhost, evil.test' },
  'X-Forwarded-Proto, -Port and -Prefix': {
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '8443',
    'x-forwarded-prefix': '/evil.test',
  },
  Forwarded: { forwarded: 'for=203.0.113.9;host=evil.test;proto=https' },
  'other headers of that kind': {
    'x-host': 'evil.test',
    'x-forwarded-server': 'evil.test',
    'x-http-host-override': 'evil.test',
    'x-original-host': 'evil.test',
    'x-original-url': '//evil.test/',
    'x-rewrite-url': '//evil.test/',
    'x-forwarded-uri': '//evil.test/',
  },
  'all at once, with an address': {
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-host': 'evil.test',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.test',
  },
}
const ASTRAY = /evil\.test|:8443/
const BROWSER_COOKIE = /^tessera-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/

for (const [kind, settings] of [
  ['no proxy is declared', {}],
  ['the proxy is declared', { TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' }],
] as const)
  await attackGroup(
    t,
    `G. The name of the server: ${kind}`,
    async ({ instance, attack }) => {
      noteSecret(PASSWORD)
      const { issuer } = instance
      const request = { client_id: WEB, redirect_uri: WEB_REDIRECT }
      await authorize(instance)
      const documents = [`${issuer}/.well-known/openid-configuration`, `${instance.origin}/tools/auto-discovery`]
      const textsOf = (headers: Readonly<Record<string, string>>) =>
        Promise.all(documents.map(async (url) => (await fetch(url, { headers })).text()))
      const texts = await textsOf({})

      for (const [name, headers] of Object.entries(NAMES))
        await attack(
          'LG-22',
          `${name}: documents, redirects, forms, cookies and links are the configured issuer's`,
          async (t) => {
            t.strictSame(await textsOf(headers), texts)

            const first = await fetch(authorizeUrl(instance, request), { headers, redirect: 'manual' })
            t.ok(first.headers.get('location')?.startsWith(`${issuer}/login?interaction=`))
            t.strictSame(
              first.headers.getSetCookie().filter((cookie) => !BROWSER_COOKIE.test(cookie)),
              [],
            )

            const { browser, action, page, post } = await atSignIn(instance)
            const again = await browser.follow(page.url, { headers })
            t.ok(again.page.querySelector('form')?.getAttribute('action')?.startsWith(`${issuer}/login?interaction=`))
            t.notMatch(again.text, ASTRAY)
            const entered = await browser.request(action, post('david', PASSWORD, headers))
            t.equal(entered.status, 303)
            t.ok(entered.headers.get('location')?.startsWith(`${issuer}/connect/authorize/continue?interaction=`))
            for (const cookie of entered.headers.getSetCookie()) t.notMatch(cookie, /Domain|Secure/)

            const silent = authorizeUrl(instance, { ...request, prompt: 'none' })
            const told = answerOf(await createBrowser(instance.origin).follow(silent, { headers }))
            t.strictSame([told.get('error'), told.get('iss')], ['login_required', issuer])
            t.ok(told.get('error_uri')?.startsWith(`${issuer}/error?refusal=`))
            const asked = endSessionUrl({ issuer }, { client_id: WEB })
            const out = await browser.request(asked, { headers })
            t.ok(out.headers.get('location')?.startsWith(`${issuer}/logout?interaction=`))
            const refused = await requestToken({ issuer }, { grant_type: 'x' }, headers)
            t.ok((refused.json as { error_uri: string }).error_uri.startsWith(`${issuer}/error?refusal=`))
          },
          { changes: true },
        )

      for (const [method, path] of [
        ['GET', '/id/connect/authorize'],
        ['POST', '/id/connect/authorize'],
        ['GET', '/id/login?interaction=x'],
        ['POST', '/id/login?interaction=x'],
        ['POST', '/id/consent?interaction=x'],
        ['POST', '/id/connect/token'],
        ['GET', '/id/connect/endsession'],
        ['GET', '/id/.well-known/openid-configuration'],
        ['GET', '/profile/me'],
        ['GET', '/manage/api/v1/users'],
        ['GET', '/nothing'],
      ] as const)
        await attack('LG-22', `Host: evil.test at ${method} ${path}: 421, and nothing else`, async (t) => {
          const answer = await askAs(instance, method, path, { host: 'evil.test', 'x-forwarded-host': 'localhost' })
          t.strictSame(answer, { status: 421, location: undefined, cookies: undefined, leads: false })
        })
    },
    settings,
  )

/** Sends a request under a name of one's choice, which `fetch` does not let one choose. */
function askAs(instance: Instance, method: string, path: string, headers: Readonly<Record<string, string>>) {
  return new Promise((resolve, reject) => {
    const url = `${instance.origin}${path}`
    const type = method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}
    const asked = httpRequest(url, { method, headers: { ...headers, ...type } }, (answer) => {
      const complete = (chunks: unknown[]): void => {
        const text = Buffer.concat(chunks as Buffer[]).toString()
        const { statusCode: status, headers: received } = answer
        resolve({ status, location: received.location, cookies: received['set-cookie'], leads: ASTRAY.test(text) })
      }
      answer.toArray().then(complete, reject)
    })
    asked.on('error', reject).end()
  })
}

await t.test('LG-22: links in mails', { todo: 'there is no mail' }, () => undefined)
