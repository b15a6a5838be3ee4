import t from 'tap'
import { showConsents } from '../../src/admin/grants/consents.ts'
import { addTool, appPath, createAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { serviceToken as adminToken } from '../fixtures/clients/endpoints.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import { fillWithPeople } from '../fixtures/store/crowd.ts'
import { query } from '../fixtures/store/database.ts'
import { ONLY_ON_SQLITE } from '../fixtures/store/postgres.ts'
import { longestStall, statementsOf, wideSteps } from '../fixtures/store/statements.ts'
import { callApi, serveApi, setSlots } from '../fixtures/tokens/api-sessions.ts'
import { changeApp, issue } from '../fixtures/tokens/reference-tokens.ts'

const SPARE = 'my.trusted.app/spare'
const { instance, david } = await startWorld(t, { TESSERA_REGISTRATION: 'open' })
await serveApi(instance)
await addTool(instance)
await changeApp(instance, WEB, { accessTokens: 'AuthenticatedUsers', impersonateLoginUrl: [WEB_REDIRECT] })
await instance.addApp({ applicationUri: SPARE })
await instance.addUser({ login: 'spare' })

// A token of an app is good for an hour, and the clock stands still but for a millisecond with each change.
const admin = createAdminApi(instance, await adminToken(instance, TOOL))
const web = createRelyingParty(instance, { clientId: WEB, login: 'david' })
let { access_token: access, refresh_token: refresh } = await web.obtainTokens()
const own = async (path: string, method = 'GET', headers = {}): Promise<number> => {
  const from = { origin: instance.origin, 'sec-fetch-site': 'same-origin', ...headers }
  return (await web.browser.request(`${instance.origin}/profile/api/v1${path}`, { method, headers: from })).status
}
const service = (): Promise<string> => adminToken(instance, SYNC)
const renew = async (): Promise<void> => {
  const answer = await web.refresh(refresh)
  if (answer.status !== 200) throw new Error(answer.text)
  refresh = String(answer.json['refresh_token'])
}

const cursor = (key: string): string => Buffer.from(key).toString('base64url')

const register = (): Promise<Response> =>
  fetch(`${instance.issuer}/connect/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['https://own.example.com/cb'], client_name: 'Own' }),
  })

// What happened in one millisecond is sorted by its ids.
const SAME_MOMENT = /LAST TERM/

/** What is asked for, each with a cursor, a filter or a name that nobody has where there is one. */
const PATHS: readonly (readonly [name: string, work: () => Promise<unknown>, allowed?: RegExp])[] = [
  ['a refresh', renew],
  ['a sign-in and its code', async () => ({ access_token: access, refresh_token: refresh } = await web.obtainTokens())],
  ['a token of a service', service],
  ['a lookup of a token', () => web.introspect(access)],
  ['the claims of a person', () => web.userinfo(access)],
  ['one’s own consents', () => own('/consents')],
  ['one’s own consents, next page', () => own(`/consents?cursor=${cursor(`1 a ${david.id}`)}`)],
  ['one’s own tokens', () => own('/tokens')],
  ['users', () => admin.get('/users')],
  ['users, next page', () => admin.get(`/users?cursor=${cursor('1 x')}`)],
  ['users by a text', () => admin.get('/users?q=zzz&isEnabled=true')],
  ['users by a text, next page', () => admin.get(`/users?q=zzz&cursor=${cursor('1 x')}`)],
  ['a user that nobody is', () => admin.get('/users/davit')],
  ['a change of a user that nobody is', () => admin.patch('/users/davit', { name: 'x' })],
  ['an e-mail', () => admin.get('/users/david@example.com')],
  ['a user is changed', () => admin.patch('/users/david', { name: 'David' })],
  ['another administrator', () => instance.core.store.read.users.administrators(2)],
  ['a password', () => admin.put('/users/anna/password', { password: 'another horse battery staple' })],
  ['a user is switched off', () => admin.patch('/users/anna', { isEnabled: false })],
  ['a user is removed', () => admin.remove('/users/spare')],
  ['apps', () => admin.get('/apps')],
  ['apps, next page', () => admin.get(`/apps?cursor=${cursor('1 x')}`)],
  ['apps by a text, next page', () => admin.get(`/apps?q=zzz&cursor=${cursor('1 x')}`)],
  ['an app that is not there', () => admin.get(appPath('my.trusted.app/wep'))],
  ['a change of an app that is not there', () => admin.patch(appPath('my.trusted.app/wep'), { Name: 'x' })],
  ['an app is switched off', () => admin.patch(appPath(SPARE), { IsEnabled: false })],
  ['an app is removed', () => admin.remove(appPath(SPARE))],
  ['reference tokens of an app', () => admin.get(`${appPath(WEB)}/tokens`)],
  ['sign-outs of an app', () => admin.get(`${appPath(WEB)}/logouts`)],
  ['consents of a user', () => admin.get('/users/david/consents')],
  ['consents of a user, next page', () => admin.get(`/users/david/consents?cursor=${cursor(`1 a ${david.id}`)}`)],
  ['reference tokens', () => admin.get(`/tokens?cursor=${cursor('0')}`)],
  ['reference tokens of a kind', () => admin.get('/tokens?kind=SAT')],
  ['reference tokens of a user, of a kind', () => admin.get('/tokens?user=david&kind=PAT')],
  ['consents of an app', () => admin.get(`/consents?app=${WEB}`)],
  ['sign-in sessions of a user', () => admin.get('/users/david/sign-ins')],
  ['sign-in sessions of a user, next page', () => admin.get(`/users/david/sign-ins?cursor=${cursor('1 x')}`)],
  ['every sign-in session of a user is ended', () => admin.remove('/users/anna/sign-ins')],
  ['API sessions', () => admin.get('/sessions')],
  ['API sessions, next page', () => admin.get(`/sessions?cursor=${cursor('1 x')}`)],
  ['API sessions of a user', () => admin.get('/sessions?user=david')],
  ['API sessions of an app', () => admin.get(`/sessions?app=${WEB}&cursor=${cursor('1 x')}`)],
  ['API sessions of a user at an app', () => admin.get(`/sessions?app=${WEB}&user=david`)],
  ['the first call of an API', () => callApi(instance, access)],
  ['the first call where slots are numbered', () => withSlots(10, service)],
  ['the first call where it is getting full', () => withSlots(1, service)],
  ['the end of an API session', endOneSession],
  [
    'what was refused to an app, next page',
    () => admin.get(`/refusals?app=${WEB}&cursor=${cursor('1 x')}`),
    SAME_MOMENT,
  ],
  ['what was refused, next page', () => admin.get(`/refusals?cursor=${cursor('1 x')}`), SAME_MOMENT],
  ['what happened, next page', () => admin.get(`/audit?cursor=${cursor('1 x')}`)],
  ['events of a name', () => admin.get(`/audit?event=app_removed&cursor=${cursor('1 x')}`)],
  ['events of a user', () => admin.get(`/audit?user=${david.id}&event=signed_in`), SAME_MOMENT],
  ['events of an app', () => admin.get(`/audit?app=${WEB}&user=${david.id}`), SAME_MOMENT],
  ['all consents', () => showConsents(instance.core.store.read, {}, { limit: 50, after: '1 a b' })],
  ['consents to an app', () => showConsents(instance.core.store.read, { app: WEB }, { limit: 50, after: '1 a b' })],
  ['a consent is taken back', () => own(`/consents/${encodeURIComponent(WEB)}`, 'DELETE')],
  // Bounded by TESSERA_REGISTRATION_MOST.
  ['an app registers itself', register, /^(SCAN|Seq Scan on) self_registrations/],
  // The index holds what is still to be delivered and nothing else.
  ['metrics', () => fetch(`${instance.origin}/metrics`), /outbox_waiting/],
  [
    'refusals by what no index knows, next page',
    () => admin.get(`/refusals?status=400&error=x&endpoint=token&cursor=${cursor('1 x')}`),
    SAME_MOMENT,
  ],
  ['the clean-up', () => cleanUpOf(instance).run(), SAME_MOMENT],
]

async function withSlots(slots: number, token: () => Promise<string>): Promise<void> {
  await setSlots(instance, slots)
  const bearer = await token()
  await callApi(instance, bearer).catch(() => undefined)
  await setSlots(instance, 'unlimited')
}

async function endOneSession(): Promise<void> {
  const { session_id: id } = await callApi(instance, access)
  await admin.remove(`/sessions/${id}?withTokens=true`)
}

await t.test('no request reads all of a table that grows, nor sorts what it found there', async (t) => {
  await issue(instance, { kind: 'PAT', user: david.id, app: WEB })
  for (const [name, work, allowed = /^$/] of PATHS) {
    const asked = await statementsOf(work)
    const wide = await Promise.all(
      asked.map(async (one) =>
        (await wideSteps(instance, one)).filter((step) => !allowed.test(step)).map((step) => `${step}: ${one.sql}`),
      ),
    )
    t.strictSame(asked.length === 0 ? ['nothing was asked'] : [...new Set(wide.flat())], [], name)
  }
})

await t.test(
  'what goes with a record that is removed is found by an index',
  {
    skip: ONLY_ON_SQLITE('which scans for it in silence; PostgreSQL has the same indexes'),
  },
  async (t) => {
    const references = await query<{ child: string; column: string }>(
      instance,
      `select m.name as child, f."from" as "column" from sqlite_master m, pragma_foreign_key_list(m.name) f where m.type = 'table'`,
    )
    t.ok(references.length > 15)
    for (const { child, column } of references) {
      const indexes = await query(
        instance,
        `select l.name from pragma_index_list(?) l, pragma_index_info(l.name) i where l.partial = 0 and i.seqno = 0 and i.name = ?`,
        child,
        column,
      )
      t.ok(indexes.length > 0, `${child}.${column}`)
    }
  },
)

const MANY = 20_000

/** What is asked again when there are many of everybody. */
const GROWN: readonly (readonly [name: string, work: () => Promise<unknown>, more?: number])[] = [
  ['a sign-in and its code', async () => ({ access_token: access, refresh_token: refresh } = await web.obtainTokens())],
  ['a refresh', renew],
  ['one’s own consents', () => own('/consents')],
  ['users', () => admin.get('/users')],
  ['users by a text that none has: a thousand are looked through', () => admin.get('/users?q=zzz'), 1000],
  ['a user that nobody is', () => admin.get('/users/persom123')],
  ['a change of a user that nobody is', () => admin.patch('/users/persom123', { name: 'x' })],
  ['apps', () => admin.get('/apps')],
  ['consents of a user', () => admin.get('/users/david/consents')],
  ['API sessions', () => admin.get('/sessions?limit=50')],
  ['API sessions of an app', () => admin.get(`/sessions?app=${WEB}`)],
  ['the first call of an API', async () => callApi(instance, await service())],
  ['the first call where slots are numbered', () => withSlots(MANY * 2, service)],
  ['events of a name', () => admin.get('/audit?event=app_removed')],
  ['a consent is taken back', () => own(`/consents/${encodeURIComponent(WEB)}`, 'DELETE')],
]

await t.test(`with ${MANY} people each request reads as much as with a few, and holds nobody up`, async (t) => {
  const measure = async (work: () => Promise<unknown>) => {
    const stalls: number[] = []
    let rows = 0
    // The machine may be busy with something else once or twice.
    for (let round = 0; round < 3; round++) {
      const asked = statementsOf(async () => void stalls.push(await longestStall(work)))
      rows = (await asked).reduce((sum, one) => sum + one.rows, 0)
    }
    return { rows, stall: Math.min(...stalls) }
  }
  const before = new Map<string, Awaited<ReturnType<typeof measure>>>()
  for (const [name, work] of GROWN) before.set(name, await measure(work))
  await fillWithPeople(instance, WEB, MANY)
  for (const [name, work, more = 250] of GROWN) {
    const [few, many] = [before.get(name) ?? { rows: 0, stall: 0 }, await measure(work)]
    t.ok(many.rows <= few.rows + more, `${name}: rows ${few.rows}, ${many.rows}`)
    t.ok(many.stall <= few.stall * 3 + 25, `${name}: ms ${Math.round(few.stall)}, ${Math.round(many.stall)}`)
  }
})

await t.test('a search goes on while there is a next page, of which some are empty', async (t) => {
  const found: unknown[] = []
  const seen: number[] = []
  for (let next: unknown = ''; next !== null; ) {
    const { json } = await admin.get(`/users?q=david${next === '' ? '' : `&cursor=${String(next)}`}`)
    const { items, next: after } = json as unknown as { items: { login: string }[]; next: unknown }
    found.push(...items.map(({ login }) => login))
    seen.push(items.length)
    next = after
  }
  t.strictSame(found, ['david'])
  t.equal(seen.length, Math.ceil((MANY + 1) / 1000), 'each looks through a thousand')
})

await t.test('commands print everything, read page by page', async (t) => {
  const tessera = tesseraOn(instance)
  for (const [command, least] of [
    ['user list', MANY],
    ['user list --q david --limit 1', 1],
    ['consent list', MANY],
    ['session list', MANY],
    ['app list', 5],
  ] as const) {
    const listed = (await documentOf(tessera(words(`${command} --json`)))) as unknown as readonly unknown[]
    t.ok(listed.length >= least, `${command}: ${listed.length}`)
    t.equal(new Set(listed.map((one) => JSON.stringify(one))).size, listed.length, `${command}: each once`)
  }
})
