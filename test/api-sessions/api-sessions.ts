import t, { type Test } from 'tap'
import { newId } from '../../src/lib/crypto/secrets.ts'
import { HOUR, MINUTE, SECOND } from '../../src/lib/time/clock.ts'
import { type Refusal, refused } from '../fixtures/answers/refusals.ts'
import { obtainTokens, refresh } from '../fixtures/clients/code-flow.ts'
import { serviceToken } from '../fixtures/clients/endpoints.ts'
import { basic, send } from '../fixtures/clients/http.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import type { Instance } from '../fixtures/instance/instance.ts'
import {
  enableApp,
  enableUser,
  OTHER,
  SPA,
  SYNC,
  startWorld,
  WEB,
  WEB_BYE,
  type World,
} from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import {
  API,
  askForSession,
  callApi,
  liveSessions,
  sendTouches,
  serveApi,
  setSlots,
} from '../fixtures/tokens/api-sessions.ts'

async function start(t: Test): Promise<World> {
  const world = await startWorld(t)
  await serveApi(world.instance)
  return world
}

const FULL: Refusal = {
  status: 429,
  error: 'MaximumLicenseCountExceeded',
  description: 'all licence slots are in use; try again later',
}
const NOT_FOR_API: Refusal = {
  status: 400,
  error: 'invalid_token',
  description: 'the token is not valid, or not for an API of this app',
}

await t.test(
  'product.md: a token reserves nothing, the first call takes a slot, twenty idle minutes free it',
  async (t) => {
    const { instance, david } = await start(t)
    await setSlots(instance, 1)
    const sync = await serviceToken(instance)
    const begin = instance.now()
    const turnTo = (minutes: number): void => instance.advance(begin + minutes * MINUTE - instance.now())

    const { access_token: token } = await obtainTokens(instance)
    t.strictSame(await liveSessions(instance), [], '10:00 a token, and no session')
    turnTo(1)
    const first = await callApi(instance, token)
    t.strictSame(first, { session_id: first.session_id, expires_in: 1200, subject: david.id }, '10:01 the first call')
    t.strictSame(await liveSessions(instance), [first.session_id])
    refused(t, instance, await askForSession(instance, sync), { ...FULL, cause: { rule: 'licence-slots-full' } })
    turnTo(21)
    t.strictSame(await liveSessions(instance), [], '10:21 to the second it is over')
    turnTo(35)
    t.strictSame(await liveSessions(instance), [], '10:35 idle, the slot is free')
    turnTo(40)
    const second = await callApi(instance, token)
    t.not(second.session_id, first.session_id, '10:40 the same token opens another session')
    t.strictSame(await liveSessions(instance), [second.session_id])
    refused(t, instance, await askForSession(instance, sync), FULL)
    turnTo(60)
    refused(t, instance, await askForSession(instance, token), {
      ...NOT_FOR_API,
      cause: { rule: 'access-token-expired' },
    })
    t.strictSame(
      await liveSessions(instance),
      [],
      '11:00 the token has expired, and with 20 idle minutes so has the session',
    )
    t.ok((await callApi(instance, await serviceToken(instance))).session_id, 'whose slot somebody else may have')
  },
)

await t.test('use slides the end, and a refresh keeps the session', async (t) => {
  const { instance, david } = await start(t)
  const tokens = await obtainTokens(instance)
  const { session_id } = await callApi(instance, tokens.access_token)
  for (let step = 0; step < 3; step++) {
    instance.advance(19 * MINUTE + 59 * SECOND)
    t.strictSame(await callApi(instance, tokens.access_token), { session_id, expires_in: 1200, subject: david.id })
  }
  const next = tokensOf(await refresh(instance, tokens.refresh_token))
  instance.advance(19 * MINUTE)
  t.equal((await callApi(instance, next.access_token)).session_id, session_id, 'beyond the first token')
  t.strictSame(await liveSessions(instance), [session_id])
  instance.advance(20 * MINUTE)
  t.not((await callApi(instance, next.access_token)).session_id, session_id)
})

await t.test('a touch is written once a second, and the answer tells what is left', async (t) => {
  const { instance } = await start(t)
  const token = await serviceToken(instance)
  const { session_id } = await callApi(instance, token)
  instance.advance(999)
  t.match(await callApi(instance, token), { session_id, expires_in: 1199 }, 'whole seconds, never too many')
  instance.advance(1)
  t.match(await callApi(instance, token), { session_id, expires_in: 1200 })
})

await t.test('a session of a service is over after an hour, however much it is used', async (t) => {
  const { instance } = await start(t)
  const { session_id } = await callApi(instance, await serviceToken(instance))
  const left: number[] = []
  for (let step = 0; step < 5; step++) {
    instance.advance(10 * MINUTE)
    const session = await callApi(instance, await serviceToken(instance))
    t.match(session, { session_id, subject: SYNC })
    left.push(session.expires_in)
  }
  t.strictSame(left, [1200, 1200, 1200, 1200, 600])
  instance.advance(10 * MINUTE - 1)
  const token = await serviceToken(instance)
  t.match(await callApi(instance, token), { session_id, expires_in: 0 })
  instance.advance(1)
  t.strictSame(await liveSessions(instance), [])
  const next = await callApi(instance, token)
  t.not(next.session_id, session_id)
  t.equal(next.expires_in, 1200)
})

await t.test('both lengths are settings, and count at once', async (t) => {
  const { instance } = await start(t)
  const set = (name: string, value: string) =>
    instance.core.store.write(({ settings }) => settings.set(`instance/${name}`, value))
  await set('ApiSessionIdle', '12h')
  await set('ServiceSessionLength', '24h')
  const [web, sync] = [(await obtainTokens(instance)).access_token, await serviceToken(instance)]
  t.equal((await callApi(instance, web)).expires_in, 12 * 3600)
  t.equal((await callApi(instance, sync)).expires_in, 12 * 3600)
  instance.advance(12 * HOUR - 1)
  t.same(
    await cleanUpOf(instance)
      .run()
      .then(() => liveSessions(instance))
      .then((ids) => ids.length),
    2,
    'nothing that lives is cleaned up',
  )
  await set('ApiSessionIdle', '5m')
  t.strictSame(await liveSessions(instance), [])
  t.equal((await callApi(instance, await serviceToken(instance))).expires_in, 300)
  await set('ApiSessionIdle', '12h')
  t.equal((await liveSessions(instance)).length, 1, 'what was over when somebody came in stays over')
  instance.advance(2 * 24 * HOUR)
  t.match(await cleanUpOf(instance).run(), { api_sessions: 3 })
})

await t.test('every kill switch frees the slots at once, and revives nothing', async (t) => {
  const { instance, david, service } = await start(t)
  await setSlots(instance, 1)
  const everySwitch: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    ['app', () => enableApp(instance, WEB, false), () => enableApp(instance, WEB, true)],
    ['user', () => enableUser(instance, david, false), () => enableUser(instance, david, true)],
    ['password', () => setPassword(instance, david.id), async () => undefined],
  ]
  for (const [name, off, on] of everySwitch) {
    const { access_token: token } = await obtainTokens(instance)
    await callApi(instance, token)
    refused(t, instance, await askForSession(instance, await serviceToken(instance)), FULL)
    await off()
    t.strictSame(await liveSessions(instance), [], name)
    await on()
    t.strictSame(await liveSessions(instance), [], `${name}: nothing is revived`)
    refused(t, instance, await askForSession(instance, token), {
      ...NOT_FOR_API,
      cause: { rule: 'access-token-ended' },
    })
    await callApi(instance, await serviceToken(instance))
    await enableUser(instance, service, false)
    await enableUser(instance, service, true)
  }
})

/** The same one, so that the person can sign in again. */
function setPassword(instance: Instance, id: string): Promise<void> {
  return instance.core.store.write(async ({ users }) => {
    const account = await users.findByIdentifier('david')
    await users.setPassword(id, account?.passwordHash ?? '', instance.now())
  })
}

await t.test('signing out ends the API session of the sign-in, and nobody else’s', async (t) => {
  const { instance } = await start(t)
  await setSlots(instance, 2)
  const browser = createBrowser(instance.origin)
  const tokens = await obtainTokens(instance, {}, { browser })
  const anna = await obtainTokens(instance, {}, { login: 'anna' })
  const mine = await callApi(instance, tokens.access_token)
  const hers = await callApi(instance, anna.access_token)
  const sync = await serviceToken(instance)
  refused(t, instance, await askForSession(instance, sync), FULL)
  const query = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: WEB_BYE })
  t.equal((await browser.open(`${instance.issuer}/connect/endsession?${query}`)).leftTo?.href, WEB_BYE)
  t.strictSame(await liveSessions(instance), [hers.session_id])
  await callApi(instance, sync)
  refused(t, instance, await askForSession(instance, tokens.access_token), {
    ...NOT_FOR_API,
    cause: { rule: 'access-token-signed-out' },
  })
  const next = tokensOf(await refresh(instance, tokens.refresh_token))
  refused(t, instance, await askForSession(instance, next.access_token), FULL)
  t.not(mine.session_id, hers.session_id)
})

await t.test('a restart loses nothing', async (t) => {
  const { instance } = await start(t)
  await setSlots(instance, 2)
  const [web, sync] = [(await obtainTokens(instance)).access_token, await serviceToken(instance)]
  const sessions = [await callApi(instance, web), await callApi(instance, sync)]
  const other = (await obtainTokens(instance, {}, { login: 'anna' })).access_token
  refused(t, instance, await askForSession(instance, other), FULL)
  const again = await instance.restart()
  t.teardown(() => again.close())
  t.strictSame((await liveSessions(again)).sort(), sessions.map(({ session_id }) => session_id).sort())
  t.strictSame([await callApi(again, web), await callApi(again, sync)], sessions)
  refused(t, again, await askForSession(again, other), FULL)
})

await t.test('only the app of the token and the servers of its API may ask', async (t) => {
  const { instance } = await start(t)
  const ask = (token: string, clientId: string) => askForSession(instance, token, basic(clientId))
  const { access_token: token, refresh_token } = await obtainTokens(instance)
  const { session_id } = await callApi(instance, token)
  t.equal((await callApi(instance, token, basic(WEB))).session_id, session_id, 'its own app')
  refused(t, instance, await ask(token, OTHER), {
    ...NOT_FOR_API,
    cause: { rule: 'token-of-another-api', client_id: OTHER, issued_to: WEB, api: 'DomainAPI' },
  })
  await serveApi(instance, 'my.trusted.app/stock', 'https://stock.example.com')
  refused(t, instance, await ask(token, 'my.trusted.app/stock'), NOT_FOR_API)

  refused(t, instance, await ask(refresh_token, WEB), { ...NOT_FOR_API, cause: { rule: 'access-token-foreign' } })
  const { access_token: forUserInfo } = await obtainTokens(instance, { scope: 'openid' })
  for (const clientId of [API, WEB])
    refused(t, instance, await ask(forUserInfo, clientId), {
      ...NOT_FOR_API,
      cause: { rule: 'token-without-api' },
    })
  for (const value of ['x', `${token}x`, 'enrt_123', `enat_${'x'.repeat(43)}`])
    refused(t, instance, await ask(value, API), NOT_FOR_API)
  refused(t, instance, await askForSession(instance, ''), {
    status: 400,
    error: 'invalid_request',
    description: 'parameter is missing: token',
  })
  const wrong = await askForSession(instance, token, basic(API, 'a-wrong-secret-0123456789'))
  refused(t, instance, wrong, {
    status: 401,
    error: 'invalid_client',
    description: 'the app is unknown, or its authentication is wrong or missing',
  })
  const body = new URLSearchParams({ client_id: SPA, token })
  refused(t, instance, await send(`${instance.issuer}/connect/session`, { method: 'POST', body }), {
    status: 401,
    error: 'invalid_client',
    description: 'only a Confidential app may ask about API sessions',
    cause: { rule: 'confidential-app-needed' },
  })
  t.strictSame(await liveSessions(instance), [session_id], 'none of them opened anything')
})

await t.test('touches keep sessions alive, and tell which are over', async (t) => {
  const { instance, david } = await start(t)
  const ended = async (touches: string, headers = basic(API)): Promise<unknown> =>
    ((await sendTouches(instance, { touches }, headers)).json as { ended: string[] }).ended
  const [web, sync] = [(await obtainTokens(instance)).access_token, await serviceToken(instance)]
  const [first, second] = [await callApi(instance, web), await callApi(instance, sync)]
  const unknown = newId()

  instance.advance(15 * MINUTE)
  t.strictSame(await ended(`${first.session_id}:60 ${unknown}:0 ${second.session_id}:900`), [unknown])
  t.equal((await sessionOf(instance, first.session_id))?.lastSeenAt, instance.now() - MINUTE)
  instance.advance(4 * MINUTE)
  t.strictSame(await ended(`${first.session_id}:240 ${first.session_id}:0`), [], 'the later use of one session counts')
  t.equal((await sessionOf(instance, first.session_id))?.lastSeenAt, instance.now())
  t.strictSame(await ended(`${first.session_id}:100`), [], 'an earlier use takes nothing back')
  t.equal((await sessionOf(instance, first.session_id))?.lastSeenAt, instance.now())

  instance.advance(MINUTE)
  t.strictSame(
    await ended(`${second.session_id}:120`),
    [second.session_id],
    'what is over stays over, however late a use comes',
  )
  t.strictSame(await ended(`${first.session_id}:0`, basic(OTHER)), [first.session_id], 'nobody else learns or prolongs')
  t.strictSame(await ended(`${first.session_id}:0`, basic(WEB)), [], 'its own app does')
  await enableUser(instance, david, false)
  t.strictSame(await ended(`${first.session_id}:0`), [first.session_id])
  t.strictSame(await liveSessions(instance), [])
})

function sessionOf({ core }: Instance, id: string) {
  return core.store.read.apiSessions.find(id)
}

await t.test('touches are 1 to 300 of SESSION_ID:SECONDS_AGO', async (t) => {
  const { instance } = await start(t)
  const malformed: Refusal = {
    status: 400,
    error: 'invalid_request',
    description: 'touches must be a list of SESSION_ID:SECONDS_AGO, separated by spaces',
    cause: { rule: 'request-malformed', parameter: 'touches' },
  }
  const id = newId()
  for (const touches of [
    id,
    `${id}:`,
    `${id}:-1`,
    `${id}:1.5`,
    `${id}:1  ${id}:1`,
    `:1`,
    `${id}:1,${id}:1`,
    'x y',
    `${id}:1 `,
  ])
    refused(t, instance, await sendTouches(instance, { touches }), malformed)
  const many = Array.from({ length: 301 }, () => `${newId()}:12345`)
  refused(t, instance, await sendTouches(instance, { touches: many.join(' ') }), {
    status: 400,
    error: 'invalid_request',
    description: 'parameter has more than 300 values: touches',
  })
  const answer = await sendTouches(instance, { touches: many.slice(1).join(' ') })
  t.strictSame(answer.json, { ended: many.slice(1).map((touch) => touch.slice(0, 36)) })
})
