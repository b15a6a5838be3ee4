import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { openCore } from '../../../src/compose/core.ts'
import { readConfig } from '../../../src/config/read-config.ts'
import { documentOf, settingsOf, tesseraOn, tesseraWith } from '../../fixtures/cli/cli.ts'
import { sentTo } from '../../fixtures/clients/code-flow.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { createRelyingParty, webApp } from '../../fixtures/clients/relying-party.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { type Instance, startInstance } from '../../fixtures/instance/instance.ts'
import { emptyPlaceOf } from '../../fixtures/instance/place.ts'
import { turnedByHand } from '../../fixtures/instance/time.ts'
import { query } from '../../fixtures/store/database.ts'

const APP = 'my.trusted.app/web'
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

interface PublishedKeys extends JSONWebKeySet {
  readonly keys: { readonly kty: string; readonly kid: string; readonly alg: string }[]
}

/** What `tessera key` prints of a key. */
interface Listed {
  readonly kid: string
  readonly state: string
  readonly signsFrom: string
  readonly retiresAt: string | null
}

const fetchJwks = async ({ issuer }: Instance): Promise<PublishedKeys> =>
  (await (await fetch(`${issuer}/.well-known/openid-configuration/jwks`)).json()) as PublishedKeys
const published = async (instance: Instance): Promise<string[]> =>
  (await fetchJwks(instance)).keys.map(({ kid }) => kid).sort()
const kidOf = (jwt: string): string => decodeProtectedHeader(jwt).kid ?? ''

const verifyWith = (jwks: JSONWebKeySet, token: string, instance: Instance) =>
  jwtVerify(token, createLocalJWKSet(jwks), { currentDate: new Date(instance.now()), typ: 'at+jwt' })

/** The same as the command, by the instance's clock. */
const rotateOn = ({ core: { keys } }: Instance) =>
  keys.rotate({ algorithm: keys.algorithm, publishFor: HOUR, anew: false }, async () => undefined)

/** An instance with David and an app whose access tokens live as long as any can, and its command line. */
async function start(t: Test) {
  const instance = await startInstance({ anew: true })
  let running = instance
  t.teardown(() => running.close())
  await instance.addUser({ login: 'david' })
  await instance.addApp({ ...webApp(APP), accessTokenLifetime: DAY / SECOND })
  const david = createRelyingParty(instance, { clientId: APP, login: 'david', scope: 'openid offline_access read' })
  const tessera = tesseraOn(instance)
  const list = async (): Promise<Listed[]> =>
    (await documentOf(tessera(['key', 'list', '--json']))) as unknown as Listed[]
  const rotate = async (...flags: string[]): Promise<Listed> =>
    (await documentOf(tessera(['key', 'rotate', '--json', ...flags]))) as unknown as Listed
  return {
    instance,
    david,
    tessera,
    list,
    rotate,
    /** The command has its own clock; the instance's is turned to a moment the command named. */
    turnTo: (moment: string, offset = 0) => instance.advance(Date.parse(moment) + offset - instance.now()),
    restart: async () => {
      running = await instance.restart()
      return running
    },
  }
}

await t.test('the first start makes one key, and later starts keep it', async (t) => {
  const { instance, david, list, restart } = await start(t)
  const [kid, ...others] = await published(instance)
  t.strictSame(others, [])
  const { access_token: access } = await david.obtainTokens()
  t.equal(kidOf(access), kid)
  const [listed] = await list()
  t.strictSame([listed?.kid, listed?.state, listed?.retiresAt], [kid, 'active', null])
  const again = await restart()
  t.strictSame(await published(again), [kid])
  t.equal((await david.userinfo(access)).status, 200, 'what it signed before is good')
  t.equal(kidOf((await david.obtainTokens()).access_token), kid)
})

await t.test('three servers that start at once on a new database agree on one key', async (t) => {
  const place = emptyPlaceOf(t)
  await place.prepare()
  const config = readConfig(place.settings, undefined)
  const cores = await Promise.all([1, 2, 3].map(() => openCore(config, turnedByHand(Date.now))))
  t.teardown(() => Promise.all(cores.map(({ store }) => store.close())))
  const signed = await Promise.all(cores.map(({ keys }) => keys.sign({ sub: 'x' }, 'at+jwt')))
  t.equal(new Set(signed.map(kidOf)).size, 1)
  t.equal((await query(place, 'select kid from signing_keys')).length, 1)
})

await t.test('private halves are sealed at rest, under this master key and no other', async (t) => {
  const { instance, david } = await start(t)
  const [row] = await query<{ public_jwk: string; sealed_private_jwk: string }>(instance, 'select * from signing_keys')
  t.strictSame(Object.keys(JSON.parse(row?.public_jwk ?? '{}') as object).sort(), [
    'alg',
    'e',
    'kid',
    'kty',
    'n',
    'use',
  ])
  t.notMatch(Buffer.from(row?.sealed_private_jwk ?? '', 'base64url').toString('latin1'), /kty|"d"|RSA/)
  const wrong = tesseraWith({
    ...settingsOf(instance),
    TESSERA_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
  })
  for (const args of [
    ['key', 'list'],
    ['key', 'rotate'],
  ]) {
    const { code, stdout, stderr } = await wrong(args)
    t.strictSame([code, stdout], [1, ''], args.join(' '))
    t.match(stderr, 'this is not the master key that this database was created with')
  }
  t.equal((await published(instance)).length, 1, 'and nothing was added')
  t.ok((await david.obtainTokens()).access_token)
})

await t.test('tessera key rotate while the server runs', async (t) => {
  const { instance, david, tessera, list, rotate, turnTo, restart } = await start(t)
  const old = (await published(instance))[0] ?? ''
  const early = await david.obtainTokens()

  const before = Date.now()
  const next = await rotate()
  await t.test('JW-09 the next key is published at once, and signs nothing for an hour', async (t) => {
    t.equal(next.state, 'next')
    const ahead = Date.parse(next.signsFrom) - before
    t.ok(ahead >= HOUR && ahead < HOUR + MINUTE, `signs after an hour: ${ahead} ms`)
    t.strictSame(await published(instance), [old, next.kid].sort())
    const states = (await list()).map(({ kid, state, retiresAt }) => [kid, state, retiresAt])
    const retires = new Date(Date.parse(next.signsFrom) + DAY + HOUR).toISOString()
    t.strictSame(states, [
      [next.kid, 'next', null],
      [old, 'active', retires],
    ])
    t.equal(kidOf((await david.obtainTokens()).access_token), old)

    const config = readConfig(settingsOf(instance), undefined)
    const ahead2h = await openCore(
      config,
      turnedByHand(() => instance.now() + 2 * HOUR),
    )
    const tooEarly = await ahead2h.keys.sign(claimsOf(early.access_token), 'at+jwt')
    await ahead2h.store.close()
    t.equal(kidOf(tooEarly), next.kid)
    t.equal((await david.userinfo(tooEarly)).status, 401, 'what it signs before its time is refused')
    t.strictSame((await david.introspect(tooEarly)).json, { active: false })
  })

  await t.test('it is not rotated twice, nor in haste', async (t) => {
    const again = await tessera(['key', 'rotate'])
    t.strictSame([again.code, again.stdout], [1, ''])
    t.match(again.stderr, `${next.kid} is already published and signs from ${next.signsFrom}`)
    const hasty = await tessera(['key', 'rotate', '--publish-for', '4m'])
    t.strictSame([hasty.code, hasty.stdout], [2, ''])
    t.match(hasty.stderr, 'verifiers may cache the key set for 5 minutes')
    t.equal((await published(instance)).length, 2)
  })

  const cached = await fetchJwks(instance)
  turnTo(next.signsFrom, -1)
  const last = await david.obtainTokens()
  t.equal(kidOf(last.access_token), old, 'to its last millisecond the old key signs')
  turnTo(next.signsFrom)
  const first = await david.obtainTokens()

  await t.test('from its hour on it signs, and both kinds of token are good', async (t) => {
    t.strictSame([kidOf(first.access_token), kidOf(first.id_token)], [next.kid, next.kid])
    await t.resolves(verifyWith(cached, first.access_token, instance), 'an API that cached the keys knows it')
    for (const tokens of [early, last, first]) {
      t.equal((await david.userinfo(tokens.access_token)).status, 200)
      t.match((await david.introspect(tokens.access_token)).json, { active: true })
      await t.resolves(verifyWith(await fetchJwks(instance), tokens.access_token, instance))
    }
    const refreshed = tokensOf(await david.refresh(early.refresh_token))
    t.equal(kidOf(refreshed.access_token), next.kid, 'a family goes on under the new key')
    t.match(
      sentTo(await david.authorize({ id_token_hint: early.id_token, prompt: 'none' })).search,
      /[?&]code=/,
      'an old hint counts',
    )
  })

  await t.test('a restart changes nothing', async (t) => {
    await restart()
    t.strictSame(await published(instance), [old, next.kid].sort())
    t.equal(kidOf((await david.obtainTokens()).access_token), next.kid)
    t.equal((await david.userinfo(last.access_token)).status, 200)
  })

  await t.test('the old key is kept until its last token has expired, and an hour longer', async (t) => {
    const { exp = 0 } = claimsOf(last.access_token)
    instance.advance(exp * SECOND - instance.now() - SECOND)
    t.equal((await david.userinfo(last.access_token)).status, 200, 'the longest-lived token, in its last second')
    await t.resolves(verifyWith(await fetchJwks(instance), last.access_token, instance))
    instance.advance(SECOND)
    t.equal((await david.userinfo(last.access_token)).status, 401)
    turnTo(next.signsFrom, DAY + HOUR - 1)
    t.strictSame(await published(instance), [old, next.kid].sort())
    instance.advance(1)
    t.strictSame(await published(instance), [next.kid])
    t.equal(kidOf((await david.obtainTokens()).access_token), next.kid)
  })
})

await t.test('tessera key rotate --force --publish-for 0: a key that must go now', async (t) => {
  const { instance, david, tessera, rotate, turnTo } = await start(t)
  const old = (await published(instance))[0] ?? ''
  const next = await rotate()
  const forced = await tessera(['key', 'rotate', '--force', '--publish-for', '0', '--json'])
  t.equal(forced.code, 0)
  t.match(forced.stderr, 'APIs that cache the key set refuse tokens signed with the new key for up to 5 minutes')
  const urgent = JSON.parse(forced.stdout) as Listed
  t.equal(urgent.state, 'active')
  turnTo(urgent.signsFrom, SECOND)
  t.equal(kidOf((await david.obtainTokens()).access_token), urgent.kid, 'it signs at once')
  turnTo(next.signsFrom, SECOND)
  t.equal(
    kidOf((await david.obtainTokens()).access_token),
    urgent.kid,
    'and the one that was to follow does not take over',
  )
  instance.advance(30 * DAY)
  t.strictSame(await published(instance), [urgent.kid], 'both others are gone in the end')

  const { access_token: access } = await david.obtainTokens()
  const { key: last } = await rotateOn(instance)
  instance.advance(HOUR)
  t.equal(kidOf((await david.obtainTokens()).access_token), last.kid)
  t.equal((await david.userinfo(access)).status, 200, 'the next rotation keeps it for its tokens')
  t.strictSame(await published(instance), [urgent.kid, last.kid].sort())
  t.notOk((await published(instance)).includes(old))
})

await t.test('another algorithm: the keys of both are published, tokens of both are good', async (t) => {
  const { instance, david } = await start(t)
  const { access_token: access } = await david.obtainTokens()
  const settings = settingsOf(instance)
  const tessera = tesseraWith({ ...settings, TESSERA_SIGNING_ALGORITHM: 'ES256' })
  // Whatever may change something makes the key that is missing; what only reads does not.
  t.equal((await tessera(['apply', '-'], 'resources: []')).code, 0)
  const keys = (await documentOf(tessera(['key', 'list', '--json']))) as unknown as {
    algorithm: string
    state: string
  }[]
  t.strictSame(keys.map(({ algorithm, state }) => [algorithm, state]).sort(), [
    ['ES256', 'active'],
    ['RS256', 'active'],
  ])
  t.strictSame((await fetchJwks(instance)).keys.map(({ alg }) => alg).sort(), ['ES256', 'RS256'])
  instance.advance(MINUTE)
  const core = await openCore(
    readConfig({ ...settings, TESSERA_SIGNING_ALGORITHM: 'ES256' }, undefined),
    turnedByHand(instance.now),
  )
  const token = await core.keys.sign(claimsOf(access), 'at+jwt')
  await core.store.close()
  t.equal(decodeProtectedHeader(token).alg, 'ES256')
  t.equal((await david.userinfo(token)).status, 200)
  t.equal((await david.userinfo(access)).status, 200)
  t.equal(
    decodeProtectedHeader((await david.obtainTokens()).access_token).alg,
    'RS256',
    'this server signs as it is set',
  )
})
