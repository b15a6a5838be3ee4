import t from 'tap'
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/lib/time/clock.ts'
import { type Refusal, refused } from '../../fixtures/answers/refusals.ts'
import { obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { revoke } from '../../fixtures/clients/endpoints.ts'
import { basic, postForm } from '../../fixtures/clients/http.ts'
import { enableApp, enableUser, OTHER, SPA, startWorld, WEB } from '../../fixtures/instance/world.ts'
import { API, readNotices, serveApi } from '../../fixtures/tokens/api-sessions.ts'

interface Notice {
  readonly id: string
  readonly client_id?: string
  readonly user_id?: string
  readonly at: number
}

interface Notices {
  readonly notices: readonly Notice[]
  readonly next: string
  readonly more: boolean
}

const { instance, david, anna } = await startWorld(t)
await serveApi(instance)

async function read(since?: string): Promise<Notices> {
  const answer = await readNotices(instance, { since })
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`)
  return JSON.parse(answer.text) as Notices
}

const about = ({ notices }: Notices) => notices.map(({ id: _, ...notice }) => notice)
const seconds = (): number => Math.ceil(instance.now() / 1000)

await t.test('each kill switch, password and revocation is told, and reading goes on where it stopped', async (t) => {
  const start = await read()
  t.strictSame(start, { notices: [], next: start.next, more: false })
  instance.advance(MINUTE + 1)
  await enableUser(instance, david, false)
  await enableUser(instance, david, true)
  const first = await read(start.next)
  t.strictSame(about(first), [
    { user_id: david.id, at: seconds() },
    { user_id: david.id, at: seconds() },
  ])
  t.ok(
    first.notices.every(({ at }) => at * 1000 >= instance.now()),
    'rounded up, so that no token slips through',
  )
  instance.advance(10 * SECOND)
  await enableApp(instance, WEB, false)
  const second = await read(first.next)
  t.strictSame(second.notices.slice(0, 2), first.notices, 'what was told a moment ago comes again')
  t.strictSame(about(second).slice(2), [{ client_id: WEB, at: seconds() }])
  await enableApp(instance, WEB, true)
  instance.advance(MINUTE)
  await read(second.next)
  instance.advance(MINUTE)
  const quiet = await read((await read(second.next)).next)
  t.strictSame(quiet.notices, [], 'but not for ever')

  const tokens = await obtainTokens(instance)
  await revoke(instance, tokens.access_token)
  t.strictSame(about(await read(quiet.next)), [{ client_id: WEB, user_id: david.id, at: seconds() }])
})

await t.test('one that was committed late is not missed', async (t) => {
  const { next } = await read()
  instance.advance(14 * SECOND)
  const later = await read(next)
  // Begun before that answer, and seen only after it.
  await instance.core.store.write(({ tokenNotices }) =>
    tokenNotices.add({ user: anna.id }, instance.now() - 14 * SECOND),
  )
  t.match(about(await read(later.next)).at(-1) ?? about(later), { user_id: anna.id })
})

await t.test('a thousand at a time, each once', async (t) => {
  instance.advance(2 * DAY)
  const { next } = await read()
  await instance.core.store.write(async ({ tokenNotices }) => {
    for (let index = 0; index < 2500; index++) await tokenNotices.add({ user: `user-${index}` }, instance.now())
  })
  const sizes: number[] = []
  const seen: string[] = []
  let cursor = next
  for (;;) {
    const { notices, next, more } = await read(cursor)
    sizes.push(notices.length)
    seen.push(...notices.map(({ user_id }) => String(user_id)))
    cursor = next
    if (!more) break
    // However long a reader takes, what is committed meanwhile is found by the next round.
    instance.advance(MINUTE)
  }
  t.strictSame(sizes, [1000, 1000, 500])
  t.equal(new Set(seen).size, 2500)
  t.equal((await read(cursor)).notices.length, 1000, 'the overlap reaches back to when the reader began')
})

await t.test('without since: what can still concern a token, which is a day', async (t) => {
  instance.advance(2 * DAY)
  await enableUser(instance, anna, false)
  instance.advance(23 * HOUR)
  await enableUser(instance, anna, true)
  t.equal((await read()).notices.length, 2)
  instance.advance(2 * HOUR)
  t.equal((await read()).notices.length, 1)
  await instance.core.store.write(({ tokenNotices }) => tokenNotices.add({}, instance.now()))
  t.strictSame(about(await read()).at(-1), { at: seconds() }, 'neither app nor user: everybody')
})

await t.test('who may read, and how to ask', async (t) => {
  refused(t, instance, await readNotices(instance, {}, basic(OTHER)), {
    status: 403,
    error: 'unauthorized_client',
    description: 'only an app that serves an API may read notices about tokens',
    cause: { rule: 'app-serves-no-api', client_id: OTHER },
  })
  refused(t, instance, await postForm(`${instance.issuer}/connect/session/notices`, { client_id: SPA }), {
    status: 401,
    error: 'invalid_client',
    description: 'only a Confidential app may read notices about tokens',
  })
  const malformed: Refusal = {
    status: 400,
    error: 'invalid_request',
    description: 'since is not the next value of an answer',
    cause: { rule: 'request-malformed', parameter: 'since' },
  }
  const { next } = await read()
  const encoded = (text: string): string => Buffer.from(text).toString('base64url')
  for (const since of [
    'x',
    '0',
    `${next}A`,
    `${next}=`,
    ` ${next}`,
    encoded('1 2'),
    encoded("1 2 a' or 1=1"),
    encoded('-1 0 '),
  ])
    refused(t, instance, await readNotices(instance, { since }), malformed)
  t.equal((await readNotices(instance, { since: next }, basic(API))).status, 200)
})
