import t from 'tap'
import { showUser } from '../../src/domain/users/user-attributes.ts'
import { USER_DETAILS } from '../../src/domain/users/user-details.ts'
import { appPath, auditOf, createAdminApi, isProblem, startAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { logHoldsNoSecret } from '../fixtures/answers/refusals.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { obtainTokens, refresh } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, userinfo } from '../fixtures/clients/endpoints.ts'
import type { Json } from '../fixtures/clients/http.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const { instance, david, service } = await startWorld(t)
const api = await startAdminApi(instance)
const NEW_PASSWORD = 'another horse, another battery'
noteSecret(NEW_PASSWORD)

async function canSignIn(username: string, password: string): Promise<boolean> {
  const browser = createBrowser(instance.origin)
  const login = await browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
  const next = await browser.submit(login, 'login-submit', { username, password })
  return next.page.querySelector('#login-submit') === null
}

await t.test('a user is told whole, and never with a password', async (t) => {
  const { json, etag } = await api.get('/users/david')
  const shown = showUser(david)
  t.match(json, shown)
  t.strictSame(Object.keys(json), [...Object.keys(shown), 'createdAt', 'updatedAt'])
  t.match(etag, /^"[^"]+"$/)
  for (const name of [david.id, 'DAVID', 'david@example.com', 'David@Example.com'])
    t.equal((await api.get(`/users/${encodeURIComponent(name)}`)).json['id'], david.id, name)
  t.equal((await api.get('/users/david', { 'if-none-match': etag })).status, 304)
})

await t.test('a user is added, and can sign in', async (t) => {
  const made = await api.post('/users', {
    login: 'mia',
    type: 'InternalUser',
    name: 'Mia Long',
    email: 'mia@example.com',
    emailVerified: true,
    givenName: 'Mia',
    familyName: 'Long',
    phoneNumber: '+49 30 123456',
    picture: 'https://people.example.com/mia.jpg',
    locale: 'de-de',
    isAdmin: true,
    password: NEW_PASSWORD,
  })
  t.equal(made.status, 201, made.text)
  t.match(made.json, {
    login: 'mia',
    type: 'InternalUser',
    locale: 'de-DE',
    isAdmin: true,
    isEnabled: true,
    familyName: 'Long',
    picture: 'https://people.example.com/mia.jpg',
  })
  t.notMatch(made.text, /password|argon2/)
  t.equal(made.headers.get('location'), `/manage/api/v1/users/${made.json['id']}`)
  t.equal((await api.get(`/users/${made.json['id']}`)).etag, made.etag)
  t.ok(await canSignIn('mia', NEW_PASSWORD))
  const events = await auditOf(instance, { user: String(made.json['id']) })
  const event = events.find((one) => one.event === 'user_added')
  matchesWhole(t, event, {
    event: 'user_added',
    actor: `app:${TOOL}`,
    detail: { fields: { name: { from: null, to: 'Mia Long' } } },
  })
  t.match((await api.post('/users', { login: 'bo', type: 'ExternalCommunityUser', isEnabled: false })).json, {
    name: 'bo',
    isEnabled: false,
  })
})

await t.test('every detail is settable, and its effect shows at UserInfo', async (t) => {
  const scope = 'openid profile email phone address offline_access read'
  const tokens = await obtainTokens(instance, { scope }, { login: 'anna' })
  const details: readonly (readonly [attribute: string, value: unknown, claims: Json])[] = [
    ['name', 'Anna Bergmann', { name: 'Anna Bergmann' }],
    ['email', 'anna@example.com', { email: 'anna@example.com', email_verified: false }],
    ['emailVerified', true, { email_verified: true }],
    ['givenName', 'Anna', { given_name: 'Anna' }],
    ['familyName', 'Bergmann', { family_name: 'Bergmann' }],
    ['middleName', 'Maria', { middle_name: 'Maria' }],
    ['nickname', 'Ann', { nickname: 'Ann' }],
    ['profilePage', 'https://people.example.com/anna', { profile: 'https://people.example.com/anna' }],
    ['picture', 'https://people.example.com/anna.jpg', { picture: 'https://people.example.com/anna.jpg' }],
    ['website', 'https://anna.example.com/', { website: 'https://anna.example.com/' }],
    ['gender', 'female', { gender: 'female' }],
    ['birthdate', '0000-05-17', { birthdate: '0000-05-17' }],
    ['zoneinfo', 'Europe/Sofia', { zoneinfo: 'Europe/Sofia' }],
    ['locale', 'de', { locale: 'de' }],
    ['phoneNumber', '+49 30 123456', { phone_number: '+49 30 123456', phone_number_verified: false }],
    ['phoneNumberVerified', true, { phone_number_verified: true }],
    ['formattedAddress', 'Hof 1\n1000 Sofia', { address: { formatted: 'Hof 1\n1000 Sofia' } }],
    ['streetAddress', 'Hof 1', { address: { street_address: 'Hof 1' } }],
    ['locality', 'Sofia', { address: { locality: 'Sofia' } }],
    ['region', 'Sofia City', { address: { region: 'Sofia City' } }],
    ['postalCode', '1000', { address: { postal_code: '1000' } }],
    ['country', 'Bulgaria', { address: { country: 'Bulgaria' } }],
  ]
  t.strictSame(
    details.map(([attribute]) => attribute).sort(),
    USER_DETAILS.map(({ name }) => name as string)
      .filter((name) => name !== 'isAdmin')
      .sort(),
    'none is forgotten here',
  )
  for (const [attribute, value, claims] of details) {
    const changed = await api.patch('/users/anna', { [attribute]: value })
    t.equal(changed.json[attribute], value, `${attribute} ${changed.text}`)
    t.match((await userinfo(instance, tokens.access_token)).json, claims, attribute)
    const [event] = (await auditOf(instance, { user: String(changed.json['id']) })).slice(-1)
    t.match(event, { event: 'user_updated', detail: { fields: { [attribute]: { to: value } } } })
  }
  const cleared = await api.patch('/users/anna', {
    name: null,
    email: null,
    givenName: null,
    phoneNumber: null,
    picture: null,
    locale: null,
  })
  matchesWhole(t, cleared.json, {
    name: 'Bergmann',
    email: null,
    emailVerified: false,
    givenName: null,
    familyName: 'Bergmann',
    phoneNumber: null,
    phoneNumberVerified: false,
    picture: null,
    locale: null,
  })
  const { json: claims } = await userinfo(instance, tokens.access_token)
  t.strictSame(
    [claims['email'], claims['email_verified'], claims['phone_number'], claims['picture']],
    [undefined, undefined, undefined, undefined],
  )
})

await t.test('a new e-mail address is not a verified one unless it is said to be', async (t) => {
  t.match((await api.patch('/users/david', { email: 'dm@example.com' })).json, { emailVerified: false })
  t.match((await api.patch('/users/david', { email: 'david@example.com', emailVerified: true })).json, {
    emailVerified: true,
  })
  t.match(
    (await api.patch('/users/david', { email: 'david@example.com' })).json,
    { emailVerified: true },
    'the same one stays so',
  )
})

await t.test('isAdmin opens the administration API, and closes it at once', async (t) => {
  const marked = await api.patch(appPath(WEB), { AdministrationAllowed: true, Scope: 'read update sec' })
  t.equal(marked.status, 200, marked.text)
  const { access_token: token } = await obtainTokens(instance, { scope: 'openid sec' })
  const status = async () => (await createAdminApi(instance, token).get('/users')).status
  t.equal(await status(), 403)
  await api.patch('/users/david', { isAdmin: true })
  t.equal(await status(), 200)
  await api.patch('/users/david', { isAdmin: false })
  t.equal(await status(), 403)
})

await t.test('isEnabled is the kill switch: the person is out at the next request', async (t) => {
  const tokens = await obtainTokens(instance)
  t.equal((await userinfo(instance, tokens.access_token)).status, 200)
  t.match((await api.patch('/users/david', { isEnabled: false })).json, { isEnabled: false })
  t.equal((await userinfo(instance, tokens.access_token)).status, 401)
  t.match((await refresh(instance, tokens.refresh_token)).json, { error: 'invalid_grant' })
  t.notOk(await canSignIn('david', PASSWORD))
  t.match((await api.patch('/users/david', { isEnabled: true })).json, { isEnabled: true })
  t.equal((await userinfo(instance, tokens.access_token)).status, 401, 'enabling revives nothing')
  t.ok(await canSignIn('david', PASSWORD))
})

await t.test('a new password ends everything issued under the old one', async (t) => {
  const tokens = await obtainTokens(instance)
  t.equal((await api.put('/users/david/password', { password: NEW_PASSWORD })).status, 204)
  t.equal((await userinfo(instance, tokens.access_token)).status, 401)
  t.notOk(await canSignIn('david', PASSWORD))
  t.ok(await canSignIn('david', NEW_PASSWORD))
  const event = (await auditOf(instance, { user: david.id })).findLast((one) => one.event === 'user_password_set')
  matchesWhole(t, event, { actor: `app:${TOOL}`, detail: {} })
  for (const [path, body, status, errors] of [
    ['david', { password: 'short' }, 422, ['password: must have at least 8 characters (15 or more are advised)']],
    [
      'david',
      { pasword: NEW_PASSWORD },
      400,
      [
        'password: is required: a password of at least 8 characters',
        'pasword: cannot be set here; did you mean password?',
      ],
    ],
    ['david', { password: 12345678 }, 400, ['password: expects a password of at least 8 characters']],
    ['svc.sync', { password: NEW_PASSWORD }, 422, ['password: a System User has no password: it never signs in']],
  ] as const) {
    const type = status === 422 ? 'impossible-record' : 'malformed-request'
    isProblem(t, instance, await api.put(`/users/${path}/password`, body), { status, type, errors })
  }
  t.equal((await api.put('/users/nobody/password', { password: NEW_PASSWORD })).status, 404)
})

await t.test('what cannot be is refused with every reason', async (t) => {
  const before = (await instance.core.store.read.users.list()).length
  const whole = { login: 'zoe', type: 'InternalUser' }
  for (const [body, status, errors] of [
    [{ login: ' zoe' }, 422, ['login: must not be empty or start or end with a space']],
    [{ login: david.id }, 422, ['login: must not look like a user id (a UUID)']],
    [
      { email: 'nonsense', locale: '!', phoneNumber: 'x', picture: 'http://a.example/x', name: '' },
      422,
      [
        'name: must not be empty',
        'email: is not an e-mail address',
        'picture: must be an https URL of at most 2048 ASCII characters',
        'locale: is not a language tag (BCP 47), such as de or en-GB',
        'phoneNumber: is not a phone number, such as +49 30 123456',
      ],
    ],
    [
      { email: 'nonsense', password: 'short' },
      422,
      ['email: is not an e-mail address', 'password: must have at least 8 characters (15 or more are advised)'],
    ],
    [{ emailVerified: true }, 422, ['emailVerified: needs an email']],
    [
      { type: 'SystemUserNoLogin', password: NEW_PASSWORD },
      422,
      ['password: a System User has no password: it never signs in'],
    ],
    [
      { type: 'Robot', isAdmin: 'yes' },
      400,
      ['type: expects one of InternalUser, ExternalCommunityUser, SystemUserNoLogin', 'isAdmin: expects true or false'],
    ],
    [
      { id: 'x', passwordHash: 'y', emai: 'z' },
      400,
      ['id: cannot be set here', 'passwordHash: cannot be set here', 'emai: cannot be set here; did you mean email?'],
    ],
  ] as const) {
    const type = status === 422 ? 'impossible-record' : 'malformed-request'
    isProblem(
      t,
      instance,
      await api.post('/users', { ...whole, ...body }),
      { status, type, errors },
      JSON.stringify(body),
    )
  }
  for (const [body, errors] of [
    [{ login: 'DAVID' }, ['login: DAVID is taken by david; letter case and Unicode form do not matter']],
    [{ email: 'David' }, undefined],
    [
      { email: 'david@EXAMPLE.com' },
      ['email: david@EXAMPLE.com is taken by david; letter case and Unicode form do not matter'],
    ],
  ] as const) {
    const answer = await api.post('/users', { ...whole, ...body })
    if (errors) isProblem(t, instance, answer, { status: 409, type: 'conflict', errors })
    else t.equal(answer.status, 422)
  }
  isProblem(t, instance, await api.patch('/users/david', { login: 'dave', type: 'SystemUserNoLogin' }), {
    status: 422,
    type: 'impossible-record',
    errors: ['login: cannot be changed', 'type: cannot be changed'],
  })
  t.equal(
    (await api.patch('/users/david', { login: 'david', type: 'InternalUser' })).status,
    200,
    'but may be repeated',
  )
  t.equal((await instance.core.store.read.users.list()).length, before, 'nothing of it was stored')
})

await t.test('a refusal tells the operator no name of a person', async (t) => {
  const answer = await api.post('/users', { login: 'david', type: 'InternalUser', email: 'canary@example.com' })
  t.equal(answer.status, 409)
  const kept = await instance.core.store.read.refusals.list(100)
  t.notMatch(JSON.stringify(kept), /canary@example\.com|david/)
})

await t.test('not found names the nearest', async (t) => {
  isProblem(t, instance, await api.get('/users/davit'), {
    status: 404,
    type: 'not-found',
    errors: ['login: no user has the login, e-mail or id "davit"; did you mean david?'],
  })
})

await t.test('changes are meant for one state of the record', async (t) => {
  const { etag } = await api.get('/users/anna')
  for (const method of ['PATCH', 'DELETE'] as const) {
    const answer = await api.call(method, '/users/anna', method === 'PATCH' ? {} : undefined)
    isProblem(t, instance, answer, { status: 428, type: 'precondition-needed' })
  }
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) => api.patch('/users/anna', { familyName: `Berg ${n}` }, etag)),
  )
  const won = answers.filter(({ status }) => status === 200)
  t.equal(won.length, 1)
  t.equal(answers.filter(({ status }) => status === 412).length, 11)
  const now = await api.get('/users/anna')
  t.equal(now.json['familyName'], won[0]?.json['familyName'])
  t.equal(now.etag, won[0]?.etag)
  isProblem(t, instance, await api.remove('/users/anna', etag), { status: 412, type: 'precondition-failed' })
  t.equal((await api.get('/users/anna')).status, 200)
})

await t.test('a removed user is gone; a System User that apps act as stays', async (t) => {
  const tokens = await obtainTokens(instance, {}, { login: 'anna' })
  const { etag, json } = await api.get('/users/anna')
  t.equal((await api.remove('/users/anna', etag)).status, 204)
  t.equal((await api.get('/users/anna')).status, 404)
  t.equal((await userinfo(instance, tokens.access_token)).status, 401)
  const [event] = (await auditOf(instance, { user: String(json['id']) })).slice(-1)
  matchesWhole(t, event, { event: 'user_removed', detail: { fields: { login: { from: 'anna', to: null } } } })
  const answer = await api.remove(`/users/${service.id}`)
  isProblem(t, instance, answer, { status: 409, type: 'conflict', detail: new RegExp(`${SYNC}`) })
  t.equal((await api.get(appPath(SYNC))).json['SystemUser'], 'svc.sync')
})

await t.test('lists come in pages that inserts do not disturb', async (t) => {
  for (const name of ['b', 'd', 'f']) await api.post('/users', { login: `page-${name}`, type: 'InternalUser' })
  const read = async (query: string) => {
    const { json } = await api.get(`/users?q=PAGE-&${query}`)
    return { logins: (json['items'] as Json[]).map((user) => user['login']), next: json['next'] }
  }
  const first = await read('limit=2')
  t.strictSame(first.logins, ['page-f', 'page-d'], 'the newest first')
  await api.post('/users', { login: 'page-a', type: 'InternalUser' })
  await api.remove('/users/page-f')
  t.strictSame(await read(`limit=2&cursor=${first.next}`), { logins: ['page-b'], next: null })
  await api.patch('/users/page-a', { isEnabled: false })
  t.strictSame((await read('isEnabled=false')).logins, ['page-a'])
  await api.patch('/users/page-b', { name: 'Иван Grün', email: 'someone@else.example' })
  const found = async (q: string) => {
    const { json } = await api.get(`/users?q=${encodeURIComponent(q)}`)
    return (json['items'] as Json[]).map((user) => user['login'])
  }
  for (const q of ['ИВАН', 'grÜN', 'SOMEONE@', 'GE-B'])
    t.strictSame(await found(q), ['page-b'], `${q} in any letter case`)
  t.strictSame(await found('%'), [], 'no pattern')
})

await t.test('nothing secret is in the log', async (t) => logHoldsNoSecret(t, instance))

await t.test('the log names routes and apps, and nobody', async (t) => {
  const canary = 'canary.person@example.com'
  await api.post('/users', { login: 'canary.person', type: 'InternalUser', email: canary })
  const before = instance.log.length
  for (const name of [canary, encodeURIComponent(canary), 'canary.person'])
    for (const path of [`/users/${name}`, `/users/${name}/password`, `/users/${name}/nothing`, `/${name}`]) {
      await api.get(path)
      await api.remove(path, '"x"')
      await fetch(`${instance.origin}/manage/api/v1${path}`, {
        method: 'OPTIONS',
        headers: { origin: 'https://a.example.com' },
      })
    }
  await api.get(`/users?q=${canary}`)
  await api.get('/apps/my.trusted.app%2Fweb')
  await fetch(`${instance.issuer}/assets/tessera.css`)
  await fetch(`${instance.issuer}/nowhere?login=${canary}`)
  const lines = instance.log.slice(before)
  t.strictSame(
    lines.filter(
      (line) => JSON.stringify(line).includes('canary.person@') || JSON.stringify(line).includes('canary.person%40'),
    ),
    [],
  )
  t.strictSame(
    lines.filter((line) => /users\/canary/.test(JSON.stringify(line))),
    [],
    'nor a login behind /users/',
  )
  const told = lines.filter(({ msg }) => msg === 'request')
  t.match(told[0], { method: 'GET', route: '/manage/api/v1/users/:user', status: 200, ms: Number, address: String })
  t.strictSame(
    told.slice(-4).map(({ route }) => route),
    ['/manage/api/v1/users', '/manage/api/v1/apps/:applicationUri', '/id/assets/*', 'unknown'],
  )
})
