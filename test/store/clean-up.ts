// Timed: how long a batch holds the others up

import { statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DAY, HOUR, MINUTE } from '../../src/lib/time/clock.ts'
import { createTimekeeper } from '../../src/lib/time/timekeeper.ts'
import { createCleanUp } from '../../src/operations/maintenance/clean-up.ts'
import type { Repositories } from '../../src/store/store.ts'
import { ALIVE, createRelyingParty, lifeOf, webApp } from '../fixtures/clients/relying-party.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { type Instance, startInstance } from '../fixtures/instance/instance.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import { query } from '../fixtures/store/database.ts'
import { onPostgres } from '../fixtures/store/postgres.ts'
import { changeApp, issue, revokeByHand } from '../fixtures/tokens/reference-tokens.ts'

const APP = 'my.trusted.app/web'

async function start(t: Test): Promise<Instance> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await instance.addUser({ login: 'david' })
  await instance.addApp(webApp(APP))
  return instance
}

const partyOf = (instance: Instance) => createRelyingParty(instance, { clientId: APP, login: 'david' })

async function countOf(instance: Instance, table: string): Promise<number> {
  const [row] = await query<{ rows: number }>(instance, `select count(*) as rows from ${table}`)
  return Number(row?.rows)
}

const TABLES = [
  'authorization_codes',
  'token_families',
  'refresh_tokens',
  'revoked_access_tokens',
  'opaque_access_tokens',
  'reference_tokens',
  'token_notices',
  'sign_in_sessions',
  'refusals',
] as const

const counts = async (instance: Instance): Promise<Record<string, number>> =>
  Object.fromEntries(await Promise.all(TABLES.map(async (table) => [table, await countOf(instance, table)] as const)))

await t.test('what is over is forgotten, and what lives is not touched', async (t) => {
  const instance = await start(t)
  const david = partyOf(instance)
  const early = await david.obtainTokens()
  await david.revoke(early.access_token)
  for (let step = 0, { refresh_token: refresh } = early; step < 3; step++)
    refresh = tokensOf(await david.refresh(refresh)).refresh_token
  await david.refresh('no-such-token')

  t.strictSame(await cleanUpOf(instance).run(), {}, 'nothing is over yet')
  instance.advance(2 * HOUR)
  t.strictSame(
    await cleanUpOf(instance).run(),
    { refresh_answers: 1, authorization_codes: 1 },
    'the code is, since an hour',
  )

  instance.advance(29 * DAY)
  const late = await partyOf(instance).obtainTokens()
  instance.advance(2 * DAY)
  const removed = await cleanUpOf(instance).run()
  t.match(removed, { token_families: 5, sign_in_sessions: 2, refusals: 1 }, 'a family goes with its tokens')
  t.match(await counts(instance), { token_families: 1, refresh_tokens: 1 })
  const tokens = tokensOf(await david.refresh(late.refresh_token))
  t.equal(await lifeOf(david, tokens), ALIVE, 'whoever signed in since goes on')

  instance.advance(60 * DAY)
  await cleanUpOf(instance).run()
  for (const [table, rows] of Object.entries(await counts(instance))) t.equal(rows, 0, `${table} is empty`)
})

await t.test('tokens that are looked up are forgotten some time after they ended, and not before', async (t) => {
  const instance = await start(t)
  await changeApp(instance, APP, { accessTokens: 'AuthenticatedUsers', accessTokenFormat: 'reference' })
  const david = partyOf(instance)
  const { access_token: access } = await david.obtainTokens()
  const wanted = { kind: 'PAT', app: APP, user: 'david' } as const
  const short = await issue(instance, { ...wanted, expires: '10d' })
  const long = await issue(instance, { ...wanted, expires: '365d' })
  await revokeByHand(instance, long)
  instance.advance(HOUR)
  t.equal((await david.introspect(access)).json['active'], false, 'an hour was its time')
  t.notMatch(await cleanUpOf(instance).run(), { opaque_access_tokens: 1 }, 'whoever comes late is told so')
  instance.advance(HOUR + 1)
  t.match(await cleanUpOf(instance).run(), { opaque_access_tokens: 1 })
  instance.advance(39 * DAY)
  t.notMatch(await cleanUpOf(instance).run(), { reference_tokens: 1 }, 'when it was last used can still be read')
  t.equal((await david.introspect(short.value)).json['active'], false)
  instance.advance(DAY)
  t.match(await cleanUpOf(instance).run(), { reference_tokens: 1 })
  t.strictSame(
    await counts(instance).then(({ reference_tokens }) => reference_tokens),
    1,
    'the revoked one has time left',
  )
  instance.advance(365 * DAY)
  t.match(await cleanUpOf(instance).run(), { reference_tokens: 1 })
})

await t.test('R-09: nobody is forgotten because the clock was set forward', async (t) => {
  const instance = await start(t)
  const david = partyOf(instance)
  const { refresh_token: refresh } = await david.obtainTokens()
  let wrong = 0
  const time = createTimekeeper({ wall: () => instance.now() + wrong, timer: instance.now }, 0)
  wrong = 60 * DAY
  t.equal(time.now(), instance.now() + wrong, 'what expires by then is refused for as long as the clock says so')
  const cleanUp = createCleanUp({
    ...instance.core.store,
    time,
    timer: instance.now,
    holder: 'this-node',
    longestSession: DAY,
  })
  t.strictSame(await cleanUp.run(), {}, 'and nothing is removed')
  wrong = 0
  t.equal((await david.refresh(refresh)).status, 200, 'so that it works again when the clock is right')
})

await t.test('one node cleans up at a time, and another takes over from one that is gone', async (t) => {
  const instance = await start(t)
  await partyOf(instance).obtainTokens()
  instance.advance(2 * HOUR)
  const { store } = instance.core
  t.ok(
    await store.write(({ leases }) => leases.acquire('clean-up', 'the-other', instance.now(), instance.now() + MINUTE)),
  )
  t.strictSame(await cleanUpOf(instance).run(), {}, 'the other one is at it')
  instance.advance(MINUTE)
  t.strictSame(await cleanUpOf(instance).run(), { authorization_codes: 1 }, 'the other one was killed')
  await store.write(({ leases }) => leases.release('clean-up', 'the-other'))
  t.notOk(
    await store.write(({ leases }) => leases.acquire('clean-up', 'the-other', instance.now(), instance.now() + MINUTE)),
    'nobody gives back what is not theirs',
  )
  await cleanUpOf(instance).stop()
  t.ok(
    await store.write(({ leases }) => leases.acquire('clean-up', 'the-other', instance.now(), instance.now() + MINUTE)),
    'a node that stops lets another go on at once',
  )
})

/** Leaves many revocations that are long over. */
async function leaveRevocations({ core, now }: Instance, count: number): Promise<void> {
  const add = async ({ revokedAccessTokens }: Repositories, from: number): Promise<void> => {
    for (let index = from; index < from + 500; index++) await revokedAccessTokens.add(`digest-${index}`, now() - DAY)
  }
  for (let from = 0; from < count; from += 500) await core.store.write((unit) => add(unit, from))
}

await t.test('R-17: batches are short, give the others their turn, and give the space back', async (t) => {
  const instance = await start(t)
  const empty = await instance.core.store.size()
  await leaveRevocations(instance, 10_000)
  const before = await instance.core.store.size()
  const units: number[] = []
  const { writeEnding } = instance.core.store
  const store = {
    ...instance.core.store,
    writeEnding: ((unit) =>
      writeEnding(async (repositories) => {
        const started = performance.now()
        const result = await unit(repositories)
        units.push(performance.now() - started)
        return result
      })) as typeof writeEnding,
  }
  const cleanUp = cleanUpOf({ core: { ...instance.core, store }, now: instance.now })
  t.strictSame(await cleanUp.run(), { revoked_access_tokens: 10_000 })
  t.ok(units.length > 5, `${units.length} batches`)
  if (onPostgres) return
  units.sort((a, b) => a - b)
  t.ok((units[Math.floor(units.length * 0.9)] ?? 0) < 20, `nine of ten take less than ${units.at(-1)} ms`)
  const left = (await instance.core.store.size()) - empty
  t.ok(left < (before - empty) / 2, 'free pages go back to the disk')
  const file = join(instance.folder, 'tessera.db')
  t.ok(statSync(`${file}-wal`).size < 64 * 1024 * 1024)
})
