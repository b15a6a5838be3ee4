import t from 'tap'
import { addTool, appPath, createAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { serviceToken } from '../fixtures/clients/endpoints.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { OTHER, OTHER_REDIRECT, startWorld, WEB } from '../fixtures/instance/world.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import { fillWith } from '../fixtures/store/crowd.ts'
import { alter, query } from '../fixtures/store/database.ts'
import { statementsOf } from '../fixtures/store/statements.ts'
import { changeApp } from '../fixtures/tokens/reference-tokens.ts'

const TOKENS = 1200
const { instance } = await startWorld(t)
await addTool(instance)
const admin = createAdminApi(instance, await serviceToken(instance, TOOL))
await fillWith(instance, WEB, { people: 2, apps: 0, tokens: TOKENS })
const eve = await instance.addUser({ login: 'eve', email: 'eve@example.com' })
for (const table of ['token_families', 'consents'])
  await alter(instance, `update ${table} set user_id = '${eve.id}' where user_id = 'id1'`)
// Failed attempts at the name and more sign-ins than go at once, of which the app wants to know the end.
await alter(
  instance,
  `insert into sign_in_attempts (key, user_id, since, count, locks, locked_until, consecutive, expires_at)
   values ('name:eve', '${eve.id}', 1, 9, 0, 0, 9, ${instance.now() + 1e9})`,
)
const SIGN_INS = 600
const numbered = `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${SIGN_INS})`
await alter(
  instance,
  `insert into sign_in_sessions (sid, auth_time, amr, acr, cookie_digest, user_id, user_epoch, created_at, last_seen_at)
   ${numbered} select 'sid-of-eve' || i, 1, 'pwd', 'acr', 'cookie' || i, '${eve.id}', 1, ${instance.now()}, 1 from n`,
)
await alter(
  instance,
  `insert into session_apps (sid, application_uri, user_id, first_at)
   ${numbered} select 'sid-of-eve' || i, '${OTHER}', '${eve.id}', 1 from n`,
)
await changeApp(instance, OTHER, { backchannelLogoutUri: 'https://other.example.com/bye' })
const tessera = tesseraOn(instance)

const countOf = async (table: string, column: string, value: string): Promise<number> => {
  const [row] = await query<{ rows: number }>(
    instance,
    `select count(*) as rows from ${table} where ${column} = ?`,
    value,
  )
  return Number(row?.rows)
}
const familiesOf = (column: string, value: string) => countOf('token_families', column, value)
/** The checks of the database that fail; the crowd was put in with digests that are none. */
const findings = async (): Promise<readonly string[]> =>
  [...(await tessera(words('db check'))).stdout.matchAll(/^failed +(\S.*?) {2}/gm)].map(([, name = '']) => name)
const before = await findings()
t.ok(before.includes('rows of refresh_tokens'), 'it looks at them')

const to = (app: string) => (due: readonly { readonly destination: string }[]) =>
  due.filter(({ destination }) => destination === app)

/** How many rows a unit of work takes away by itself. */
const touchedBy = async (work: () => Promise<unknown>): Promise<number> => {
  const asked = await statementsOf(work)
  return Math.max(...asked.map(({ rows }) => rows))
}

const noticesTo = (app: string) => countOf('outbox', 'destination', app)

const EVE = new RegExp(`"eve|${eve.id}`)

await t.test('somebody with many tokens is gone at once, and their rows bit by bit', async (t) => {
  t.equal(await familiesOf('user_id', eve.id), TOKENS / 2)
  t.ok((await touchedBy(async () => t.equal((await admin.remove('/users/eve')).status, 204))) <= 250)
  const told = await noticesTo(OTHER)
  t.ok(told > 0 && told < SIGN_INS, `${told} notices at once`)
  t.equal(await countOf('sign_in_attempts', 'user_id', eve.id), 0, 'whoever has the name next begins anew')
  const shown = (await tessera(words('audit list --event user_removed'))).stdout
  t.match(shown, eve.id)
  t.notMatch(shown, 'removed:')
  t.equal(await familiesOf('user_id', eve.id), TOKENS / 2, 'nobody waited until all of it was removed')
  for (const name of ['eve', eve.id, 'eve@example.com', `removed:${eve.id}`])
    t.equal((await admin.get(`/users/${encodeURIComponent(name)}`)).status, 404, name)
  t.notMatch((await admin.get('/users')).text, EVE)
  t.notMatch((await admin.get(`/apps/${encodeURIComponent(WEB)}/consents`)).text, EVE)
  t.notMatch((await tessera(words('consent list --json'))).stdout, EVE)
  const kept = 'login, name, email, password_hash, profile, is_enabled'
  const rows = await query<Record<string, unknown>>(instance, `select ${kept} from users where id = ?`, eve.id)
  const nobody = { login: `removed:${eve.id}`, name: `removed:${eve.id}`, email: null, password_hash: null }
  t.strictSame(
    rows.map((row) => ({ ...row })),
    [{ ...nobody, profile: '{}', is_enabled: 0 }],
  )
  t.strictSame(await findings(), before, 'db check finds nothing more')
})

await t.test('their login is free at once, and their id not before nothing is left of them', async (t) => {
  const file = JSON.stringify({ users: [{ login: 'successor', id: eve.id }] })
  const refused = await tessera(['apply', '-'], file)
  t.equal(refused.code, 2)
  t.match(refused.stderr, /belonged to somebody who was removed/)
  t.equal((await admin.post('/users', { login: 'eve', type: 'InternalUser' })).status, 201)
  t.equal(
    (await admin.post('/users', { login: `removed:${eve.id}`, type: 'InternalUser' })).status,
    201,
    'nobody’s name',
  )
  t.strictSame(await findings(), before, 'db check finds nothing more')
  // A node that dies over it leaves the rest to whoever cleans up next.
  const removed = await cleanUpOf(instance).run()
  t.ok((removed.users ?? 0) > TOKENS / 2, `${removed.users} rows`)
  t.equal(await familiesOf('user_id', eve.id), 0)
  t.equal(await noticesTo(OTHER), SIGN_INS, 'each sign-out is told')
  t.equal(await countOf('users', 'id', eve.id), 0)
  t.equal((await admin.get('/users/eve')).status, 200, 'the new one')
})

await t.test('an app with many tokens is gone at once, and cannot be registered before nothing is left', async (t) => {
  const web = createRelyingParty(instance, { clientId: WEB, login: 'david' })
  const { access_token: access, refresh_token: refresh } = await web.obtainTokens()
  await alter(
    instance,
    `insert into outbox (id, kind, destination, payload, created_at, next_attempt_at, attempts)
     ${numbered} select 'notice' || i, 'logout_notice', '${WEB}', '{"sid":"s"}', ${instance.now()}, 1, 0 from n`,
  )
  t.ok((await touchedBy(async () => t.equal((await admin.remove(appPath(WEB))).status, 204))) < 100)
  t.ok((await noticesTo(WEB)) >= SIGN_INS, 'they go with the rest')
  t.strictSame(await instance.core.store.read.outbox.due('logout_notice', instance.now(), 2, 10).then(to(WEB)), [])
  const ended = await tessera(words('session end --user david --with-tokens'))
  t.equal(ended.code, 0)
  t.notMatch(ended.stdout, WEB)
  t.ok((await familiesOf('application_uri', WEB)) > TOKENS / 2 - 1, 'nobody waited until all of it was removed')

  t.equal((await admin.get(appPath(WEB))).status, 404)
  t.notMatch((await admin.get('/apps')).text, /my.trusted.app\/web/)
  t.notMatch((await admin.get('/users/david/consents')).text, /my.trusted.app\/web/)
  t.equal((await web.refresh(refresh)).status, 401)
  t.equal((await web.userinfo(access)).status, 401)
  const withoutEve = before.filter((name) => name !== 'rows of sign_in_sessions')
  t.strictSame(await findings(), withoutEve, 'db check finds nothing more')

  const again = await admin.post('/apps', { ApplicationUri: WEB, ClientType: 'None' })
  t.equal(again.status, 409)
  t.match(again.text, /was removed, and is free again/)
  const applied = await tessera(['apply', '-'], JSON.stringify({ apps: [{ ApplicationUri: WEB, ClientType: 'None' }] }))
  t.equal(applied.code, 2)
  t.match(applied.stderr, /was removed, and is free again/)
})

await t.test('what is left goes beside others, through a restart, and then the name is free', async (t) => {
  const other = createRelyingParty(instance, { clientId: OTHER, redirectUri: OTHER_REDIRECT, login: 'david' })
  const cleaned = cleanUpOf(instance).run()
  await other.obtainTokens()
  await cleaned
  t.equal(await noticesTo(WEB), 0)
  for (const table of ['token_families', 'authorization_codes', 'consents', 'api_session_apps', 'trusted_applications'])
    t.equal(await countOf(table, 'application_uri', WEB), 0, table)
  t.equal((await admin.post('/apps', { ApplicationUri: WEB, ClientType: 'None' })).status, 201)
  const events = (await documentOf(tessera(words(`audit list --app ${WEB} --json`)))) as unknown as { event: string }[]
  t.strictSame(
    events
      .map(({ event }) => event)
      .filter((event) => event === 'app_removed' || event === 'app_registered')
      .sort(),
    ['app_registered', 'app_removed'],
  )
})

await t.test('an app with few goes whole', async (t) => {
  await alter(instance, `delete from outbox where destination = '${OTHER}' and id not in (select max(id) from outbox)`)
  t.equal((await admin.remove(appPath(OTHER))).status, 204)
  t.equal(await noticesTo(OTHER), 0)
  t.equal(await countOf('trusted_applications', 'application_uri', OTHER), 0)
  t.equal(await familiesOf('application_uri', OTHER), 0)
})
