import t, { type Test } from 'tap'
import { endApiSession } from '../../src/admin/grants/api-sessions.ts'
import { seatOfSignIn } from '../../src/domain/sessions/seat.ts'
import { newId } from '../../src/lib/crypto/secrets.ts'
import { DAY, MINUTE, SECOND } from '../../src/lib/time/clock.ts'
import { refused } from '../fixtures/answers/refusals.ts'
import { endSessionUrl, serviceToken } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { changedBy } from '../fixtures/instance/changed-by.ts'
import {
  enableApp,
  HYBRID,
  OTHER,
  OTHER_REDIRECT,
  SYNC,
  startWorld,
  takeConsentBack,
  WEB,
} from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import { query } from '../fixtures/store/database.ts'
import {
  askForSession,
  callApi,
  liveSessions,
  sendTouches,
  serveApi,
  setSlots,
} from '../fixtures/tokens/api-sessions.ts'
import { changeApp, issue, revokeByHand } from '../fixtures/tokens/reference-tokens.ts'

/** An instance whose web app has signed tokens and whose other app opaque ones; both accept reference tokens. */
async function start(t: Test) {
  const world = await startWorld(t)
  const { instance } = world
  await serveApi(instance)
  await changeApp(instance, OTHER, { accessTokenFormat: 'reference' })
  for (const app of [WEB, OTHER]) await changeApp(instance, app, { accessTokens: 'AuthenticatedUsers' })
  /** Two apps that somebody uses in one browser. */
  const inOneBrowser = (login = 'david') => {
    const browser = createBrowser(instance.origin)
    const web = createRelyingParty(instance, { clientId: WEB, login }, browser)
    const other = createRelyingParty(instance, { clientId: OTHER, redirectUri: OTHER_REDIRECT, login }, browser)
    return { browser, web, other }
  }
  const call = async (token: string): Promise<string> => (await callApi(instance, token)).session_id
  return { ...world, inOneBrowser, call }
}

const ENDED = { status: 400, json: { error: 'invalid_token' } }

await t.test('two apps of one sign-in share one session and one slot, signed or opaque', async (t) => {
  const { instance, david, inOneBrowser, call } = await start(t)
  await setSlots(instance, 1)
  const { web, other } = inOneBrowser()
  const [mine, theirs] = [await web.obtainTokens(), await other.obtainTokens()]
  t.match(theirs.access_token, /^enat_/)
  const session = await call(mine.access_token)
  instance.advance(1)
  t.equal(await call(theirs.access_token), session, 'although every slot is taken')
  t.equal(await call(tokensOf(await web.refresh(mine.refresh_token)).access_token), session, 'and a refresh keeps it')
  t.strictSame(await liveSessions(instance), [session])
  instance.advance(19 * MINUTE)
  t.equal(await call(theirs.access_token), session)
  instance.advance(19 * MINUTE)
  t.equal(await call(mine.access_token), session, 'the use of one keeps it for the other')
  const apps = await instance.core.store.read.apiSessions.appsOf([session])
  t.strictSame(apps.get(session), [WEB, OTHER], 'the one that opened it first')

  t.strictSame((await sendTouches(instance, { touches: `${session}:0` }, basic(OTHER))).json, { ended: [] })
  t.strictSame((await sendTouches(instance, { touches: `${session}:0` }, basic(HYBRID))).json, { ended: [session] })
  const elsewhere = await inOneBrowser().web.obtainTokens()
  t.match(await askForSession(instance, elsewhere.access_token), { status: 429 }, 'a second browser has its own')
  await setSlots(instance, 2)
  t.not(await call(elsewhere.access_token), session)
  const rules = await instance.core.store.read.settings.apiSessionRules()
  const lived = await instance.core.store.read.apiSessions.listLive(
    { userId: david.id, applicationUri: OTHER },
    { rules, now: instance.now() },
  )
  t.strictSame(
    lived.map(({ id }) => id),
    [session],
  )
})

await t.test('who confirms that they are the same person keeps the session, and somebody else does not', async (t) => {
  const { instance, inOneBrowser, call } = await start(t)
  const { browser, web } = inOneBrowser()
  const session = await call((await web.obtainTokens()).access_token)
  instance.advance(MINUTE)
  t.equal(await call((await web.obtainTokens({ prompt: 'login' })).access_token), session)
  const anna = createRelyingParty(instance, { clientId: WEB, login: 'anna' }, browser)
  const hers = await anna.obtainTokens({ prompt: 'login' })
  t.strictSame((await liveSessions(instance)).length, 1, 'the one of before goes on, as the tokens of its apps do')
  t.not(await call(hers.access_token), session)
})

await t.test('a PAT, a SAT and an app on its own have sessions of their own', async (t) => {
  const { instance, david, service, inOneBrowser, call } = await start(t)
  await changeApp(instance, SYNC, { accessTokens: 'AdministratorsOnly' })
  const signedIn = await call((await inOneBrowser().web.obtainTokens()).access_token)
  const pats = [
    await issue(instance, { kind: 'PAT', app: WEB, user: david.id }),
    await issue(instance, { kind: 'PAT', app: WEB, user: david.id }),
    await issue(instance, { kind: 'SAT', app: SYNC }),
  ]
  const sessions = [
    signedIn,
    await call(await serviceToken(instance)),
    await call(await serviceToken(instance, HYBRID)),
  ]
  for (const { value } of pats) sessions.push(await call(value))
  t.equal(new Set(sessions).size, 6)
  t.equal(await call(await serviceToken(instance)), sessions[1], 'the next token of a service goes on')
  for (const [index, { value }] of pats.entries()) t.equal(await call(value), sessions[3 + index])
  const read = instance.core.store.read.apiSessions
  const kinds = await Promise.all(sessions.map(async (id) => (await read.find(id))?.kind))
  t.strictSame(kinds, ['user', 'service', 'service', 'user', 'user', 'service'])

  instance.advance(19 * MINUTE)
  for (const { value } of pats) await call(value)
  for (let step = 0; step < 2; step++) {
    instance.advance(19 * MINUTE)
    for (const { value } of pats) await call(value)
  }
  instance.advance(3 * MINUTE)
  t.not(await call(pats[2]?.value ?? ''), sessions[5], 'a SAT is a service, whose session is over after an hour')
  t.equal(await call(pats[0]?.value ?? ''), sessions[3])
  t.equal((await instance.core.store.read.users.find(service.id))?.login, 'svc.sync')
})

await t.test('a reference token that ends frees its slot at once', async (t) => {
  const { instance, david, call } = await start(t)
  await setSlots(instance, 1)
  const life = { app: WEB, user: david.id, kind: 'PAT' } as const
  const [first, second] = [await issue(instance, life), await issue(instance, life)]
  await call(first.value)
  t.match(await askForSession(instance, second.value), { status: 429 })
  await revokeByHand(instance, first)
  t.strictSame(await liveSessions(instance), [])
  await call(second.value)
  const short = await issue(instance, { ...life, expires: '5m' })
  await revokeByHand(instance, second)
  await call(short.value)
  instance.advance(5 * MINUTE - 1)
  t.equal((await liveSessions(instance)).length, 1)
  instance.advance(1)
  t.strictSame(await liveSessions(instance), [])
})

await t.test('what ends one app of a sign-in neither ends nor frees the session while another uses it', async (t) => {
  const endings: Readonly<Record<string, (world: Awaited<ReturnType<typeof start>>, app: string) => Promise<unknown>>> =
    {
      'the app is disabled': ({ instance }, app) => enableApp(instance, app, false),
      'consent is withdrawn': ({ instance, david }, app) => takeConsentBack(instance, david, app),
    }
  for (const [name, end] of Object.entries(endings))
    await t.test(name, async (t) => {
      const world = await start(t)
      const { instance, inOneBrowser, call } = world
      await setSlots(instance, 1)
      const { web, other } = inOneBrowser()
      const [mine, theirs] = [await web.obtainTokens(), await other.obtainTokens()]
      const session = await call(mine.access_token)
      await call(theirs.access_token)

      await end(world, WEB)
      t.match(await askForSession(instance, mine.access_token), ENDED, 'its own tokens are refused')
      t.strictSame(await liveSessions(instance), [session])
      t.match(await askForSession(instance, await serviceToken(instance)), { status: 429 }, 'the slot is taken')
      t.equal(await call(theirs.access_token), session)
      t.strictSame(
        (await instance.core.store.read.apiSessions.appsOf([session])).get(session),
        [OTHER],
        'and whoever looks sees who is left',
      )
      t.strictSame((await sendTouches(instance, { touches: `${session}:0` }, basic(OTHER))).json, { ended: [] })

      await enableApp(instance, WEB, true)
      t.match(await askForSession(instance, mine.access_token), ENDED, 'nothing is revived')
      t.equal(await call((await web.obtainTokens()).access_token), session, 'and a new token joins again')

      for (const app of [WEB, OTHER]) await end(world, app)
      t.strictSame(await liveSessions(instance), [], 'with the last of its apps it is over, and the slot is free')
      await call(await serviceToken(instance))
    })
})

await t.test('signing out frees the seat of that browser, and no other', async (t) => {
  const { instance, david, inOneBrowser, call } = await start(t)
  const [here, there] = [inOneBrowser(), inOneBrowser()]
  const mine = [await here.web.obtainTokens(), await here.other.obtainTokens()] as const
  for (const { access_token } of mine) await call(access_token)
  const elsewhere = await call((await there.web.obtainTokens()).access_token)
  const personal = await call((await issue(instance, { kind: 'PAT', app: WEB, user: david.id })).value)
  await setSlots(instance, 3)
  t.match(await askForSession(instance, await serviceToken(instance)), { status: 429 })
  await here.browser.open(endSessionUrl(instance, { id_token_hint: mine[0].id_token }))
  t.strictSame((await liveSessions(instance)).sort(), [elsewhere, personal].sort())
  for (const { access_token } of mine) t.match(await askForSession(instance, access_token), ENDED)
  await call(await serviceToken(instance))

  await t.test('apps that stay connected share one seat again, that of the sign-in', async (t) => {
    await setSlots(instance, 4)
    const connected = tokensOf(await here.web.refresh(mine[0].refresh_token))
    const session = await call(connected.access_token)
    t.equal(await call(tokensOf(await here.other.refresh(mine[1].refresh_token)).access_token), session)
    instance.advance(29 * DAY)
    await cleanUpOf(instance).run()
    t.strictSame(await query(instance, 'select sid from sign_in_sessions'), [], 'nobody knows of that sign-in any more')
    t.ok(await call(tokensOf(await here.web.refresh(connected.refresh_token)).access_token))
  })
})

await t.test('first calls at once of two apps of one sign-in open one session', async (t) => {
  const { instance, inOneBrowser, call } = await start(t)
  await setSlots(instance, 1)
  const { web, other } = inOneBrowser()
  const tokens = [await web.obtainTokens(), await other.obtainTokens()].map(({ access_token }) => access_token)
  const sessions = await Promise.all(Array.from({ length: 40 }, (_, index) => call(tokens[index % 2] ?? '')))
  t.equal(new Set(sessions).size, 1)
  t.strictSame(await query(instance, 'select count(*) as count from api_sessions'), [{ count: 1 }])
  t.strictSame(await query(instance, 'select count(*) as count from api_session_apps'), [{ count: 2 }])
})

await t.test('one seat has one session, whoever writes: its unique key decides', async (t) => {
  const { instance, david } = await start(t)
  const { store } = instance.core
  const session = () => ({
    ...({ id: newId(), kind: 'user', seat: seatOfSignIn('one'), userId: david.id, userEpoch: david.epoch } as const),
    ...{ openedAt: instance.now(), lastSeenAt: instance.now() },
  })
  const added = await Promise.all(
    Array.from({ length: 8 }, () => store.write(({ apiSessions }) => apiSessions.add(session()))),
  )
  t.equal(added.filter(Boolean).length, 1)
  await store.write(({ apiSessions }) => apiSessions.endOfSeat(seatOfSignIn('one'), instance.now()))
  t.ok(await store.write(({ apiSessions }) => apiSessions.add(session())), 'until it is ended')
})

await t.test('ending a session with its tokens ends those that could open another from its seat', async (t) => {
  const { instance, david, inOneBrowser, call } = await start(t)
  const end = (id: string) =>
    instance.core.store.writeAlone((unit) => endApiSession(unit, id, true, changedBy('cli:test', instance.now())))
  const [here, there] = [inOneBrowser(), inOneBrowser()]
  const [mine, theirs, elsewhere] = [
    await here.web.obtainTokens(),
    await here.other.obtainTokens(),
    await there.web.obtainTokens(),
  ]
  const pats = [
    await issue(instance, { kind: 'PAT', app: WEB, user: david.id }),
    await issue(instance, { kind: 'PAT', app: WEB, user: david.id }),
  ]
  const personal = await call(pats[0]?.value ?? '')
  const ended = await end(personal)
  t.strictSame([ended.sessions.map(({ id }) => id), ended.referenceTokens, ended.apps], [[personal], 1, []])
  t.match(await askForSession(instance, pats[0]?.value ?? ''), ENDED, 'the PAT')
  await call(pats[1]?.value ?? '')
  const session = await call(mine.access_token)

  const all = await end(session)
  t.strictSame(all.apps, [OTHER, WEB].sort(), 'also the app that has not called yet')
  for (const { access_token, refresh_token } of [mine, theirs]) {
    t.match(await askForSession(instance, access_token), ENDED)
    t.match((await here.web.introspect(refresh_token)).json, { active: false })
  }
  t.match(
    await askForSession(instance, elsewhere.access_token),
    ENDED,
    'and what these apps have of the user elsewhere',
  )
  t.strictSame(await liveSessions(instance), [])
  t.ok(await call((await here.web.obtainTokens()).access_token), 'whoever asks again is in')
})

await t.test('an app that joins while its access is being ended does not', async (t) => {
  const { instance, david, inOneBrowser, call } = await start(t)
  const { web, other } = inOneBrowser()
  const [mine, theirs] = [await web.obtainTokens(), await other.obtainTokens()]
  const session = await call(mine.access_token)
  const [answer] = await Promise.all([
    askForSession(instance, theirs.access_token),
    takeConsentBack(instance, david, OTHER),
  ])
  t.ok([200, 400].includes(answer.status))
  await takeConsentBack(instance, david, WEB)
  t.strictSame(await liveSessions(instance), [], 'whichever came first, it keeps nothing alive')
  t.not(session, '')
  instance.advance(SECOND)
  refused(t, instance, await askForSession(instance, theirs.access_token), {
    status: 400,
    error: 'invalid_token',
    description: 'the token is not valid, or not for an API of this app',
    cause: { rule: 'access-token-revoked' },
  })
})
