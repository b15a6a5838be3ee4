import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { type ShownLogout, showLogouts } from '../../../src/admin/apps/logouts.ts'
import type { AppRegistration } from '../../../src/domain/apps/trusted-application.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/lib/time/clock.ts'
import { auditOf } from '../../fixtures/admin/admin.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn } from '../../fixtures/cli/cli.ts'
import { endSessionUrl, userinfo } from '../../fixtures/clients/endpoints.ts'
import { claimsOf, headerOf } from '../../fixtures/clients/jwt.ts'
import { type NotifiedApp, startNotifiedApp } from '../../fixtures/clients/notified-app.ts'
import { createRelyingParty, type RelyingParty, webApp } from '../../fixtures/clients/relying-party.ts'
import { type Instance, startInstance } from '../../fixtures/instance/instance.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { cleanUpOf } from '../../fixtures/store/clean-up.ts'
import { changeApp } from '../../fixtures/tokens/reference-tokens.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
const SETTINGS = { TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1' }

interface Used {
  readonly uri: string
  readonly site: NotifiedApp
  readonly party: RelyingParty
}

interface Scene {
  instance: Instance
  /** Registers an app that wants to be told. */
  app(name: string, more?: Partial<AppRegistration>): Promise<{ uri: string; site: NotifiedApp }>
  /** The same, with one person signed in to all of them in one browser. */
  used(names: readonly string[], login?: string): Promise<Used[]>
  /** Restarts the server on the same data. */
  restart(): Promise<void>
}

async function scene(t: Test): Promise<Scene> {
  let instance = await startInstance({ settings: SETTINGS })
  t.teardown(() => instance.close())
  const david = await instance.addUser({ login: 'david' })
  await instance.addUser({ login: 'anna' })
  t.ok(david.id)
  const app: Scene['app'] = async (name, more = {}) => {
    const site = await startNotifiedApp(t)
    await instance.addApp({ ...webApp(name), requireConsent: false, backchannelLogoutUri: site.uri, ...more })
    return { uri: name, site }
  }
  return {
    get instance() {
      return instance
    },
    app,
    async used(names, login = 'david') {
      const browser = createBrowser(instance.origin)
      const used: Used[] = []
      for (const name of names) {
        const registered = (await instance.core.store.read.apps.find(name))
          ? { uri: name, site: await startNotifiedApp(t) }
          : await app(name)
        const party = createRelyingParty(instance, { clientId: name, login }, browser)
        used.push({ ...registered, party })
      }
      return used
    },
    async restart() {
      instance = await instance.restart()
    },
  }
}

const signOut = (instance: Instance, { browser }: RelyingParty, hint: string) =>
  browser.open(endSessionUrl(instance, { id_token_hint: hint }))

/** What the operator reads of the deliveries of an app. */
const deliveriesOf = async ({ core }: Instance, uri: string): Promise<readonly ShownLogout[]> =>
  (await showLogouts(core.store.read, uri, { limit: 100 })).items

await t.test('§2.2 discovery says so', async (t) => {
  const { instance } = await scene(t)
  t.match(await (await fetch(`${instance.issuer}/.well-known/openid-configuration`)).json(), {
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
  })
})

await t.test('§2.4, §2.5, LO-07 each app of the session is told, before the person is sent on', async (t) => {
  const { instance, app, used } = await scene(t)
  const [one, two] = (await used(['app/one', 'app/two'])) as [Used, Used]
  const silent = await app('app/not-used')
  const tokens = await one.party.obtainTokens()
  const other = await two.party.obtainTokens()
  await two.party.obtainTokens()
  const view = await signOut(instance, one.party, tokens.id_token)
  t.match(view.url, `${instance.issuer}/logout/signed-out?told=`)
  t.strictSame([one.site.notices.length, two.site.notices.length, silent.site.notices.length], [1, 1, 0])

  const jwks = createLocalJWKSet(
    (await (await fetch(`${instance.issuer}/.well-known/openid-configuration/jwks`)).json()) as JSONWebKeySet,
  )
  const jtis = new Set<unknown>()
  for (const [{ uri, site }, idToken] of [
    [one, tokens.id_token],
    [two, other.id_token],
  ] as const) {
    const [notice] = site.notices
    if (!notice) throw new Error('not told')
    t.strictSame([notice.method, notice.path], ['POST', '/logout?a=1'])
    t.equal(notice.contentType, 'application/x-www-form-urlencoded')
    t.strictSame(notice.fields, [['logout_token', notice.token]], 'nothing else')
    const { payload, protectedHeader } = await jwtVerify(notice.token, jwks, {
      issuer: instance.issuer,
      audience: uri,
      typ: 'logout+jwt',
      currentDate: new Date(instance.now()),
    })
    t.match(headerOf(idToken), { alg: protectedHeader.alg, kid: protectedHeader.kid })
    const { iat = 0, exp = 0, jti, ...rest } = payload
    t.ok(exp - iat > 0 && exp - iat <= 120, 'two minutes at most')
    t.equal(iat, Math.floor(instance.now() / SECOND))
    t.match(jti, /^[\w-]{20,}$/)
    jtis.add(jti)
    const claims = JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()) as typeof payload
    const { iss, aud, sub } = claims
    t.strictSame(rest, { iss, aud, sub, sid: claims['sid'], events: { [EVENT]: {} } }, 'no nonce, nothing else')
    matchesWhole(t, await deliveriesOf(instance, uri), [
      { app: uri, user: 'david', session: claims['sid'], state: 'delivered', attempts: 1, lastError: null },
    ])
  }
  t.equal(jtis.size, 2)
  const printed = await documentOf(tesseraOn(instance)(['app', 'logouts', one.uri, '--json']))
  t.strictSame(printed, await deliveriesOf(instance, one.uri))
  await signOut(instance, one.party, tokens.id_token)
  await instance.server.outbox.sendDue()
  t.equal(one.site.notices.length, 1, 'LO-09 once')
  const claimed = await userinfo(instance, one.site.notices[0]?.token ?? '')
  t.equal(claimed.status, 401, 'a logout token opens nothing')
})

await t.test('whatever ends a sign-in session tells its apps, and what does not, does not', async (t) => {
  const world = await scene(t)
  const { instance } = world
  const tessera = tesseraOn(instance)
  const [one] = (await world.used(['app/one'])) as [Used]
  const { site, party } = one
  let told = 0
  const check = async (what: string, count: number): Promise<void> => {
    // The command line has the time of the machine.
    instance.advance(MINUTE)
    await instance.server.outbox.sendDue()
    t.equal(site.notices.length - told, count, what)
    told = site.notices.length
  }
  await party.obtainTokens()
  await party.obtainTokens({ prompt: 'login' })
  await check('the same person proves again who they are: the session goes on', 0)
  t.equal((await tessera(['session', 'end', '--user', 'david', '--with-tokens'])).code, 0)
  await check('the end of an API session is not the end of the sign-in', 0)
  await party.obtainTokens()
  t.equal(
    (await tessera(['user', 'set-password', 'david', '--password-stdin'], 'correct horse battery staple')).code,
    0,
  )
  await check('a new password', 1)
  await party.obtainTokens()
  t.equal((await tessera(['user', 'disable', 'david'])).code, 0)
  await check('the kill switch', 1)
  t.equal((await tessera(['user', 'enable', 'david'])).code, 0)
  await check('and back', 0)
  const second = createRelyingParty(instance, { clientId: one.uri, login: 'david' })
  await party.obtainTokens()
  await second.obtainTokens()
  const { id_token: id } = await party.obtainTokens()
  const page = await second.browser.open(endSessionUrl(instance))
  await second.browser.submit(page, 'logout-confirm')
  await check('one of two browsers, on the page', 1)
  t.not(
    site.notices.at(-1)?.claims['sid'],
    (JSON.parse(Buffer.from(id.split('.')[1] ?? '', 'base64url').toString()) as { sid: string }).sid,
  )
  await second.obtainTokens()
  await tessera(['user', 'disable', 'david'])
  await check('both browsers', 2)
  await tessera(['user', 'enable', 'david'])

  await party.obtainTokens()
  const anna = createRelyingParty(instance, { clientId: one.uri, login: 'anna' }, party.browser)
  await anna.obtainTokens({ prompt: 'login' })
  await check('somebody else signs in in the same browser', 1)
  await anna.obtainTokens()
  instance.advance(25 * HOUR)
  await cleanUpOf(instance).run()
  await check('a session that runs out tells nobody', 0)
  await anna.obtainTokens()
  t.equal((await tessera(['user', 'remove', 'anna', '--yes'])).code, 0)
  await check('the account is removed', 1)
  const { sub, sid } = site.notices.at(-1)?.claims ?? {}
  t.strictSame([sub, typeof sid], [undefined, 'string'], 'of somebody forgotten only the session is named')
})

await t.test('LO-08 ten apps that never answer: signed out without waiting for one of them', async (t) => {
  const { instance, used } = await scene(t)
  const all = await used(Array.from({ length: 10 }, (_, index) => `app/hole${index}`))
  const good = (await used(['app/good']))[0] as Used
  const goodParty = createRelyingParty(instance, { clientId: good.uri, login: 'david' }, all[0]?.party.browser)
  let hint = ''
  for (const { party, site } of all) {
    hint = (await party.obtainTokens()).id_token
    site.answer = 'hang'
  }
  await goodParty.obtainTokens()
  const started = performance.now()
  const view = await signOut(instance, goodParty, hint)
  const took = performance.now() - started
  t.match(view.url, `${instance.issuer}/logout/signed-out?told=`)
  t.ok(took < 5000, `not even for the first one to be given up, after five seconds: ${took} ms`)
  t.equal(all.filter(({ site }) => site.notices.length > 0).length, 8, 'eight at once, and no more')
  await good.site.told(1)
  t.equal(good.site.notices.length, 1, 'whoever answers is told in the same breath, as soon as there is room')
})

await t.test('retries for more than a day, over a restart, then given up and audited', async (t) => {
  const world = await scene(t)
  const [one] = (await world.used(['app/one'])) as [Used]
  const { site, party, uri } = one
  site.answer = 503
  const { id_token: id } = await party.obtainTokens()
  await signOut(world.instance, party, id)
  t.equal(site.notices.length, 1)
  matchesWhole(t, await deliveriesOf(world.instance, uri), [
    { state: 'waiting', attempts: 1, lastError: 'the app answered 503' },
  ])
  await world.instance.server.outbox.sendDue()
  t.equal(site.notices.length, 1, 'not before its time')

  const began = world.instance.now()
  const times: number[] = []
  for (let minute = 0; minute < 30 * 60; minute += 5) {
    world.instance.advance(5 * MINUTE)
    if (minute === 40) await world.restart()
    await world.instance.server.outbox.sendDue()
    if (site.notices.length > times.length + 1) times.push(world.instance.now() - began)
  }
  t.equal(times.length, 9, 'nine more times')
  t.ok(times.every((time, index) => index < 2 || time - (times[index - 1] ?? 0) > (times[index - 1] ?? 0) / 4))
  t.ok((times.at(-1) ?? 0) > DAY, `the last one after ${(times.at(-1) ?? 0) / HOUR} h`)
  t.equal(new Set(site.notices.map(({ claims }) => claims['jti'])).size, 10, 'each token is new')
  const [record] = await deliveriesOf(world.instance, uri)
  matchesWhole(t, record, { state: 'given up', attempts: 10, lastError: 'the app answered 503', nextAttemptAt: null })
  matchesWhole(
    t,
    (await auditOf(world.instance, { app: uri })).filter(({ event }) => event === 'logout_notice_given_up'),
    [{ outcome: 'failure', actor: 'server', detail: { attempts: 10, error: 'the app answered 503' } }],
  )
  world.instance.advance(8 * DAY)
  t.match(await cleanUpOf(world.instance).run(), { outbox: 1 })
  t.strictSame(await deliveriesOf(world.instance, uri), [])
})

await t.test('§2.8 what an answer means', async (t) => {
  const world = await scene(t)
  const { instance } = world
  for (const [status, attempts, state] of [
    [200, 1, 'delivered'],
    [204, 1, 'delivered'],
    [400, 3, 'given up'],
    [404, 3, 'given up'],
    [302, 10, 'given up'],
    [429, 10, 'given up'],
    [500, 10, 'given up'],
  ] as const) {
    const [{ site, party, uri }] = (await world.used([`app/answers-${status}`])) as [Used]
    site.answer = status
    await signOut(instance, party, (await party.obtainTokens()).id_token)
    for (let round = 0; round < 12; round++) {
      instance.advance(11 * HOUR)
      await instance.server.outbox.sendDue()
    }
    t.equal(site.notices.length, attempts, `${status}`)
    matchesWhole(t, await deliveriesOf(instance, uri), [{ state, attempts }])
    t.ok(
      site.notices.every(({ path }) => path === '/logout?a=1'),
      'redirects are not followed',
    )
  }
  const [late] = (await world.used(['app/late'])) as [Used]
  late.site.answer = 500
  await signOut(instance, late.party, (await late.party.obtainTokens()).id_token)
  late.site.answer = 200
  instance.advance(MINUTE)
  await instance.server.outbox.sendDue()
  matchesWhole(t, await deliveriesOf(instance, late.uri), [{ state: 'delivered', attempts: 2 }])
  const metrics = await (await fetch(`${instance.origin}/metrics`)).text()
  t.match(metrics, 'tessera_logout_notices_total{result="delivered"} 3')
  t.match(metrics, 'tessera_logout_notices_total{result="refused"} 6')
  t.match(metrics, 'tessera_logout_notices_total{result="given_up"} 5')
  t.match(metrics, 'tessera_logout_notices_waiting 0')
})

await t.test('an app that is changed, disabled or removed meanwhile', async (t) => {
  const world = await scene(t)
  const { instance } = world
  const tessera = tesseraOn(instance)
  for (const [name, command, reason] of [
    ['app/disabled', ['app', 'disable', 'app/disabled'], 'the app is disabled'],
    [
      'app/changed',
      ['app', 'update', 'app/changed', '--set', 'BackchannelLogoutUri='],
      'the app no longer has a BackchannelLogoutUri',
    ],
    ['app/removed', ['app', 'remove', 'app/removed', '--yes'], undefined],
  ] as const) {
    const [{ site, party, uri }] = (await world.used([name])) as [Used]
    site.answer = 500
    await signOut(instance, party, (await party.obtainTokens()).id_token)
    t.equal((await tessera(command)).code, 0)
    instance.advance(MINUTE)
    await instance.server.outbox.sendDue()
    t.equal(site.notices.length, 1, name)
    if (reason !== undefined)
      matchesWhole(t, await deliveriesOf(instance, uri), [{ state: 'given up', lastError: reason }])
  }
  // As a record from before such addresses were refused.
  const [{ site, party, uri }] = (await world.used(['app/private'])) as [Used]
  site.answer = 500
  await signOut(instance, party, (await party.obtainTokens()).id_token)
  await changeApp(instance, uri, { backchannelLogoutUri: 'https://10.0.0.1/x' })
  instance.advance(MINUTE)
  await instance.server.outbox.sendDue()
  t.equal(site.notices.length, 1, 'SS-01: checked again when it is connected to')
  matchesWhole(t, await deliveriesOf(instance, uri), [
    { state: 'waiting', attempts: 2, lastError: 'leads to an address that is not on the public internet' },
  ])
})

await t.test('§2.2 what may be registered', async (t) => {
  const { instance } = await scene(t)
  await instance.addApp(webApp('app/one'))
  const tessera = tesseraOn(instance)
  for (const [uri, reason] of [
    ['https://app.example.com/#x', 'must not have a fragment'],
    ['ftp://app.example.com/', 'must be an https URL'],
    ['/relative', 'must be an https URL'],
    ['https://u:p@app.example.com/', 'must not contain a user name or password'],
    [
      'https://10.0.0.1/x',
      'leads to an address that is not on the public internet; hosts of TESSERA_OUTBOUND_EXEMPT_HOSTS',
    ],
    ['http://app.example.com/x', 'must be an https URL; hosts of TESSERA_OUTBOUND_EXEMPT_HOSTS'],
    ['https://app.example.com/ x', 'must be 1 to 2048 visible ASCII characters without spaces'],
  ]) {
    const { code, stderr } = await tessera(['app', 'update', 'app/one', '--set', `BackchannelLogoutUri=${uri}`])
    t.equal(code, 2)
    t.match(stderr, `BackchannelLogoutUri: ${reason}`)
  }
  const set = ['BackchannelLogoutUri=https://elsewhere.example.com/out?x=1', 'BackchannelLogoutSessionRequired=true']
  const flags = set.flatMap((one) => ['--set', one])
  t.match(await documentOf(tessera(['app', 'update', 'app/one', ...flags, '--json'])), {
    BackchannelLogoutUri: 'https://elsewhere.example.com/out?x=1',
    BackchannelLogoutSessionRequired: true,
  })
})

await t.test('two nodes: each attempt is made by one of them, and none waits for the other', async (t) => {
  const shared = { ...SETTINGS, TESSERA_MASTER_KEY: 'ab'.repeat(32) }
  const one = await startInstance({ settings: shared })
  t.teardown(() => one.close())
  await one.addUser({ login: 'david' })
  const site = await startNotifiedApp(t)
  site.answer = 500
  await one.addApp({ ...webApp('app/shared'), requireConsent: false, backchannelLogoutUri: site.uri })
  const two = await startInstance({ settings: { ...shared, TESSERA_DATABASE_URL: one.databaseUrl } })
  t.teardown(() => two.server.close().then(two.core.close))
  const sessions = new Set<unknown>()
  for (let browser = 0; browser < 5; browser++) {
    const party = createRelyingParty(one, { clientId: 'app/shared', login: 'david' })
    const { id_token: id } = await party.obtainTokens()
    sessions.add(claimsOf(id)['sid'])
    await signOut(one, party, id)
  }
  t.equal(site.notices.length, 5)
  site.answer = 200
  for (const node of [one, two]) node.advance(5 * MINUTE)
  await Promise.all([one, two, one, two].map(({ server }) => server.outbox.sendDue()))
  t.equal(site.notices.length, 10)
  t.strictSame(new Set(site.notices.slice(5).map(({ claims }) => claims['sid'])), sessions)
  t.strictSame(
    (await deliveriesOf(one, 'app/shared')).map(({ state, attempts }) => [state, attempts]),
    Array.from({ length: 5 }, () => ['delivered', 2]),
  )
})
