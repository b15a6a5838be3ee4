import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { TIME_REACHED } from '../../src/domain/instance/instance-settings.ts'
import { DAY, HOUR, isoTime, MINUTE, SECOND } from '../../src/lib/time/clock.ts'
import { createTimekeeper } from '../../src/lib/time/timekeeper.ts'
import { createAuditWithin } from '../../src/operations/audit/audit.ts'
import { createWatchTime } from '../../src/operations/maintenance/watch-time.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraAfter } from '../fixtures/cli/cli.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { addApp, addPerson, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { alter, query } from '../fixtures/store/database.ts'

const WEB = 'my.trusted.app/web'
const YEAR = 365 * DAY
const AHEAD = new URL('../fixtures/instance/clock-ahead.mjs', import.meta.url)

interface Key {
  readonly algorithm: string
  readonly state: string
  readonly signsFrom: string
}

type Kept = Pick<Site, 'databaseUrl'>

async function recordOf(kept: Kept): Promise<number> {
  const [row] = await query<{ value: string }>(kept, 'select value from settings where name = ?', TIME_REACHED)
  return Number(row?.value ?? 0)
}

async function setRecord(kept: Kept, time: number): Promise<void> {
  await alter(kept, `delete from settings where name = '${TIME_REACHED}'`)
  await alter(kept, `insert into settings (name, value) values ('${TIME_REACHED}', '${time}')`)
}

/** The same place as a machine sees it whose clock is ahead. */
function withClockAhead(site: Site, by: number): Site {
  const settings = { ...site.settings, CLOCK_AHEAD: String(by) }
  return { ...site, settings, tessera: tesseraAfter(AHEAD, settings) }
}
const ahead = { node: ['--import', AHEAD.href] }

async function inhabited(t: Test) {
  // Longer texts than a machine with another clock could agree about.
  const site = await prepareSite(t, { TESSERA_MASTER_KEY: randomBytes(32).toString('base64') })
  await addPerson(site, 'david', PASSWORD)
  const secret = await addApp(site, WEB, '--web', '--redirect-uri', WEB_REDIRECT)
  const party = () => createRelyingParty(site, { clientId: WEB, login: 'david', secret })
  return { site, party }
}

/** Nodes on one database whose timers go on together and whose clocks are set apart. */
async function startNodes(t: Test, count: number) {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await setRecord(instance, instance.now())
  const warnings: string[] = []
  const start = (by = 0) => {
    const clock = { by }
    const time = createTimekeeper({ wall: () => instance.now() + clock.by, timer: instance.now }, instance.now() - 1)
    const log = { warn: (_record: object, message: string) => void warnings.push(message) }
    const audit = createAuditWithin(time.now)
    return { clock, time, look: createWatchTime({ ...instance.core.store, time, audit, log }) }
  }
  const nodes = Array.from({ length: count }, () => start())
  async function pass(milliseconds: number, looking = nodes): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 5 * MINUTE) {
      instance.advance(5 * MINUTE)
      for (const { look } of looking) await look()
    }
  }
  return { instance, nodes, pass, warnings }
}

await t.test('a step forward is written down after an hour, not before', async (t) => {
  const { instance, nodes, pass, warnings } = await startNodes(t, 1)
  const [node] = nodes
  if (!node) return
  await pass(10 * MINUTE)
  t.equal(await recordOf(instance), instance.now())
  const before = instance.now()
  node.clock.by = YEAR
  await pass(HOUR)
  t.equal(await recordOf(instance), before, 'an hour less a look')
  t.strictSame(warnings, [`the machine's clock was set forward by ${YEAR} ms`])
  await pass(5 * MINUTE)
  t.equal(await recordOf(instance), instance.now() + YEAR, 'a machine that had slept was right')
  t.equal(warnings.length, 1, 'that it is believed is no step')
  const events = await query(instance, `select * from audit_events where event = 'clock_stepped'`)
  t.equal(events.length, 1)
})

await t.test('one node with a wrong clock does not take the others along', async (t) => {
  const { instance, nodes, pass, warnings } = await startNodes(t, 2)
  const [wrong, right] = nodes
  if (!wrong || !right) return
  wrong.clock.by = YEAR
  await pass(DAY)
  t.equal(await recordOf(instance), instance.now(), 'for as long as another goes by another time')
  t.equal(right.time.now(), instance.now())
  t.equal(warnings.filter((line) => line.includes('another node')).length, 1, 'said once')

  await t.test('and nodes whose clocks were both set agree in the end', async (t) => {
    right.clock.by = YEAR
    await pass(3 * HOUR)
    t.equal(await recordOf(instance), instance.now() + YEAR)
  })
})

await t.test('nodes that run go back with the record', async (t) => {
  const { instance, nodes, pass } = await startNodes(t, 2)
  for (const node of nodes) node.clock.by = YEAR
  await pass(3 * HOUR)
  for (const node of nodes) node.clock.by = 0
  t.ok(nodes.every(({ time }) => time.now() > instance.now() + 0.9 * YEAR))
  await setRecord(instance, instance.now())
  await pass(5 * MINUTE)
  for (const { time } of nodes) t.equal(time.now(), instance.now())
  t.equal(await recordOf(instance), instance.now())
})

await t.test('a first start with the clock years ahead leaves an instance that works when it is right', async (t) => {
  const { site, party } = await inhabited(t)
  const early = await serve(t, withClockAhead(site, 5 * YEAR), ahead)
  await early.logged(({ msg }) => String(msg).includes('published') || msg === 'ready')
  early.kill('SIGTERM')
  await early.ended()
  t.equal(await recordOf(site), 0, 'nothing is known to be right yet')
  await serve(t, site)
  const tokens = await party().obtainTokens()
  t.equal((await party().introspect(tokens.access_token)).json['active'], true)
  t.ok(Math.abs(Number((await party().introspect(tokens.access_token)).json['iat']) * SECOND - Date.now()) < MINUTE)
})

await t.test('a clock more than 30 days beyond the record: no start, and nothing is written', async (t) => {
  const { site } = await inhabited(t)
  const record = Date.now() - 40 * DAY
  await setRecord(site, record)
  const said = new RegExp(
    '^the clock of this machine says [-0-9T:.]+Z, but the latest time that this database has seen is ' +
      `${isoTime(record)}, 40 days earlier; if the clock is right .* --accept-clock; if it is wrong, set it first.*\n$`,
  )
  for (const args of [['serve'], ['user', 'disable', 'david'], ['app', 'disable', WEB], ['key', 'rotate']])
    matchesWhole(t, await site.tessera(args), { code: 1, stdout: '', stderr: said }, args.join(' '))
  for (const args of [
    ['user', 'list'],
    ['audit', 'list'],
    ['app', 'show', WEB],
    ['db', 'clock'],
  ])
    t.match(await site.tessera(args), { code: 0 }, `${args.join(' ')} only reads`)
  t.match(await site.tessera(['doctor', '--no-online']), { stdout: /warning +clock .*--accept-clock/ })
  t.equal(await recordOf(site), record)

  await t.test('with --accept-clock it counts, for everybody', async (t) => {
    const server = await serve(t, site, { flags: ['--accept-clock'] })
    t.ok(Math.abs((await recordOf(site)) - Date.now()) < MINUTE)
    t.match(await site.tessera(['user', 'update', 'david', '--name', 'Dave']), { code: 0 }, 'nobody is asked again')
    const events = await documentOf(site.tessera(['audit', 'list', '--event', 'clock_accepted', '--json']))
    matchesWhole(t, events, [{ actor: /^cli:/, detail: { from: isoTime(record) } }])
    server.kill('SIGTERM')
    t.match(await server.ended(), { code: 0 })
  })
})

await t.test('off for weeks: it starts, and believes its clock after an hour', async (t) => {
  const { site } = await inhabited(t)
  const record = Date.now() - 29 * DAY
  await setRecord(site, record)
  const server = await serve(t, site)
  await server.logged(({ msg }) => String(msg).includes('is far ahead of the latest time this database has seen'))
  t.match(await site.tessera(['user', 'update', 'david', '--name', 'Dave']), { code: 0 })
  t.notMatch((await site.tessera(['doctor', '--no-online'])).stdout, /--accept-clock/)
  t.equal(await recordOf(site), record)
})

await t.test('tessera db clock --reset: the way back from years ahead', async (t) => {
  const { site, party } = await inhabited(t)
  await setRecord(site, Date.now())
  const before = await documentOf(site.tessera(['key', 'list', '--json']))
  const future = withClockAhead(site, 5 * YEAR)
  const misled = await serve(t, future, { ...ahead, flags: ['--accept-clock'] })
  const there = await party().obtainTokens()
  t.match(await future.tessera(['key', 'rotate', '--json']), { code: 0 })
  misled.kill('SIGTERM')
  await misled.ended()
  t.ok((await recordOf(site)) > Date.now() + 4 * YEAR)

  const shown = await documentOf(site.tessera(['db', 'clock', '--json']))
  t.match(shown, { ahead: true, record: isoTime(await recordOf(site)) })
  t.match(await site.tessera(['db', 'clock']), {
    code: 0,
    stdout: /if the clock is right, run tessera db clock --reset/,
  })
  t.match(await site.tessera(['db', 'clock', '--reset']), { code: 2, stderr: /everything issued ends.*--yes/ })
  t.match(await site.tessera(['db', 'check']), { code: 1, stdout: /failed +clock/ })
  const done = await documentOf(site.tessera(['db', 'clock', '--reset', '--yes', '--json']))
  t.match(done, { ended: { sessions: 1, tokenFamilies: 1 } })
  t.ok(Math.abs((await recordOf(site)) - Date.now()) < MINUTE)
  t.match(await site.tessera(['db', 'clock', '--json']), { stdout: /"ahead": false/ })
  t.match(await site.tessera(['db', 'check']), { stdout: /passed +clock/ }, 'also a backup of it can be restored')
  t.match(await site.tessera(['doctor', '--no-online']), { stdout: /ok +clock/ })
  const events = await documentOf(site.tessera(['audit', 'list', '--event', 'clock_reset', '--json']))
  matchesWhole(t, events, [{ actor: /^cli:/, detail: { sessions: 1 } }])
  const keys = (await documentOf(site.tessera(['key', 'list', '--json']))) as unknown as Key[]
  t.strictSame(keys.slice(-1), before, 'the key from before signs on, and the one made since is gone')
  t.strictSame(keys.map(({ algorithm, state }) => `${algorithm} ${state}`).sort(), [
    'ES256 active',
    'EdDSA active',
    'PS256 active',
    'RS256 active',
  ])
  t.ok(keys.every(({ signsFrom }) => Date.parse(signsFrom) <= Date.now()))

  const server = await serve(t, site)
  const old = await party().introspect(there.access_token)
  t.equal(old.json['active'], false)
  t.equal((await party().refresh(there.refresh_token)).status, 400)
  const tokens = await party().obtainTokens()
  t.equal((await party().refresh(tokens.refresh_token)).status, 200)
  const since = await recordOf(site)
  t.ok(
    (await eventually(
      () => recordOf(site),
      (record) => record > since,
      15 * SECOND,
    )) > since,
    'the record goes on',
  )
  server.kill('SIGTERM')
  t.match(await server.ended(), { code: 0 })

  t.match(await site.tessera(['db', 'clock', '--reset']), {
    code: 0,
    stdout: /nothing in the database was later than that/,
  })
  t.equal((await serve(t, site)).stderr(), '')
})

await t.test('an instance that began at a wrong time has keys from now on after the reset', async (t) => {
  const site = await prepareSite(t)
  const future = withClockAhead(site, 5 * YEAR)
  t.match(await future.tessera(['user', 'add', 'anna', '--generate-password']), { code: 0 })
  t.match(
    await site.tessera(['db', 'clock', '--json']),
    { stdout: /"ahead": true/ },
    'although nothing was written down',
  )
  t.match(await site.tessera(['db', 'clock', '--reset', '--yes']), { code: 0 })
  const keys = (await documentOf(site.tessera(['key', 'list', '--json']))) as unknown as Key[]
  t.equal(keys.length, 1)
  t.ok(Date.parse(keys[0]?.signsFrom ?? '') <= Date.now())
})

await t.test('a reader of notices whose place is of a later time hears what is new', async (t) => {
  const { createReadNotices } = await import('../../src/oauth/tokens/lookup/read-notices.ts')
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const later = createReadNotices({ ...instance.core.store.read, clock: () => instance.now() + YEAR })
  const { next } = await later(undefined)
  await instance.core.store.write(({ tokenNotices }) => tokenNotices.add({ app: WEB }, instance.now()))
  const now = createReadNotices({ ...instance.core.store.read, clock: instance.now })
  matchesWhole(t, (await now(next)).notices, [{ app: WEB }])
})
