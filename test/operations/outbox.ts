import type { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import { APP_DEFAULTS } from '../../src/domain/apps/trusted-application.ts'
import type { Outcome } from '../../src/domain/outbox/delivery.ts'
import { outboxKind } from '../../src/domain/outbox/outbox-kind.ts'
import type { Sender } from '../../src/domain/outbox/sender.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/lib/time/clock.ts'
import { createOutbox, type Outbox } from '../../src/operations/outbox/outbox.ts'
import { openPlace } from '../../src/store/transfer/place.ts'
import { auditOf } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { startNotifiedApp } from '../fixtures/clients/notified-app.ts'
import { createRelyingParty, webApp } from '../fixtures/clients/relying-party.ts'
import { eventually, until } from '../fixtures/instance/eventually.ts'
import { type Instance, PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { emptyPlaceOf } from '../fixtures/instance/place.ts'
import { addApp, addPerson, prepareSite, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import { alter, query } from '../fixtures/store/database.ts'

const LETTER = outboxKind<{ readonly text: string }>('letter')
const POSTCARD = outboxKind<{ readonly text: string }>('postcard')

type Kind = typeof LETTER
type Answer = Outcome | 'hang' | Error

const DELIVERED: Outcome = { kind: 'delivered' }
const NOBODY_HOME: Outcome = { kind: 'failed', error: 'nobody is at home' }

/** Sends nowhere, and keeps what it was to send. */
class Post implements Sender {
  readonly sent: (readonly [destination: string, text: string])[] = []
  readonly kind: Kind
  readonly words = { one: 'taking a letter', all: 'taking letters', undone: 'a letter was not taken' }
  answer: Answer = DELIVERED
  /** What some answer otherwise. */
  readonly at = new Map<string, Answer>()
  private readonly released: (() => void)[] = []

  constructor(kind: Kind) {
    this.kind = kind
  }

  about: Sender['about'] = ({ destination }) => ({ to: destination })
  givenUp: Sender['givenUp'] = (delivery, last) => ({
    event: 'logout_notice_given_up',
    actor: 'post',
    detail: { to: delivery.destination, attempts: last.attempts, error: last.error },
  })

  send: Sender['send'] = async (delivery) => {
    this.sent.push([delivery.destination, this.kind.payloadOf(delivery).text])
    const answer = this.at.get(delivery.destination) ?? this.answer
    if (answer instanceof Error) throw answer
    if (answer !== 'hang') return answer
    await new Promise<void>((resolve) => this.released.push(resolve))
    return DELIVERED
  }

  /** Lets everything that hangs arrive, and hangs no more. */
  release(): void {
    this.answer = DELIVERED
    this.at.clear()
    for (const resolve of this.released.splice(0)) resolve()
  }
}

interface Scene {
  readonly instance: Instance
  readonly letters: Post
  readonly postcards: Post
  readonly outbox: Outbox
  /** Another process on the same data. */
  readonly another: () => Outbox
  /** Puts some in with a unit of work. @returns their ids */
  readonly put: (kind: Kind, to: readonly string[], expiresAt?: number) => Promise<string[]>
  readonly find: (id: string | undefined) => ReturnType<Instance['core']['store']['read']['outbox']['find']>
}

async function scene(t: Test): Promise<Scene> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const { store } = instance.core
  const [letters, postcards] = [new Post(LETTER), new Post(POSTCARD)]
  const another = () =>
    createOutbox({
      ...store,
      clock: instance.now,
      audit: instance.server.audit,
      log: instance.server.log,
      senders: [letters, postcards],
    })
  return {
    instance,
    letters,
    postcards,
    outbox: another(),
    another,
    put: (kind, to, expiresAt) => {
      const deliveries = to.map((destination) => kind.to(destination, { text: `to ${destination}` }, expiresAt))
      return store.write((unit) => unit.outbox.add(deliveries, instance.now()))
    },
    find: (id = '') => store.read.outbox.find(id),
  }
}

const waiting = async (outbox: Outbox, kind: Kind): Promise<number> => (await outbox.figures(kind)).waiting

await t.test('a delivery is put in with the unit of work that causes it, or not at all', async (t) => {
  const { instance, letters, outbox } = await scene(t)
  const { store } = instance.core
  const work = (fails: boolean) =>
    store.write(async (unit) => {
      await unit.settings.set('cause', 'is there')
      await unit.outbox.add([LETTER.to('anna', { text: 'it is there' })], instance.now())
      if (fails) throw new Error('changed its mind')
    })
  await t.rejects(work(true), /changed its mind/)
  await outbox.sendDue()
  t.strictSame([letters.sent, await waiting(outbox, LETTER)], [[], 0])
  t.equal(await store.read.settings.get('cause'), undefined)

  await work(false)
  t.equal(await waiting(outbox, LETTER), 1)
  await outbox.sendDue()
  t.strictSame(letters.sent, [['anna', 'it is there']])
  t.equal(await store.read.settings.get('cause'), 'is there')
})

await t.test('it is delivered once, whoever looks at the same moment, and however often', async (t) => {
  const { instance, letters, outbox, another, put, find } = await scene(t)
  const to = Array.from({ length: 150 }, (_, index) => `person ${index}`)
  const ids = await put(LETTER, to)
  const nodes = [outbox, another(), another()]
  const now = nodes.map((node) =>
    Promise.all(
      node.sendNow(
        LETTER,
        ids.map((id, index) => ({ id, destination: to[index] ?? '' })),
      ),
    ),
  )
  await Promise.all([...now, ...nodes.map((node) => node.sendDue())])
  instance.advance(DAY)
  await Promise.all(nodes.map((node) => node.sendDue()))
  t.strictSame(letters.sent.map(([destination]) => destination).sort(), to.toSorted())
  t.strictSame(letters.sent.find(([destination]) => destination === 'person 7')?.[1], 'to person 7')
  t.match(await find(ids[0]), { attempts: 1, deliveredAt: Number, givenUpAt: undefined, lastError: undefined })
  const tallies = await Promise.all(nodes.map((node) => node.figures(LETTER)))
  t.equal(
    tallies.reduce((sum, { tally }) => sum + tally.delivered, 0),
    150,
  )
  instance.advance(6 * DAY + 1)
  t.match(await cleanUpOf(instance).run(), { outbox: 150 }, 'and forgotten after a week')
})

await t.test('what fails is tried again, later each time, and given up in the end', async (t) => {
  const { instance, letters, outbox, put, find } = await scene(t)
  letters.at.set('away', NOBODY_HOME)
  letters.at.set('broken', new Error('the letter box is shut'))
  letters.at.set('refuses', { kind: 'refused', error: 'takes no letters' })
  letters.at.set('gone', { kind: 'pointless', error: 'has moved' })
  const names = [...letters.at.keys(), 'late']
  letters.at.set('late', NOBODY_HOME)
  const ids = await put(LETTER, names)
  await outbox.sendDue()
  t.match(await find(ids[0]), { attempts: 1, lastError: 'nobody is at home', nextAttemptAt: instance.now() + 30_000 })
  await outbox.sendDue()
  t.equal(letters.sent.length, 5, 'not before its time')
  letters.at.delete('late')
  for (let hour = 0; hour < 48; hour++) {
    instance.advance(HOUR)
    await outbox.sendDue()
  }
  const count = (name: string) => letters.sent.filter(([destination]) => destination === name).length
  t.strictSame(names.map(count), [10, 10, 3, 1, 2])
  t.strictSame(
    (await Promise.all(ids.map(find))).map((each) => [
      each?.givenUpAt !== undefined,
      each?.deliveredAt !== undefined,
      each?.lastError,
    ]),
    [
      [true, false, 'nobody is at home'],
      [true, false, 'the letter box is shut'],
      [true, false, 'takes no letters'],
      [true, false, 'has moved'],
      [false, true, 'nobody is at home'],
    ],
  )
  const events = (await auditOf(instance, {})).filter(({ actor }) => actor === 'post')
  t.strictSame(
    events.map(({ detail }) => detail).sort((one, two) => String(one['to']).localeCompare(String(two['to']))),
    [
      { to: 'away', attempts: 10, error: 'nobody is at home' },
      { to: 'broken', attempts: 10, error: 'the letter box is shut' },
      { to: 'gone', attempts: 1, error: 'has moved' },
      { to: 'refuses', attempts: 3, error: 'takes no letters' },
    ],
  )
  t.match((await outbox.figures(LETTER)).tally, { delivered: 1, failed: 22, refused: 3, given_up: 4 })
  t.match(
    instance.log.find(({ msg }) => msg === 'a letter was not taken'),
    { to: String, attempts: 1, error: String },
  )
})

await t.test('what is damaged is given up, told and named by db check, and holds up nothing else', async (t) => {
  const { instance, letters, outbox, put, find } = await scene(t)
  const damaged = await put(LETTER, ['anna', 'berta', 'carla'])
  for (const [index, payload] of ['{"text":', '[]', 'null'].entries())
    await alter(instance, `update outbox set payload = '${payload}' where id = '${damaged[index]}'`)
  const [sound] = await put(LETTER, ['anna'])
  t.match((await tesseraOn(instance)(words('db check'))).stdout, /outbox.* is not a JSON object/)
  await outbox.sendDue()
  t.strictSame(letters.sent, [['anna', 'to anna']])
  t.not((await find(sound))?.deliveredAt, undefined)
  for (const id of damaged)
    t.match(await find(id), { attempts: 0, givenUpAt: instance.now(), lastError: /cannot be read.*tessera db check/ })
  const events = (await auditOf(instance, {})).filter(({ actor }) => actor === 'post')
  t.strictSame(events.map(({ detail }) => detail['to']).sort(), ['anna', 'berta', 'carla'])
  t.equal(await waiting(outbox, LETTER), 0)
})

await t.test('what expires is not sent any more', async (t) => {
  const { instance, letters, outbox, put, find } = await scene(t)
  const [soon] = await put(LETTER, ['soon'], instance.now() + MINUTE)
  instance.advance(MINUTE)
  await outbox.sendDue()
  t.strictSame(letters.sent, [])
  t.match(await find(soon), { attempts: 0, givenUpAt: instance.now(), lastError: 'it was not sent in time' })

  letters.answer = NOBODY_HOME
  const [later] = await put(LETTER, ['later'], instance.now() + MINUTE)
  await outbox.sendDue()
  t.match(await find(later), { attempts: 1, givenUpAt: undefined })
  instance.advance(30 * SECOND)
  await outbox.sendDue()
  t.match(
    await find(later),
    { attempts: 2, givenUpAt: instance.now(), lastError: 'nobody is at home' },
    'the next attempt would be too late',
  )
})

await t.test('a destination that never answers holds up no other, and a kind no other kind', async (t) => {
  const { letters, postcards, outbox, put } = await scene(t)
  letters.at.set('hole', 'hang')
  await put(LETTER, [...Array.from({ length: 20 }, () => 'hole'), 'anna', 'david'])
  const [round, other] = outbox.rounds
  const hanging = round?.sendDue()
  await until(() => letters.sent.length === 4)
  t.strictSame(new Set(letters.sent.map(([to]) => to)), new Set(['hole', 'anna', 'david']), 'two at once of the hole')

  letters.answer = 'hang'
  const [bert] = await put(LETTER, ['bert', 'carl', 'dora', 'emil', 'fritz', 'gerd', 'hans', 'ida'])
  void outbox.sendNow(LETTER, [{ id: bert ?? '', destination: 'bert' }])
  await until(() => letters.sent.length === 5)
  await put(POSTCARD, ['hole', 'anna'])
  await other?.sendDue()
  t.strictSame(postcards.sent.map(([to]) => to).sort(), ['anna', 'hole'])
  t.equal(await waiting(outbox, POSTCARD), 0)
  t.ok(await waiting(outbox, LETTER), 'while the other kind still waits')

  const stopping = outbox.stop()
  letters.release()
  await Promise.all([stopping, hanging])
  const { length } = letters.sent
  await outbox.sendDue()
  t.equal(letters.sent.length, length, 'nothing is begun after the end')
  t.ok(await waiting(outbox, LETTER), 'and what was not sent is there for the next process')
})

await t.test('each kind has one sender, and what nobody sends waits', async (t) => {
  const { instance, letters, postcards, outbox, put, find } = await scene(t)
  const { store } = instance.core
  const around = { ...store, clock: instance.now, audit: instance.server.audit, log: instance.server.log }
  t.throws(() => createOutbox({ ...around, senders: [letters, new Post(LETTER)] }), /two senders are of one kind/)
  const [id] = await put(POSTCARD, ['anna'])
  const onlyLetters = createOutbox({ ...around, senders: [letters] })
  await onlyLetters.sendDue()
  t.throws(() => onlyLetters.sendNow(POSTCARD, []), /nobody sends what is of the kind postcard/)
  await instance.server.outbox.sendDue()
  t.match(await find(id), { attempts: 0, deliveredAt: undefined, givenUpAt: undefined })
  t.match(await (await fetch(`${instance.origin}/metrics`)).text(), 'tessera_logout_notices_waiting 0')
  await outbox.sendDue()
  t.strictSame(postcards.sent, [['anna', 'to anna']])
})

await t.test('what an older version was still to tell apps of is told after the update', async (t) => {
  const { databaseUrl, prepare } = emptyPlaceOf(t)
  await prepare()
  const site = await startNotifiedApp(t)
  const app = {
    ...APP_DEFAULTS,
    ...webApp('app/old'),
    name: 'Old',
    clientType: 'Confidential',
    backchannelLogoutUri: site.uri,
  }
  const now = Math.floor(Date.now() / SECOND) * SECOND
  const older = openPlace(databaseUrl, 'make')
  await older.migrations.migrate('0010-lists')
  // The tables as they were then.
  const db = older.db as unknown as Kysely<Record<string, Record<string, unknown>>>
  const record = { application_uri: 'app/old', registration: JSON.stringify(app), is_enabled: 1, epoch: 1 }
  await db
    .insertInto('trusted_applications')
    .values({ ...record, created_at: now, updated_at: now })
    .execute()
  const row = { application_uri: 'app/old', created_at: now - HOUR, attempts: 0, last_error: null }
  const open = { ...row, next_attempt_at: now, delivered_at: null, given_up_at: null }
  await db
    .insertInto('logout_deliveries')
    .values([
      { ...open, id: '1', user_id: 'anna', sid: 'delivered', attempts: 2, last_error: 'x', delivered_at: now - MINUTE },
      { ...open, id: '2', user_id: 'anna', sid: 'given up', attempts: 3, last_error: 'y', given_up_at: now - MINUTE },
      { ...open, id: '3', user_id: 'anna', sid: 'a "sid"', attempts: 1, last_error: 'z' },
      { ...open, id: '4', user_id: null, sid: 'of nobody', next_attempt_at: now + DAY },
    ])
    .execute()
  await older.close()

  const settings = { TESSERA_DATABASE_URL: databaseUrl, TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1' }
  const instance = await startInstance({ settings })
  t.teardown(() => instance.close())
  const shown = () => documentOf(tesseraOn(instance)(['app', 'logouts', 'app/old', '--json']))
  const parts = { app: 'app/old', user: 'anna' }
  const [nobody, ...rest] = [
    { ...parts, user: null, session: 'of nobody', state: 'waiting', attempts: 0, lastError: null },
    { ...parts, session: 'a "sid"', state: 'waiting', attempts: 1, lastError: 'z' },
    { ...parts, session: 'given up', state: 'given up', attempts: 3, lastError: 'y' },
    { ...parts, session: 'delivered', state: 'delivered', attempts: 2, lastError: 'x' },
  ]
  matchesWhole(t, await shown(), [nobody, ...rest])
  await instance.server.outbox.sendDue()
  t.strictSame(
    site.notices.map(({ claims }) => claims['sid']),
    ['a "sid"'],
    'neither twice, nor before its time',
  )
  matchesWhole(t, await shown(), [nobody, { session: 'a "sid"', state: 'delivered', attempts: 2 }, ...rest.slice(1)])
  instance.advance(DAY + MINUTE)
  await instance.server.outbox.sendDue()
  t.strictSame(site.notices.map(({ claims }) => claims['sid']).at(-1), 'of nobody')
  t.equal((await tesseraOn(instance)(['app', 'remove', 'app/old', '--yes'])).code, 0)
  t.strictSame(await query(instance, 'select id from outbox'), [], 'it goes with the app')
})

await t.test('what a command puts in, the server sends within five seconds', async (t) => {
  const site = await prepareSite(t, { TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1' })
  const app = await startNotifiedApp(t)
  await addPerson(site, 'david', PASSWORD)
  const secret = await addApp(site, 'app/told', '--web', '--redirect-uri', WEB_REDIRECT)
  await documentOf(site.tessera(words(`app update app/told --set BackchannelLogoutUri=${app.uri} --json`)))
  const server = await serve(t, site)
  await createRelyingParty(site, { clientId: 'app/told', login: 'david', secret }).obtainTokens()
  await documentOf(site.tessera(words('user disable david --json')))
  await app.told(1)
  const told = async () => (await documentOf(site.tessera(words('app logouts app/told --json')))) as unknown
  const delivered = (shown: unknown) => JSON.stringify(shown).includes('"delivered"')
  matchesWhole(t, await eventually(told, delivered), [{ user: 'david', state: 'delivered', attempts: 1 }])
  server.kill('SIGTERM')
  t.match(await server.ended(), { code: 0 })
})
