import t, { type Test } from 'tap'
import { MINUTE, SECOND } from '../../src/lib/time/clock.ts'
import { type Refusal, refused } from '../fixtures/answers/refusals.ts'
import { serviceToken } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { type Instance, SECRET, startInstance } from '../fixtures/instance/instance.ts'
import { query } from '../fixtures/store/database.ts'
import { API, askForSession, callApi, liveSessions, serveApi, setSlots } from '../fixtures/tokens/api-sessions.ts'

const SLOTS = 10
const AT_ONCE = 200

/** Services, each with a System User of its own: `app0` acts as `user0`, and so on. */
async function startServices(t: Test, count: number) {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await serveApi(instance)
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    const { id } = await instance.addUser({ login: `user${index}`, type: 'SystemUserNoLogin' })
    ids.push(id)
    await instance.addApp({ applicationUri: `app${index}`, systemUserAllowed: true, systemUser: id, scope: ['read'] })
  }
  const tokenOf = (index: number): Promise<string> => serviceToken(instance, `app${index}`)
  const idOf = (index: number): string => ids[index] ?? ''
  const reserve = (index: number): Promise<void> =>
    instance.core.store.write(({ reservedUsers }) => reservedUsers.add(idOf(index)))
  /** A call of the API with a new token. @returns the id of the session, or the status of the refusal */
  async function call(index: number): Promise<string | number> {
    const answer = await askForSession(instance, await tokenOf(index))
    const body = answer.json as Record<string, string>
    return answer.status === 200 ? String(body['session_id']) : answer.status
  }
  return { instance, idOf, tokenOf, reserve, call }
}

/** Who is in, by number. */
async function inside(instance: Instance): Promise<number[]> {
  const { store } = instance.core
  const rules = await store.read.settings.apiSessionRules()
  const sessions = await store.read.apiSessions.listLive({}, { rules, now: instance.now() })
  const apps = await store.read.apiSessions.appsOf(sessions.map(({ id }) => id))
  return [...apps.values()]
    .flat()
    .map((uri) => Number(uri.slice(3)))
    .sort((a, b) => a - b)
}

await t.test(`${AT_ONCE} first calls at once: exactly ${SLOTS} get in, and a restart changes nothing`, async (t) => {
  const { instance, tokenOf } = await startServices(t, AT_ONCE)
  await setSlots(instance, SLOTS)
  const tokens = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => tokenOf(index)))
  const countsOf = async (server: Instance): Promise<Record<string, number>> => {
    const started = performance.now()
    const answers = await Promise.all(tokens.map((token) => askForSession(server, token)))
    t.comment(`${AT_ONCE} calls in ${Math.round(performance.now() - started)} ms`)
    const counts: Record<string, number> = {}
    for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
    return counts
  }
  const expected = { 200: SLOTS, 429: AT_ONCE - SLOTS }
  t.strictSame(await countsOf(instance), expected)
  const sessions = await liveSessions(instance)
  t.equal(sessions.length, SLOTS)
  t.strictSame(await countsOf(instance), expected, 'the same again')
  const again = await instance.restart()
  t.teardown(() => again.close())
  t.strictSame(await countsOf(again), expected, 'and again after a restart')
  t.strictSame(await liveSessions(again), sessions, 'of the same ones')
})

await t.test('fifty first calls of one identity open one session', async (t) => {
  const { instance, tokenOf } = await startServices(t, 1)
  await setSlots(instance, 1)
  const token = await tokenOf(0)
  const sessions = await Promise.all(Array.from({ length: 50 }, () => callApi(instance, token)))
  t.equal(new Set(sessions.map(({ session_id }) => session_id)).size, 1)
  t.equal((await query(instance, 'select id from api_sessions')).length, 1)
})

await t.test('without a number of slots everybody gets in', async (t) => {
  const { instance, call } = await startServices(t, 30)
  for (let index = 0; index < 30; index++) t.type(await call(index), 'string')
  t.equal((await liveSessions(instance)).length, 30)
  await setSlots(instance, 30)
  t.type(await call(0), 'string', 'whoever is in stays in')
})

await t.test('the refusal: 429, when it is worth trying again, what mends it, and one event a minute', async (t) => {
  const { instance, tokenOf, call } = await startServices(t, 3)
  await setSlots(instance, 1)
  await call(0)
  instance.advance(5 * MINUTE + 1)
  const token = await tokenOf(1)
  const expected: Refusal = {
    status: 429,
    error: 'MaximumLicenseCountExceeded',
    description: 'all licence slots are in use; try again later',
    cause: {
      rule: 'licence-slots-full',
      client_id: 'app1',
      cause: '1 of 1 licence slots are used by open API sessions',
    },
  }
  const answer = await askForSession(instance, token)
  t.equal(answer.headers.get('retry-after'), String(15 * 60), 'rounded up')
  refused(t, instance, answer, expected)
  instance.advance(15 * MINUTE - 2)
  const last = await askForSession(instance, await tokenOf(1))
  t.equal(last.headers.get('retry-after'), '1', 'at least one second')
  await call(2)

  const told = (): Promise<{ application_uri: string; outcome: string; detail: string }[]> =>
    query(
      instance,
      "select application_uri, outcome, detail from audit_events where event = 'license_exceeded' order by id",
    )
  const events = await eventually(told, (rows) => rows.length >= 3)
  t.strictSame(
    events.map((event) => [event.application_uri, event.outcome, JSON.parse(event.detail)]),
    ['app1', 'app1', 'app2'].map((app) => [app, 'failure', { slots: 1, live: 1, kept: 0 }]),
  )
  instance.advance(1)
  t.type(await call(1), 'string', 'then the slot is free')
  t.equal(await call(2), 429)
  await instance.server.close()
  t.equal((await told()).length, 3, 'once a minute for each app')
})

await t.test('the end of a service session counts for Retry-After as well', async (t) => {
  const { instance, tokenOf, call } = await startServices(t, 2)
  await setSlots(instance, 1)
  for (let step = 0; step < 6; step++) {
    await call(0)
    instance.advance(10 * MINUTE - 10 * SECOND)
  }
  await call(0)
  const answer = await askForSession(instance, await tokenOf(1))
  t.equal(answer.headers.get('retry-after'), '60')
})

await t.test('others leave a slot for each reserved user, who gets in when it is full for the rest', async (t) => {
  const { instance, reserve, call } = await startServices(t, 6)
  await setSlots(instance, 3)
  await reserve(0)
  await reserve(1)
  t.type(await call(2), 'string')
  t.equal(await call(3), 429, 'two of three are kept')
  t.type(await call(0), 'string')
  t.equal(await call(3), 429, 'one of three is kept')
  t.type(await call(1), 'string')
  t.strictSame(await inside(instance), [0, 1, 2])
  t.equal(await call(3), 429)
  instance.advance(19 * MINUTE)
  for (const index of [0, 1]) await call(index)
  instance.advance(MINUTE)
  t.type(await call(3), 'string', 'no slot is kept while the reserved users are in')
  t.strictSame(await inside(instance), [0, 1, 3])
})

await t.test('a slot is kept for nobody who could not use it, and frees for them again', async (t) => {
  const { instance, idOf, reserve, call } = await startServices(t, 3)
  const enable = (enabled: boolean) =>
    instance.core.store.write(({ users }) => users.setEnabled(idOf(0), enabled, instance.now()))
  await setSlots(instance, 1)
  await reserve(0)
  await enable(false)
  t.type(await call(1), 'string', 'a disabled user holds nobody up')
  await enable(true)
  t.type(await call(0), 'string', 'and gets in when enabled again, in exchange')
  t.strictSame(await inside(instance), [0])
  t.equal(await call(1), 429)
  await enable(false)
  t.type(await call(1), 'string')
})

await t.test(
  'reserved later, or with fewer slots: in exchange for the session left alone for the longest',
  async (t) => {
    const { instance, idOf, reserve, call } = await startServices(t, 6)
    await setSlots(instance, 3)
    const first = await call(0)
    for (const index of [0, 1, 2]) {
      await call(index)
      instance.advance(MINUTE)
    }
    await call(0)
    await reserve(3)
    t.equal(await call(4), 429)
    t.type(await call(3), 'string')
    t.strictSame(await inside(instance), [0, 2, 3], 'app1 was not used for the longest')
    t.equal(await call(0), first, 'the others go on')
    t.equal(await call(1), 429, 'never one more than allowed')

    await setSlots(instance, 2)
    t.strictSame(await inside(instance), [0, 2, 3], 'fewer slots end nothing')
    await reserve(4)
    t.type(await call(4), 'string')
    t.strictSame(await inside(instance), [0, 3, 4], 'one comes, one goes')
    await reserve(5)
    t.type(await call(5), 'string')
    t.equal(await call(0), 429, 'one that has no reservation is not let in for it')
    await reserve(2)
    t.equal(await call(2), 429, 'each session is one that a reserved user is sure of')
    t.strictSame(await inside(instance), [3, 4, 5])

    const rows = await query<{ user_id: string; actor: string; detail: string }>(
      instance,
      "select user_id, actor, detail from audit_events where event = 'api_session_ended' order by id",
    )
    t.match(
      rows.map(({ user_id, actor, detail }) => ({ user_id, actor, detail: JSON.parse(detail) as unknown })),
      [
        [1, 3],
        [2, 4],
        [0, 5],
      ].map(([leaving = 0, coming = 0]) => ({
        user_id: idOf(leaving),
        actor: 'server',
        detail: { session: String, cause: 'a reserved user needed the slot', for: idOf(coming) },
      })),
    )
  },
)

await t.test(
  'a reserved user always gets in, with each seat, and the latest of another reserved user stays',
  async (t) => {
    const { instance, idOf, reserve, call } = await startServices(t, 4)
    for (const app of ['app10', 'app11'])
      await instance.addApp(
        { applicationUri: app, systemUserAllowed: true, systemUser: idOf(0), scope: ['read'] },
        SECRET,
      )
    await setSlots(instance, 3)
    await reserve(0)
    await reserve(1)
    for (const index of [2, 0, 1]) {
      t.type(await call(index), 'string')
      instance.advance(MINUTE)
    }
    t.equal(await call(3), 429)
    t.type(await call(10), 'string', 'a second seat, in exchange for whom nothing is reserved')
    t.strictSame(await inside(instance), [0, 1, 10])
    instance.advance(MINUTE)
    t.equal(await call(2), 429, 'who comes back when there is a slot')
    t.type(await call(11), 'string', 'a third one, in exchange for their own that was idle longest')
    t.strictSame(await inside(instance), [1, 10, 11], 'the only one of the other stays')
    await reserve(2)
    t.type(await call(2), 'string', 'a session beyond the first may go for another reserved user')
    t.strictSame(await inside(instance), [1, 2, 11], 'it keeps the one it used last')
    t.equal(await call(3), 429)
  },
)

await t.test('a slot that is kept for another reserved user is nobody’s, not even for a reserved one', async (t) => {
  const { instance, idOf, reserve, call } = await startServices(t, 3)
  await instance.addApp(
    { applicationUri: 'app10', systemUserAllowed: true, systemUser: idOf(0), scope: ['read'] },
    SECRET,
  )
  await setSlots(instance, 2)
  await reserve(0)
  await reserve(1)
  t.type(await call(0), 'string')
  t.type(await call(10), 'string')
  t.strictSame(await inside(instance), [10], 'in exchange for their own')
  t.type(await call(1), 'string', 'who finds the slot')
  t.strictSame(await inside(instance), [1, 10])
})

await t.test('with reserved users too, calls at once fill the slots and no more', async (t) => {
  const { instance, tokenOf, reserve } = await startServices(t, 60)
  await setSlots(instance, 5)
  for (const index of [57, 58, 59]) await reserve(index)
  const tokens = await Promise.all(Array.from({ length: 60 }, (_, index) => tokenOf(index)))
  const answers = await Promise.all(tokens.map((token) => askForSession(instance, token, basic(API))))
  t.strictSame(
    answers.slice(57).map(({ status }) => status),
    [200, 200, 200],
  )
  t.equal(answers.filter(({ status }) => status === 200).length, 5)
  t.equal(answers.filter(({ status }) => status === 429).length, 55)
  t.equal((await liveSessions(instance)).length, 5)
})
