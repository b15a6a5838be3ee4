import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { openCore } from '../../../src/compose/core.ts'
import { buildServer } from '../../../src/compose/server.ts'
import { readConfig } from '../../../src/config/read-config.ts'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../../src/domain/protocol/signing-algorithm.ts'
import { systemRandom } from '../../../src/lib/crypto/secrets.ts'
import { DAY, HOUR, isoTime, MINUTE, SECOND } from '../../../src/lib/time/clock.ts'
import { createTimekeeper } from '../../../src/lib/time/timekeeper.ts'
import { createRotateKeys } from '../../../src/operations/maintenance/rotate-keys.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { ownKeys, signRs256 } from '../../fixtures/attacks/forge.ts'
import { documentOf, settingsOf, tesseraOn } from '../../fixtures/cli/cli.ts'
import type { Server } from '../../fixtures/clients/endpoints.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { createRelyingParty, type RelyingParty as Party, webApp } from '../../fixtures/clients/relying-party.ts'
import { type Tokens, tokensOf } from '../../fixtures/clients/tokens.ts'
import { eventually } from '../../fixtures/instance/eventually.ts'
import { type Instance, startInstance } from '../../fixtures/instance/instance.ts'
import { freePort } from '../../fixtures/instance/ports.ts'
import { prepareSite, serve } from '../../fixtures/instance/server-process.ts'
import { turnedByHand } from '../../fixtures/instance/time.ts'
import { cleanUpOf } from '../../fixtures/store/clean-up.ts'
import { query } from '../../fixtures/store/database.ts'
import { rotationOf } from '../../fixtures/tokens/rotate-keys.ts'

const WEB = 'my.trusted.app/web'
const serviceOf = (algorithm: string): string => `my.trusted.app/${algorithm}`
const jwksUri = ({ issuer }: Pick<Instance, 'issuer'>) => `${issuer}/.well-known/openid-configuration/jwks`
const fetchKeys = async (instance: Pick<Instance, 'issuer'>): Promise<JSONWebKeySet> =>
  (await (await fetch(jwksUri(instance))).json()) as JSONWebKeySet
const kidsOf = ({ keys }: JSONWebKeySet): string[] => keys.map(({ kid }) => kid ?? '').sort()
const kidOf = (jwt: string): string => decodeProtectedHeader(jwt).kid ?? ''

/** An instance with a service for every algorithm, whose tokens live as long as any can. */
async function start(t: Test, settings: Readonly<Record<string, string>> = {}) {
  const instance = await startInstance({ settings, anew: true })
  t.teardown(() => instance.close())
  const { id } = await instance.addUser({ login: 'svc.sync', type: 'SystemUserNoLogin' })
  const service = { systemUserAllowed: true, systemUser: id, scope: ['read'], accessTokenLifetime: DAY / 1000 }
  for (const signingAlgorithm of SIGNING_ALGORITHMS)
    await instance.addApp({ applicationUri: serviceOf(signingAlgorithm), signingAlgorithm, ...service })
  const tokenFor = async (algorithm: SigningAlgorithm): Promise<string> => {
    const party = createRelyingParty(instance, { clientId: serviceOf(algorithm), login: '' })
    return String((await party.requestToken({ grant_type: 'client_credentials' })).json['access_token'])
  }
  const verify = (token: string, keys: JSONWebKeySet) =>
    jwtVerify(token, createLocalJWKSet(keys), { currentDate: new Date(instance.now()), typ: 'at+jwt' })
  const statesOf = async (algorithm: SigningAlgorithm): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await instance.core.keys.list())
        .filter((key) => key.algorithm === algorithm)
        .map(({ kid, state }) => [kid, state]),
    )
  return { instance, rotate: rotationOf(instance), tokenFor, verify, statesOf }
}

await t.test('200 days: every key has a successor in time, and every token verifies until it expires', async (t) => {
  const { instance, rotate, tokenFor, verify, statesOf } = await start(t)
  const began = instance.now()
  await rotate()
  const timeline: string[] = []
  const seen = new Map<SigningAlgorithm, string[]>()
  const counts = { issued: 0, verified: 0 }
  const failed: string[] = []
  const check = async (what: string, work: Promise<unknown>): Promise<void> => {
    counts.verified++
    await work.catch((error: unknown) => failed.push(`day ${(instance.now() - began) / DAY}, ${what}: ${error}`))
  }

  for (let day = 0; day < 200; day++) {
    for (const { algorithm, signsFrom } of await rotate())
      timeline.push(`day ${day}: ${algorithm} published, signs from day ${(signsFrom - began) / DAY}`)
    t.strictSame(await rotate(), [], 'once')
    // An API fetches the keys and keeps them for as long as it may.
    const cached = await fetchKeys(instance)
    instance.advance(5 * MINUTE - 1)
    const tokens = await Promise.all(SIGNING_ALGORITHMS.map(tokenFor))
    for (const [index, token] of tokens.entries()) {
      const algorithm = SIGNING_ALGORITHMS[index] as SigningAlgorithm
      counts.issued++
      await check(`${algorithm} with the keys of five minutes ago`, verify(token, cached))
      const kids = seen.get(algorithm) ?? []
      if (!kids.includes(kidOf(token))) seen.set(algorithm, [...kids, kidOf(token)])
    }
    const { exp = 0 } = claimsOf(tokens[0] ?? '')
    instance.advance(exp * 1000 - 1 - instance.now())
    const last = await fetchKeys(instance)
    for (const token of tokens) await check('in its last millisecond', verify(token, last))
    if (day % 20 === 0)
      t.equal(
        (await createRelyingParty(instance, { clientId: serviceOf('RS256'), login: '' }).introspect(tokens[0] ?? ''))
          .json['active'],
        true,
      )
    instance.advance(began + (day + 1) * DAY - instance.now())
  }
  t.strictSame(failed, [])
  t.strictSame(counts, { issued: 800, verified: 1600 })
  t.strictSame(timeline, [
    ...SIGNING_ALGORITHMS.map((algorithm) => `day 76: ${algorithm} published, signs from day 90`),
    ...SIGNING_ALGORITHMS.map((algorithm) => `day 166: ${algorithm} published, signs from day 180`),
  ])
  for (const algorithm of SIGNING_ALGORITHMS) {
    const kids = seen.get(algorithm) ?? []
    t.equal(kids.length, 3, `${algorithm}: three keys signed`)
    t.strictSame(await statesOf(algorithm), {
      [kids[0] ?? '']: 'retired',
      [kids[1] ?? '']: 'retired',
      [kids[2] ?? '']: 'active',
    })
  }
  const events = await instance.core.store.read.auditEvents.read({ event: 'key_rotated' }, 100)
  t.equal(events.length, 8, 'each rotation is in the audit log')
  t.match(events[0], { actor: 'server', outcome: 'success', detail: { kid: String, algorithm: String } })
})

await t.test('next, active, previous, retired, and then forgotten, to the millisecond', async (t) => {
  const { instance, rotate, tokenFor, statesOf } = await start(t)
  await rotate()
  const [old = ''] = Object.keys(await statesOf('ES256'))
  const began = instance.now()
  const turnTo = (moment: number) => instance.advance(moment - instance.now())
  const published = async () => kidsOf(await fetchKeys(instance))
  turnTo(began + 76 * DAY - 1)
  t.strictSame(await rotate(), [])
  instance.advance(1)
  const next = (await rotate()).find(({ algorithm }) => algorithm === 'ES256')?.kid ?? ''
  t.strictSame(await statesOf('ES256'), { [old]: 'active', [next]: 'next' })
  t.ok((await published()).includes(next), 'published 14 days before')

  turnTo(began + 90 * DAY - 1)
  t.equal(kidOf(await tokenFor('ES256')), old)
  instance.advance(1)
  t.equal(kidOf(await tokenFor('ES256')), next)
  t.strictSame(await statesOf('ES256'), { [old]: 'previous', [next]: 'active' })
  instance.advance(25 * HOUR - 1)
  t.ok((await published()).includes(old), 'its last token died an hour ago')
  instance.advance(1)
  t.strictSame(await statesOf('ES256'), { [old]: 'retired', [next]: 'active' })
  t.notOk((await published()).includes(old))

  instance.advance(30 * DAY)
  t.strictSame(await cleanUpOf(instance).run(), {}, 'who looks still sees it')
  instance.advance(1)
  t.match(await cleanUpOf(instance).run(), { signing_keys: SIGNING_ALGORITHMS.length })
  t.strictSame(await statesOf('ES256'), { [next]: 'active' }, 'what is no key any more is not kept')
  instance.advance(365 * DAY)
  await cleanUpOf(instance).run()
  t.strictSame(await statesOf('ES256'), { [next]: 'active' }, 'a key that signs is never forgotten')
})

await t.test('what a key signs counts from a minute before its turn until it retires', async (t) => {
  const { instance, rotate, tokenFor } = await start(t)
  const service = createRelyingParty(instance, { clientId: serviceOf('RS256'), login: '' })
  /** A token of this moment, signed by a key whether or not it is its turn. */
  const countsBy = async (kid: string): Promise<unknown> => {
    const key = (await ownKeys(instance)).get(kid)
    const token = await tokenFor('RS256')
    if (!key) throw new Error(`there is no key ${kid}`)
    const signed = signRs256(key, { ...decodeProtectedHeader(token), kid }, claimsOf(token))
    return (await service.introspect(signed)).json['active']
  }
  await rotate()
  const [old = ''] = (await ownKeys(instance)).keys()
  const began = instance.now()
  const turnTo = (moment: number) => instance.advance(moment - instance.now())
  turnTo(began + 76 * DAY)
  await rotate()
  const next = [...(await ownKeys(instance)).keys()].find((kid) => kid !== old) ?? ''
  t.equal(await countsBy(next), false, 'published for weeks before it signs')
  turnTo(began + 90 * DAY - MINUTE - 1)
  t.equal(await countsBy(next), false)
  instance.advance(1)
  t.equal(await countsBy(next), true, 'a node whose clock is ahead may have signed with it')
  turnTo(began + 90 * DAY + 25 * HOUR - 1)
  t.equal(await countsBy(old), true)
  instance.advance(1)
  t.equal(await countsBy(old), false, 'retired')
})

await t.test('the lengths of time are settings', async (t) => {
  const { instance, rotate, statesOf } = await start(t, {
    TESSERA_KEY_ROTATION: '30d',
    TESSERA_KEY_PUBLISH_AHEAD: '2d',
    TESSERA_KEY_RETIRE_AFTER: '7d',
    TESSERA_SESSION_ABSOLUTE: '10d',
  })
  await rotate()
  instance.advance(28 * DAY - 1)
  t.strictSame(await rotate(), [])
  instance.advance(1)
  const now = instance.now()
  t.strictSame(
    (await rotate()).map(({ signsFrom }) => signsFrom - now),
    SIGNING_ALGORITHMS.map(() => 2 * DAY),
  )
  instance.advance(2 * DAY + 10 * DAY + HOUR - 1)
  t.strictSame(Object.values(await statesOf('RS256')), ['previous', 'active'], 'a session may still ask for it')
  instance.advance(1)
  t.strictSame(Object.values(await statesOf('RS256')), ['retired', 'active'])
})

await t.test('a server that was off when it was time publishes the next key first all the same', async (t) => {
  const { instance, rotate, tokenFor } = await start(t)
  await rotate()
  const old = kidOf(await tokenFor('RS256'))
  instance.advance(300 * DAY)
  const published = await rotate()
  t.strictSame(
    published.map(({ signsFrom }) => signsFrom - instance.now()),
    SIGNING_ALGORITHMS.map(() => 14 * DAY),
  )
  t.equal(kidOf(await tokenFor('RS256')), old)
  instance.advance(14 * DAY)
  t.not(kidOf(await tokenFor('RS256')), old)
})

await t.test('one node rotates at a time, and a clock that is set forward by mistake rotates nothing', async (t) => {
  const { instance, rotate } = await start(t)
  await rotate()
  let wrong = 0
  const time = createTimekeeper({ wall: () => instance.now() + wrong, timer: instance.now }, 0)
  const { store, keys } = instance.core
  const misled = createRotateKeys({ write: store.write, keys, time, audit: instance.server.audit, holder: 'misled' })
  wrong = 80 * DAY
  t.strictSame(await misled(), [])
  instance.advance(76 * DAY)
  const { now } = instance
  t.ok(await store.write(({ leases }) => leases.acquire('key-rotation', 'the-other', now(), now() + MINUTE)))
  t.strictSame(await rotate(), [], 'the other one is at it')
  instance.advance(MINUTE)
  const [ours, theirs] = await Promise.all([rotate(), rotationOf(instance, 'the-other')()])
  t.equal(ours.length + theirs.length, SIGNING_ALGORITHMS.length, 'the other one was killed')
  t.equal((await query(instance, 'select kid from signing_keys')).length, 2 * SIGNING_ALGORITHMS.length)
})

await t.test('tessera key rotate brings the key forward that waits for its turn', async (t) => {
  const { instance, rotate, tokenFor, statesOf } = await start(t)
  const tessera = tesseraOn(instance)
  // The command goes by the machine's clock, so what went before is long ago.
  instance.advance(-80 * DAY)
  await rotate()
  instance.advance(77 * DAY)
  await rotate()
  instance.advance(3 * DAY)
  const before = await statesOf('ES256')
  const [old = '', next = ''] = Object.keys(before)
  t.strictSame(before, { [old]: 'active', [next]: 'next' })
  const document = await documentOf(tessera(['keys', 'rotate', '--algorithm', 'ES256', '--json']))
  t.match(document, { kid: next, algorithm: 'ES256', state: 'active' }, 'it was published for days')
  instance.advance(MINUTE)
  t.strictSame(await statesOf('ES256'), { [old]: 'previous', [next]: 'active' })
  t.equal(kidOf(await tokenFor('ES256')), next)
  t.strictSame(Object.values(await statesOf('EdDSA')), ['active', 'next'], 'the others wait on')
  instance.advance(25 * HOUR)
  t.strictSame(await statesOf('ES256'), { [old]: 'retired', [next]: 'active' }, 'so did the last day of the old one')

  await t.test('--algorithm', async (t) => {
    const all = (await documentOf(tessera(['key', 'rotate', '--algorithm', 'all', '--json']))) as unknown as {
      algorithm: string
      state: string
    }[]
    t.strictSame(
      all.map(({ algorithm, state }) => [algorithm, state]),
      [
        ['RS256', 'next'],
        ['PS256', 'active'],
        ['ES256', 'next'],
        ['EdDSA', 'active'],
      ],
    )
    t.match(await documentOf(tessera(['key', 'rotate', '--algorithm', 'EdDSA', '--json'])), {
      algorithm: 'EdDSA',
      state: 'next',
    })
    const wrong = await tessera(['key', 'rotate', '--algorithm', 'HS256'])
    t.strictSame([wrong.code, wrong.stdout], [2, ''])
    t.match(wrong.stderr, /^unknown value of --algorithm 'HS256'\n\(Did you mean RS256\?\)\n/)
    const far = await tessera(['key', 'rotate', '--algorithm', 'nothing'])
    t.strictSame([far.code, far.stdout], [2, ''])
    t.match(far.stderr, /^unknown value of --algorithm 'nothing'\nexpected one of: RS256, PS256, ES256, EdDSA, all\n/)
  })
})

await t.test('a rotation that an administrator has planned is not overtaken by the automatic one', async (t) => {
  const { instance, rotate, tokenFor, statesOf } = await start(t)
  const tessera = tesseraOn(instance)
  // The command goes by the machine's clock, so what went before is long ago.
  instance.advance(-80 * DAY)
  await rotate()
  instance.advance(77 * DAY)
  await rotate()
  instance.advance(3 * DAY)
  const [old = '', automatic = ''] = Object.keys(await statesOf('ES256'))
  const command = ['key', 'rotate', '--algorithm', 'ES256', '--publish-for', '30d', '--json']
  matchesWhole(t, await tessera(command), {
    code: 1,
    stdout: '',
    stderr: new RegExp(
      `${automatic} is already published .*--force publishes another key, which takes over when you say`,
    ),
  })
  const planned = String((await documentOf(tessera([...command, '--force'])))['kid'])
  t.strictSame(await statesOf('ES256'), { [old]: 'active', [planned]: 'next' }, 'the one that waited is withdrawn')
  t.notOk(kidsOf(await fetchKeys(instance)).includes(automatic))
  t.strictSame(Object.values(await statesOf('EdDSA')), ['active', 'next'], 'the others wait on')
  for (let day = 1; day < 30; day++) {
    instance.advance(DAY)
    await rotate()
    t.strictSame(await statesOf('ES256'), { [old]: 'active', [planned]: 'next' }, `day ${day}`)
  }
  t.equal(kidOf(await tokenFor('ES256')), old)
  instance.advance(DAY + MINUTE)
  await rotate()
  t.strictSame(await statesOf('ES256'), { [old]: 'previous', [planned]: 'active' })
  t.equal(kidOf(await tokenFor('ES256')), planned)
})

/** Another node on the database of an instance, by the same clock. */
async function startSecondNode(t: Test, instance: Instance): Promise<Server> {
  const port = await freePort()
  const core = await openCore(
    readConfig({ ...settingsOf(instance), TESSERA_LOG_LEVEL: 'silent' }, undefined),
    turnedByHand(instance.now),
  )
  const app = await buildServer(readConfig({ ...settingsOf(instance), TESSERA_LOG_LEVEL: 'silent' }, undefined), core, {
    random: systemRandom,
  })
  await app.listen({ host: 'localhost', port })
  t.teardown(async () => {
    await app.close()
    await core.close()
  })
  return { origin: `http://localhost:${port}`, issuer: `http://localhost:${port}/id` }
}

await t.test('under load, on two nodes: no token fails verification while the command rotates', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  instance.advance(Date.now() - instance.now())
  await instance.addUser({ login: 'david' })
  await instance.addApp({ ...webApp(WEB), requireConsent: false })
  const nodes = [instance, await startSecondNode(t, instance)] as const
  const partyAt = (node: Server) =>
    createRelyingParty(node, { clientId: WEB, login: 'david', scope: 'openid offline_access read' })
  const kids = new Set<string>()
  const counts = { issued: 0, verified: 0 }
  const failed: string[] = []
  let stopped = false

  /** An API at a node: it keeps the keys for five minutes by the clock, and does not ask in between. */
  function startVerifier(node: Server) {
    let cached: { at: number; keys: ReturnType<typeof createLocalJWKSet> } | undefined
    return async (jwt: string, typ: string): Promise<void> => {
      if (!cached || instance.now() - cached.at >= 5 * MINUTE)
        cached = { at: instance.now(), keys: createLocalJWKSet(await fetchKeys(node)) }
      counts.verified++
      // The clock is turned while they are on their way, so it is not their age that counts.
      const currentDate = new Date((claimsOf(jwt).iat ?? 0) * 1000)
      await jwtVerify(jwt, cached.keys, { issuer: instance.issuer, typ, currentDate }).catch((error: unknown) =>
        failed.push(`${typ} ${kidOf(jwt)}: ${error}`),
      )
    }
  }
  const verifiers = nodes.map(startVerifier)

  /** Somebody signs in; the app's requests go to one node and the other. */
  async function work(index: number): Promise<void> {
    const person = partyAt(instance)
    const [here, there] = [index, index + 1].map((one) => partyAt(nodes[one % 2] as Server)) as [Party, Party]
    async function use({ access_token: access, id_token: id }: Tokens): Promise<void> {
      kids.add(kidOf(access))
      for (const verify of verifiers) await Promise.all([verify(access, 'at+jwt'), verify(id, 'JWT')])
      for (const party of [here, there]) {
        const { status } = await party.userinfo(access)
        if (status !== 200) failed.push(`userinfo ${status} for ${kidOf(access)}`)
      }
      counts.issued++
    }
    while (!stopped) {
      const signedIn = tokensOf(await here.redeem(await person.obtainCode()))
      await use(signedIn)
      await use(tokensOf(await there.refresh(signedIn.refresh_token)))
    }
  }
  const load = Promise.all([0, 1, 2, 3].map(work)).catch((error: unknown) => failed.push(String(error)))
  const more = async (tokens: number): Promise<void> => {
    const wanted = counts.issued + tokens
    await eventually(
      async () => counts.issued,
      (issued) => issued >= wanted || failed.length > 0,
      60_000,
    )
  }

  const byCommand = () => documentOf(tesseraOn(instance)(['key', 'rotate', '--publish-for', '5m', '--json']))
  const order = { algorithm: 'RS256', publishFor: 5 * MINUTE, anew: false } as const
  const byServer = async () => (await instance.core.keys.rotate(order, async () => undefined)).key
  for (const rotate of [byCommand, byServer]) {
    await more(8)
    const [{ signsFrom, kid }] = await Promise.all([rotate(), more(8)])
    const takesOver = new Date(String(signsFrom)).getTime() || Number(signsFrom)
    while (instance.now() < takesOver) {
      // A code lives for a minute.
      instance.advance(Math.min(20 * SECOND, takesOver - instance.now()))
      await more(4)
    }
    await more(8)
    t.ok(kids.has(String(kid)), `${kid} signs since ${isoTime(takesOver)}`)
  }
  stopped = true
  await load
  t.strictSame(failed, [])
  t.equal(kids.size, 3)
  t.ok(counts.issued >= 40, `${counts.issued} times tokens, ${counts.verified} verifications`)
})

await t.test('tessera serve makes the keys of every algorithm by itself, beside answering', async (t) => {
  const site = await prepareSite(t)
  await serve(t, site)
  const algorithms = async () => (await fetchKeys(site)).keys.map(({ alg }) => String(alg)).sort()
  const all = await eventually(algorithms, ({ length }) => length === SIGNING_ALGORITHMS.length, 30_000)
  t.strictSame(all, [...SIGNING_ALGORITHMS].sort())
})
