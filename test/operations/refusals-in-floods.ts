import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { type InstanceSettingName, storedName } from '../../src/domain/instance/instance-settings.ts'
import type { Refusal } from '../../src/domain/refusals/refusal.ts'
import { MINUTE } from '../../src/lib/time/clock.ts'
import { findExcessRefusals } from '../../src/operations/maintenance/excess-refusals.ts'
import { createRefusalLog } from '../../src/operations/refusals/refusal-log.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { authorizeUrl, requestServiceToken, requestToken } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import type { Instance } from '../fixtures/instance/instance.ts'
import { METRICS, readMetrics } from '../fixtures/instance/metrics.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import { query } from '../fixtures/store/database.ts'

type Row = Readonly<Record<string, string | number | null>>

const rowsOf = (instance: Instance): Promise<Row[]> => query<Row>(instance, 'select * from refusals')
const comeTo = async (instance: Instance, count: number): Promise<Row[]> =>
  eventually(
    () => rowsOf(instance),
    (rows) => rows.length === count,
  )

/** Whatever was refused before this one is written down when it is; which is one that always is. */
async function settle(instance: Instance): Promise<void> {
  const answer = await requestServiceToken(instance, basic(WEB, 'wrong'))
  const { refusal_id: id } = answer.json as { refusal_id: string }
  await eventually(
    () => query(instance, 'select id from refusals where id = ?', id),
    (rows) => rows.length === 1,
  )
}

const metric = async (instance: Instance, name: string): Promise<number> => {
  const text = await readMetrics(instance)
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? 0)
}

const set = (instance: Instance, name: InstanceSettingName, value: string) =>
  instance.core.store.write(({ settings }) => settings.set(storedName(name), value))

await t.test('what was sent is cut to 256 characters, and a record to 2 KiB', async (t) => {
  const { instance } = await startWorld(t)
  const ask = async (parameters: Readonly<Record<string, string>>): Promise<void> => {
    const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, ...parameters })
    await (await fetch(url, { redirect: 'manual' })).text()
  }
  const long = (start: string, filling = 'x'): string => start + filling.repeat((2000 - start.length) / filling.length)
  const everything = Object.fromEntries(
    ['prompt', 'display', 'ui_locales', 'acr_values', 'response_mode', 'code_challenge_method'].map((name) => [
      name,
      long(''),
    ]),
  )
  await ask({ redirect_uri: long('https://app.example.com/') })
  await ask({ redirect_uri: long('https://app.example.com/', '%') })
  await ask({ redirect_uri: long('https://app.example.com/'), ...everything, scope: 'y'.repeat(1000) })
  await ask({ redirect_uri: long('https://app.example.com/', '\u{1f600}'), ...everything })
  await ask({ redirect_uri: long('https://app.example.com/', '\u0001'), ...everything })
  await ask({ scope: `${'openid '.repeat(100)}\u{1f600}`, ...everything })
  await ask({ client_id: '\u{1f600}'.repeat(64), ...everything, redirect_uri: long('', '\u{1f600}') })
  const resources = Array.from(
    { length: 16 },
    (_, index) => ['resource', long(`https://${index}.example.com/`)] as [string, string],
  )
  await requestToken(instance, [['grant_type', 'client_credentials'], ...resources], basic(SYNC))
  const rows = await comeTo(instance, 8)
  for (const row of rows) {
    const bytes = Object.values(row).reduce<number>((sum, value) => sum + Buffer.byteLength(String(value ?? '')), 0)
    t.ok(bytes <= 2048, `${bytes} bytes`)
    for (const column of ['parameters', 'detail'])
      for (const value of Object.values(JSON.parse(String(row[column])) as Record<string, unknown>).flat())
        t.ok(String(value).length <= 256, `${String(value).length} characters`)
    t.match(JSON.parse(String(row['detail'])), { rule: /./ })
  }
  const [first] = rows
    .map(({ detail }) => JSON.parse(String(detail)) as Record<string, string>)
    .filter(({ rule }) => rule === 'redirect-uri-unregistered')
  t.match(first?.['sent'], /^https:\/\/app\.example\.com\/.*\.\.\. \(2000 characters\)$/)
  const lines = instance.log.filter(({ refusal }) => refusal !== undefined).map((line) => JSON.stringify(line).length)
  t.ok(Math.max(...lines) < 4096, `the longest line about a refusal has ${Math.max(...lines)} characters`)
})

await t.test('what leads nowhere is on the log and counted, and leaves no record', async (t) => {
  const { instance } = await startWorld(t)
  const { origin, issuer } = instance
  const ids: string[] = []
  const isRefused = async (t: Test, status: number, answer: Response): Promise<void> => {
    t.equal(answer.status, status)
    const told = (await answer.json()) as { refusal_id: string }
    t.ok(
      instance.log.some(({ refusal }) => refusal === told.refusal_id),
      'it is on the log under its id',
    )
    ids.push(told.refusal_id)
  }
  await isRefused(t, 404, await fetch(`${origin}/.env`))
  await isRefused(t, 404, await fetch(`${issuer}/wp-login.php?client_id=${WEB}`))
  await isRefused(t, 405, await fetch(`${issuer}/connect/token`))
  await isRefused(t, 405, await fetch(`${issuer}/connect/token?client_id=${WEB}`))
  await isRefused(
    t,
    413,
    await fetch(`${issuer}/connect/userinfo`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `a=${'x'.repeat(20_000)}`,
    }),
  )
  const elsewhere = await instance.server.inject({ url: '/id/connect/userinfo', headers: { host: 'evil.test' } })
  t.equal(elsewhere.statusCode, 421)
  ids.push((elsewhere.json() as { refusal_id: string }).refusal_id)
  const { hostname, port } = new URL(origin)
  await new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write('NONSENSE\r\n\r\n'))
    socket.resume().on('close', resolve)
  })
  await settle(instance)
  const rows = await rowsOf(instance)
  t.equal(rows.length, 1, 'the one that was made to wait for')
  t.equal(await metric(instance, 'tessera_refusals_total{status="404",rule="address-unknown"}'), 2)
  t.equal(await metric(instance, 'tessera_refusals_total{status="405",rule="method-wrong"}'), 2)
  t.equal(await metric(instance, 'tessera_refusals_total{status="421",rule="host-unknown"}'), 1)
  t.ok((await metric(instance, 'tessera_refusals_unrecorded_total{reason="rule"}')) >= 6)
  for (const id of ids) t.notOk(await instance.core.store.read.refusals.find(id))
  const { code, stderr } = await tesseraOn(instance)(['refusal', 'show', ids[0] ?? ''])
  t.equal(code, 1)
  t.match(stderr, /only in the log of the server, as are unknown addresses, unreadable requests/)
})

await t.test('what an app got wrong has its record, unreadable bodies included', async (t) => {
  const { instance } = await startWorld(t)
  await requestToken(instance, { client_id: WEB, grant_type: 'a\0b' })
  await comeTo(instance, 1)
})

await t.test('a network has 60 records a minute, and takes none from another', async (t) => {
  const { instance } = await startWorld(t, { ...METRICS, TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' })
  const ask = (address: string) =>
    requestServiceToken(instance, { ...basic(SYNC, 'wrong'), 'x-forwarded-for': address })
  for (let turn = 0; turn < 80; turn++) await ask(`2001:db8::${turn}`)
  await ask('203.0.113.7')
  t.equal((await comeTo(instance, 61)).length, 61)
  t.equal(await metric(instance, 'tessera_refusals_unrecorded_total{reason="network"}'), 20)
  t.equal(instance.log.filter(({ refusal }) => refusal !== undefined).length, 81, 'all of them are on the log')
  instance.advance(MINUTE)
  await ask('2001:db8::1')
  t.equal((await comeTo(instance, 62)).length, 62)
})

await t.test('refusals of strangers push out no refusal of an app', async (t) => {
  const { instance } = await startWorld(t)
  const { store } = instance.core
  const add = (count: number, what: string, app: string | undefined): Promise<void> =>
    store.write(({ refusals }) =>
      refusals.add(
        Array.from({ length: count }, (_, index) => ({
          ...{
            id: `${what}-${String(index).padStart(5, '0')}`,
            at: instance.now() + index,
            endpoint: '/x',
            method: 'GET',
          },
          ...{
            status: 400,
            error: 'invalid_request',
            description: 'x',
            parameters: {},
            detail: {},
            address: '::1',
            app,
          },
        })),
      ),
    )
  await set(instance, 'RefusalLimit', '200')
  await add(150, 'genuine', WEB)
  instance.advance(1000)
  await add(900, 'nameless', undefined)
  await add(900, 'invented', 'no.such/app')
  const removed = await cleanUpOf(instance).run()
  t.equal(removed.refusals, 1780)
  const left = (await rowsOf(instance)).map(({ id }) => String(id)).sort()
  t.equal(left.filter((id) => id.startsWith('genuine')).length, 150, 'every one of the app is there')
  const strangers = left.filter((id) => !id.startsWith('genuine'))
  t.equal(strangers.length, 20, 'a tenth is for the rest')
  t.ok(
    strangers.every((id) => Number(id.slice(-5)) >= 890),
    'the latest of them',
  )
  await add(100, 'later', WEB)
  await cleanUpOf(instance).run()
  t.equal((await rowsOf(instance)).length, 200, 'and all together are as many as RefusalLimit says')
})

await t.test('an app is one that is registered: who only says so has the share of those who name none', async (t) => {
  const { instance } = await startWorld(t, { ...METRICS, TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' })
  const ask = (client_id: string, network: number) =>
    instance.server.inject({
      method: 'POST',
      url: '/id/connect/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': `198.51.${network}.7` },
      payload: new URLSearchParams({ client_id, grant_type: 'a\0b' }).toString(),
    })
  for (let index = 0; index < 660; index++) await ask(`no.such/app${index}`, index % 11)
  await settle(instance)
  t.equal((await rowsOf(instance)).length, 601, 'and the one of a registered app')
  t.equal(await metric(instance, 'tessera_refusals_unrecorded_total{reason="minute"}'), 60)
})

await t.test(
  'the shares hold for a million refusals as for a few, and those of one app do not push out the rest',
  async (t) => {
    const walked: string[] = []
    const refusalsOf = (
      rows: readonly { readonly id: string; readonly at: number; readonly app: string | undefined }[],
    ) => ({
      walk: async (limit: number, after?: { readonly id: string }) => {
        const start = after === undefined ? 0 : Number(after.id) + 1
        walked.push(after?.id ?? '')
        return rows.slice(start, start + limit)
      },
    })
    // The latest first: the place is the id.
    const rows = (apps: readonly (string | undefined)[]) => apps.map((app, at) => ({ id: String(at), at: -at, app }))
    const of = (count: number, app: string | undefined) => Array.from({ length: count }, () => app)
    const find = (apps: readonly (string | undefined)[], most: number) =>
      findExcessRefusals(refusalsOf(rows(apps)), most)

    const nameless = await find([...of(12_000, WEB), ...of(10_500, undefined)], 100_000)
    t.strictSame([nameless.length, nameless[0], nameless.at(-1)], [500, '22499', '22000'], 'the oldest first')
    t.strictSame(await find([...of(900, WEB), ...of(100, undefined)], 1000), [], 'as many as there may be')
    const flooded = await find([...of(600, WEB), ...of(500, SYNC)], 1000)
    t.strictSame([flooded.length, flooded[0], flooded.at(-1)], [100, '1099', '1000'])
    const older = await find([...of(1000, WEB), ...of(100, SYNC)], 1000)
    t.strictSame([older.length, older[0], older.at(-1)], [100, '999', '900'], 'the older ones of a small app stay')
    t.ok(walked.length > 20)
  },
)

await t.test('while the database is slow, what names no app waits in a short line of its own', async (t) => {
  const written: Refusal[] = []
  const lines: object[] = []
  let open = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const write = async (work: (unit: never) => Promise<unknown>): Promise<unknown> => {
    await gate
    return work({ refusals: { add: async (refusals: readonly Refusal[]) => void written.push(...refusals) } } as never)
  }
  const log = { info: (line: object) => void lines.push(line), error: (line: object) => void lines.push(line) }
  let now = 0
  const refusalLog = createRefusalLog({
    write: write as never,
    clock: () => now,
    log,
    isKnownApp: (name) => name === WEB,
  })
  const refusal = (id: string, app: string | undefined, address = '::1'): Refusal => ({
    ...{ id, at: 0, endpoint: '/x', method: 'GET', status: 401, error: 'invalid_token', description: 'x' },
    ...{ parameters: {}, detail: { rule: 'access-token-missing' }, address, app },
  })
  for (let turn = 0; turn < 20; turn++) {
    for (let index = 0; index < 250; index++) refusalLog.keep(refusal('nameless', undefined))
    for (let index = 0; index < 250; index++) refusalLog.keep(refusal('nameless', `invented/${index}`))
    now += MINUTE
  }
  for (let index = 0; index < 300; index++) refusalLog.keep(refusal('named', WEB))
  open()
  await refusalLog.flush()
  t.equal(written.filter(({ id }) => id === 'named').length, 300)
  const nameless = written.filter(({ id }) => id === 'nameless').length
  t.ok(nameless > 0 && nameless <= 700, `${nameless} of 10,000 without a name`)
  t.equal(nameless + (refusalLog.counts().unrecorded['lost'] ?? 0), 10_000)
  now += MINUTE
  for (let index = 0; index < 1000; index++) refusalLog.keep(refusal('late', index % 2 ? undefined : `new/${index}`))
  t.equal(refusalLog.counts().unrecorded['minute'], 400, 'a node writes 600 of them a minute')
  for (let index = 0; index < 1000; index++) refusalLog.keep(refusal('late', WEB, `192.0.2.${index % 200}`))
  t.equal(refusalLog.counts().unrecorded['app'], 400, 'and 600 that name one app, wherever they come from')
  await refusalLog.flush()
})

await t.test('1,500 requests of 60 KiB under made-up names leave what a million may leave', async (t) => {
  const { instance } = await startWorld(t, { ...METRICS, TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' })
  const { store } = instance.core
  await settle(instance)
  const before = await store.size()
  const filling = 'x'.repeat(60_000)
  const ask = (index: number) =>
    instance.server.inject({
      method: 'POST',
      url: '/id/connect/token',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-forwarded-for': `198.51.${index % 100}.${index % 250}`,
      },
      payload: `grant_type=${'g'.repeat(2000)}&scope=${'s'.repeat(1000)}&client_id=made.up/${index}&client_assertion=${filling}`,
    })
  for (let minute = 0; minute < 2; minute++) {
    for (let sent = 0; sent < 750; sent += 50)
      await Promise.all(Array.from({ length: 50 }, (_, turn) => ask(minute * 750 + sent + turn)))
    instance.advance(MINUTE)
  }
  await settle(instance)
  const rows = await rowsOf(instance)
  t.equal(rows.length, 2 * 600 + 2, 'a minute has 600 without a registered app')
  const each = ((await store.size()) - before) / rows.length
  t.ok(each <= 4096, `${Math.round(each)} bytes each, with indexes`)
  // As many as are kept, and as come in half a minute at most, until the clean-up.
  const most = 10_000 + 6000 / 2
  t.ok((most * each) / 2 ** 20 < 64, `${Math.round((most * each) / 2 ** 20)} MiB, however many are sent`)
  await cleanUpOf(instance).run()
  t.equal((await rowsOf(instance)).length, 1000 + 2, 'a tenth of RefusalLimit, and those of an app')
})
