import t, { type Test } from 'tap'
import { addTool, appPath, createAdminApi, TOOL } from '../../fixtures/admin/admin.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { noteSecret } from '../../fixtures/answers/secrets.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { authorize, obtainCode, obtainTokens, redeem } from '../../fixtures/clients/code-flow.ts'
import { serviceToken } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic } from '../../fixtures/clients/http.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { enableUser, SYNC, WEB } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { changeApp, issue } from '../../fixtures/tokens/reference-tokens.ts'

const CONSOLE = 'my.admin/console'
const CONSOLE_REDIRECT = 'https://admin.example.com/cb'

/** What is not an attribute of a user, or none that anybody sets. */
const NOT_OF_USERS: Readonly<Record<string, unknown>> = {
  id: '00000000-0000-4000-8000-000000000000',
  passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA',
  password_hash: 'x',
  'groups[]': ['admins'],
  groups: ['admins'],
  roles: ['admin'],
  is_admin: true,
  IsAdmin: true,
  email_verified: true,
  epoch: 0,
  createdAt: '2020-01-01T00:00:00Z',
  profile: { isAdmin: true },
  constructor: { prototype: { isAdmin: true } },
}
const NOT_OF_APPS: Readonly<Record<string, unknown>> = {
  SelfRegistered: false,
  CreatedAt: '2020-01-01T00:00:00Z',
  Secrets: [],
  secrets: [],
  epoch: 0,
  isEnabled: true,
  administrationAllowed: true,
  constructor: { prototype: { AdministrationAllowed: true } },
}
/** Spellings of a name that is somebody's. */
const SPELLINGS = ['DAVID', 'dAvid', 'ｄａｖｉｄ', 'David@Example.COM', 'david@example.com', 'DAVID@EXAMPLE.COM']

const INJECTIONS = [
  "' or 1=1 --",
  "david' union select password_hash from users --",
  '"; drop table users; --',
  "a') or ('1'='1",
  '1; select pg_sleep(5)',
  '\\',
  '%',
  '_',
  'david%00',
  'david\0',
  'david\n\r\t',
  "{'$gt':''}",
]

await attackGroup(t, 'J. Administration', async ({ instance, david, attack }, t) => {
  await addTool(instance)
  const api = createAdminApi(instance, await serviceToken(instance, TOOL))
  const eva = await instance.addUser({ login: 'eva', isAdmin: true })
  await instance.addApp({
    applicationUri: CONSOLE,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [CONSOLE_REDIRECT],
    scope: ['sec'],
    administrationAllowed: true,
  })
  for (const app of [WEB, SYNC]) await changeApp(instance, app, { accessTokens: 'AuthenticatedUsers' })
  const isMalformed = (t: Test, { status, text }: Answer): void => void t.equal(status, 400, text)

  for (const [name, value] of Object.entries(NOT_OF_USERS))
    await attack('AD-04', `${name} of a user`, async (t) => {
      isMalformed(t, await api.post('/users', { login: 'mallory', type: 'InternalUser', [name]: value }))
      isMalformed(t, await api.patch('/users/anna', { [name]: value }))
    })
  for (const [name, value] of Object.entries(NOT_OF_APPS))
    await attack('AD-04', `${name} of an app`, async (t) => {
      isMalformed(t, await api.post('/apps', { ApplicationUri: 'mallory', ClientType: 'Public', [name]: value }))
      isMalformed(t, await api.patch(appPath(WEB), { [name]: value }))
    })
  for (const [path, text] of [
    ['/users/anna', '{"__proto__":{"isAdmin":true}}'],
    ['/users/anna', '{"name":"x","__proto__":{"isAdmin":true}}'],
    [appPath(WEB), '{"__proto__":{"AdministrationAllowed":true}}'],
  ] as const)
    await attack('AD-04', `${text} to ${path}`, async (t) =>
      isMalformed(
        t,
        await api.call('PATCH', path, text, { 'content-type': 'application/merge-patch+json', 'if-match': '*' }),
      ),
    )

  await t.test(
    'AD-05: an administrator of lesser rank',
    { todo: 'there is one rank: whoever holds sec administers everything' },
    () => undefined,
  )

  const made = await api.post(`${appPath(WEB)}/secrets`, {})
  const sat = await api.post(`${appPath(SYNC)}/tokens`, { kind: 'SAT', scope: 'read' })
  const shown = { 'client secret': made.json['ApplicationSecret'], SAT: sat.json['token'] }
  const pat = (await issue(instance, { kind: 'PAT', app: WEB, user: 'david' })).value
  const browser = createBrowser(instance.origin)
  await authorize(instance, {}, { browser })
  for (const [name, value] of [...Object.entries(shown), ['PAT', pat] as const])
    await attack(
      'AD-07',
      `a ${name} is told by nothing afterwards`,
      async (t) => {
        const secret = String(value)
        t.ok(secret.length > 40, 'it was told once')
        noteSecret(secret)
        const lists = ['/apps', '/users', '/audit', '/refusals', '/sessions', '/license']
        const ofApps = [WEB, SYNC].flatMap((app) =>
          ['', '/secrets', '/tokens', '/logouts'].map((part) => `${appPath(app)}${part}`),
        )
        for (const path of [...lists, ...ofApps, '/users/david']) {
          const answer = await api.get(path)
          t.equal(answer.status, 200, path)
          t.notOk(answer.text.includes(secret), path)
        }
        const own = await (await browser.request(`${instance.origin}/profile/api/v1/tokens`)).text()
        t.match(own, 'items')
        t.notOk(own.includes(secret))
      },
      { unrefused: true },
    )

  const lists = ['/apps', '/users', '/audit', '/refusals', `${appPath(WEB)}/tokens`, `${appPath(WEB)}/logouts`]
  const people = (await api.get('/users?limit=200')).json['items'] as Record<string, unknown>[]
  /** Of a person every spelling is found, and outer spaces are none of a name. */
  const holds = (text: string) => (person: Record<string, unknown>) =>
    ['login', 'name', 'email'].some((name) => String(person[name]).toLowerCase().includes(text.trim().toLowerCase()))
  for (const text of INJECTIONS)
    await attack('AD-11', JSON.stringify(text), async (t) => {
      for (const list of lists) {
        const ask = (name: string, value: string) => api.get(`${list}?${name}=${encodeURIComponent(value)}`)
        for (const name of ['sort', 'dir', 'filter', 'limit', 'isEnabled', 'cursor'])
          isMalformed(t, await ask(name, text))
        const going = await ask('cursor', Buffer.from(text).toString('base64url'))
        t.ok([200, 400].includes(going.status), 'a key that lies somewhere in the order, or is none')
        for (const name of ['q', 'app', 'event', 'user']) {
          const { status, json } = await ask(name, text)
          const found = list === '/users' && name === 'q' ? people.filter(holds(text)) : []
          if (status !== 400)
            t.strictSame([status, json['items']], [200, found], `${list}: ${name} is looked for as it is`)
        }
      }
    })

  for (const spelling of SPELLINGS)
    await attack('AD-21', `somebody else becomes ${spelling}`, async (t) => {
      const added = await api.post('/users', { login: spelling, type: 'InternalUser' })
      t.equal(added.status, 409, added.text)
      const changed = await api.patch('/users/anna', { email: spelling })
      t.ok([409, 422].includes(changed.status), changed.text)
      t.equal((await api.patch('/users/anna', { login: spelling })).status, 422, 'a login is what an account is')
    })
  for (const login of [david.id, ' david', 'david ', 'dav\u200bid', 'dav\u00adid', 'david\u0000'])
    await attack('AD-21', `a login that only looks like another: ${JSON.stringify(login)}`, async (t) => {
      const { status, text } = await api.post('/users', { login, type: 'InternalUser' })
      t.ok([409, 422].includes(status), text)
    })

  const code = await obtainCode(
    instance,
    { client_id: CONSOLE, redirect_uri: CONSOLE_REDIRECT, scope: 'openid sec' },
    { login: 'eva' },
  )
  const answer = await redeem(instance, code, { redirect_uri: CONSOLE_REDIRECT }, basic(CONSOLE))
  const evas = createAdminApi(instance, tokensOf(answer).access_token)
  const leave: Readonly<Record<string, () => Promise<Answer>>> = {
    'takes the right away': () => evas.patch('/users/eva', { isAdmin: false }),
    'takes it away, by its default': () => evas.patch('/users/eva', { isAdmin: null }),
    'disables the account': () => evas.patch(`/users/${eva.id}`, { isEnabled: false }),
    'removes the account': () => evas.remove('/users/eva'),
  }
  const second = await instance.addUser({ login: 'second', isAdmin: true })
  await enableUser(instance, second, false)
  for (const [name, act] of Object.entries(leave))
    await attack('AD-18', `the last administrator who can sign in ${name}`, async (t) => {
      const { status, json } = await act()
      t.equal(status, 409)
      matchesWhole(t, json['errors'], [{ attribute: 'isAdmin', reason: /^eva is the last administrator/ }])
    })
  await attack(
    'AD-18',
    'with another one there it is theirs to do',
    async (t) => {
      await enableUser(instance, second, true)
      t.equal((await evas.patch('/users/eva', { isAdmin: false })).status, 200)
      t.equal((await evas.get('/users')).status, 403)
    },
    { changes: true },
  )

  await attack(
    'AD-06',
    'neither the sign-in of an administrator nor an ID token opens the API',
    async (t) => {
      const evasBrowser = createBrowser(instance.origin)
      const { id_token } = await obtainTokens(instance, {}, { login: 'second', browser: evasBrowser })
      const url = `${instance.origin}/manage/api/v1/users`
      t.equal((await evasBrowser.request(url)).status, 401)
      t.equal((await createAdminApi(instance, id_token).get('/users')).status, 401)
    },
    { changes: true },
  )
})
