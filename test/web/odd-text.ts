import t, { type Test } from 'tap'
import { startAdminApi } from '../fixtures/admin/admin.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { PKCE } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, requestServiceToken, requestToken } from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, encode, type Fields, postForm } from '../fixtures/clients/http.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

// Not every database keeps every text: PostgreSQL knows no NUL, half a surrogate pair is no UTF-8, an index entry has an end.
const { instance } = await startWorld(t)
const admin = await startAdminApi(instance)
const NUL = 'x\0y'
const HALF = 'x\ud800y'
const LONG = Array.from({ length: 3000 }, (_, index) => String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000))).join(
  '',
)
const ODD = { NUL, HALF, LONG }

const NOT_ALLOWED = (name: string) => `parameter contains a character that is not allowed: ${name}`

/** As it can stand in a URL: half a pair cannot. */
const inUrlOf = (text: string): string => encodeURIComponent(Buffer.from(text).toString())

/** The refusal is answered as one, and the operator finds it. */
async function isKept(t: Test, response: Answer, what: string): Promise<Record<string, string>> {
  const body = response.json as Record<string, string>
  t.ok(response.status >= 400 && response.status < 500, `${what}: ${response.status}`)
  const { status, json } = await admin.get(`/refusals/${body['refusal_id']}`)
  t.equal(status, 200, `${what} is kept`)
  t.equal(json['status'], response.status)
  return body
}

/** Read for an app on its own account; read after the code was looked for. */
const [OWN, LATE] = [
  ['scope', 'resource'],
  ['redirect_uri', 'code_verifier'],
]
const GRANTS: readonly (readonly [string, (odd: string) => Fields])[] = [
  ['client_id', (odd) => ({ grant_type: 'client_credentials', client_id: odd, client_secret: 'x' })],
  ['grant_type', (odd) => ({ grant_type: odd })],
  ['scope', (odd) => ({ grant_type: 'client_credentials', scope: odd })],
  ['resource', (odd) => ({ grant_type: 'client_credentials', resource: odd })],
  ['code', (odd) => ({ grant_type: 'authorization_code', redirect_uri: WEB_REDIRECT, code: odd })],
  ['redirect_uri', (odd) => ({ grant_type: 'authorization_code', redirect_uri: odd, code: 'x' })],
  [
    'code_verifier',
    (odd) => ({ grant_type: 'authorization_code', redirect_uri: WEB_REDIRECT, code: 'x', code_verifier: odd }),
  ],
  ['refresh_token', (odd) => ({ grant_type: 'refresh_token', refresh_token: odd })],
]

for (const [kind, odd] of Object.entries(ODD)) {
  await t.test(`${kind} at the endpoints for apps`, async (t) => {
    for (const [name, fields] of GRANTS) {
      const headers = name === 'client_id' ? {} : basic(OWN.includes(name) ? SYNC : WEB)
      const body = await isKept(t, await requestToken(instance, fields(odd), headers), name)
      if (kind === 'NUL' && !LATE.includes(name)) t.equal(body['error_description'], NOT_ALLOWED(name))
    }
    for (const name of ['revocation', 'introspect']) {
      const url = `${instance.issuer}/connect/${name}`
      const answer = await postForm(url, { token: odd, token_type_hint: odd }, basic(WEB))
      t.ok(answer.status < 500, `${name}: ${answer.status}`)
    }
    const header = await requestServiceToken(instance, basic(odd.slice(0, 400), odd.slice(0, 400)))
    t.equal((await isKept(t, header, 'Basic'))['error'], 'invalid_client')
    const named = await requestToken(
      instance,
      [
        [odd, '1'],
        [odd, '2'],
        ['grant_type', 'x'],
      ] as Fields,
      basic(WEB),
    )
    await isKept(t, named, 'the name of a parameter')
  })

  await t.test(`${kind} where people are`, async (t) => {
    const base = { client_id: WEB, redirect_uri: WEB_REDIRECT, ...PKCE }
    for (const name of [
      'client_id',
      'redirect_uri',
      'scope',
      'nonce',
      'login_hint',
      'prompt',
      'max_age',
      'ui_locales',
      'resource',
    ]) {
      const browser = createBrowser(instance.origin)
      const view = await browser.open(
        `${instance.issuer}/connect/authorize?${encode({ ...base, response_type: 'code', scope: 'openid', [name]: odd })}`,
      )
      t.ok(view.status < 500, `${name}: ${view.status}`)
      if (view.leftTo) t.notMatch(view.leftTo.search, /server_error|temporarily_unavailable/, name)
    }
    const browser = createBrowser(instance.origin)
    const login = await browser.open(authorizeUrl(instance, base))
    const said = await browser.submit(login, 'login-submit', { username: odd, password: PASSWORD })
    t.ok(said.status < 500, `username: ${said.status}`)
    const right = await browser.submit(login, 'login-submit', { username: 'david', password: odd })
    t.ok(right.status < 500, `password: ${right.status}`)
    for (const path of [
      'login?interaction=',
      'error?refusal=',
      'connect/endsession?client_id=',
      'connect/endsession?post_logout_redirect_uri=',
    ])
      t.ok((await browser.open(`${instance.issuer}/${path}${inUrlOf(odd)}`)).status < 500, path)
  })

  await t.test(`${kind} in the administration API`, async (t) => {
    const inUrl = inUrlOf(odd.slice(0, 150))
    for (const path of [
      `/users/${inUrl}`,
      `/apps/${inUrl}`,
      `/refusals/${inUrl}`,
      `/users?q=${inUrl}`,
      `/apps?q=${inUrl}`,
      `/refusals?app=${inUrl}`,
      `/audit?app=${inUrl}`,
      `/audit?user=${inUrl}`,
      `/users?cursor=${Buffer.from(odd.slice(0, 200)).toString('base64url')}`,
    ]) {
      const { status, text } = await admin.get(path)
      t.ok(status < 500, `${path.slice(0, 30)}: ${status} ${text}`)
    }
    const app = `/apps/${encodeURIComponent(WEB)}`
    const answers = {
      login: await admin.post('/users', { login: odd, type: 'InternalUser' }),
      email: await admin.post('/users', { login: 'somebody', type: 'InternalUser', email: `${odd}@example.com` }),
      id: await admin.post('/users', { login: 'nobody', type: 'InternalUser', id: odd }),
      ApplicationUri: await admin.post('/apps', { ApplicationUri: odd, ClientType: 'None' }),
      SystemUser: await admin.patch(app, { SystemUserAllowed: true, SystemUser: odd }),
      Scope: await admin.patch(app, { Scope: odd }),
      ApiResources: await admin.patch(app, { ApiResources: odd }),
      ImpersonateLoginUrl: await admin.patch(app, { ImpersonateLoginUrl: `https://app.example.com/${odd}` }),
      Label: await admin.post(`${app}/secrets`, { Label: odd }),
      password: await admin.put('/users/anna/password', { password: `${PASSWORD}${odd}` }),
    }
    for (const [name, { status, text }] of Object.entries(answers))
      t.ok(status < 500, `${name}: ${status} ${text.slice(0, 300)}`)
  })

  await t.test(`${kind} on the command line`, async (t) => {
    const file = JSON.stringify({
      apps: [
        {
          ApplicationUri: 'a/b',
          ClientType: 'Confidential',
          Name: odd,
          Scope: odd,
          ImpersonateLoginUrl: odd,
          ApplicationSecretHash: { SecretHash: odd, Label: odd },
        },
      ],
      users: [{ login: odd, name: odd, email: odd, passwordHash: odd, id: odd }],
      resources: [{ Identifier: odd, Name: odd, Scopes: [{ Name: odd, Description: odd }] }],
      settings: { AuditRetention: odd },
    })
    const { code, stderr } = await tesseraOn(instance)(['apply', '-'], file)
    t.equal(code, 2, stderr)
    t.notMatch(stderr, /unexpected:/)
  })
}

await t.test('none of it was an error of the server', async (t) => {
  t.strictSame(
    instance.log.filter(({ level, msg }) => Number(level) >= 50 || /could not be stored/.test(String(msg))),
    [],
  )
})
