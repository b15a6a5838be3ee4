import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWK } from 'jose'
import t from 'tap'
import { readKeySet } from '../../../src/domain/apps/app-keys.ts'
import { startAdminApi } from '../../fixtures/admin/admin.ts'
import { type Refusal, refused } from '../../fixtures/answers/refusals.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { asserting, assertionClaims, jwksOf, makeKey, signAs, type TestKey } from '../../fixtures/clients/app-keys.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import type { Answer } from '../../fixtures/clients/http.ts'
import { eventually, until } from '../../fixtures/instance/eventually.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import { SYNC, startWorld } from '../../fixtures/instance/world.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** The server of an app, which serves its key set and counts who asks. */
async function startKeyServer() {
  const state = {
    asked: 0,
    status: 200,
    body: '',
    headers: {} as Record<string, string>,
    hold: undefined as Promise<void> | undefined,
  }
  const server = createServer((_request, response) => {
    state.asked++
    const answer = (): void => void response.writeHead(state.status, state.headers).end(state.body)
    if (state.hold) void state.hold.then(answer)
    else answer()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` }
}

const { state, url } = await startKeyServer()
const { instance, service } = await startWorld(t, { TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1' })
const tessera = tesseraOn(instance)
const [one, two] = await Promise.all([makeKey('ES256', 'one'), makeKey('ES256', 'two')])
const onItsOwn = { systemUserAllowed: true, systemUser: service.id, scope: ['read'] }
const addKeyed = (applicationUri: string, jwksUri = url) =>
  instance.addApp({ applicationUri, ...onItsOwn, tokenEndpointAuthMethod: 'private_key_jwt', jwksUri })

async function ask(app: string, key: TestKey, header = {}, at: Instance = instance): Promise<Answer> {
  const assertion = await signAs(key, assertionClaims(at, app), header)
  return requestToken(at, { grant_type: 'client_credentials', ...asserting(assertion) })
}
const because = (rule: string, cause: string | RegExp = ''): Refusal => ({
  status: 401,
  error: 'invalid_client',
  description: 'the app is unknown, or its authentication is wrong or missing',
  cause: { rule, ...(cause === '' ? {} : { cause }) },
})
const serve = (...keys: (TestKey | JWK)[]): void => {
  Object.assign(state, { asked: 0, status: 200, body: jwksOf(...keys), headers: {} })
}

/** Has the server answer when it is told to. */
function hold(): () => void {
  let release = (): void => undefined
  state.hold = new Promise((resolve) => {
    release = resolve
  })
  return () => {
    state.hold = undefined
    release()
  }
}

await t.test('JwksUri: fetched once, kept for ten minutes, fetched again for a key that is not known', async (t) => {
  serve(one)
  await addKeyed('app/uri')
  for (let n = 0; n < 5; n++) t.equal((await ask('app/uri', one)).status, 200)
  t.equal(state.asked, 1)
  instance.advance(9 * MINUTE)
  t.equal((await ask('app/uri', one)).status, 200)
  t.equal(state.asked, 1, 'fresh')
  state.body = jwksOf(one, two)
  t.equal((await ask('app/uri', two)).status, 200, 'conformance I63: an unknown kid is looked for')
  t.equal(state.asked, 2)
  instance.advance(10 * MINUTE + 1)
  state.body = jwksOf(two)
  t.equal((await ask('app/uri', one)).status, 200, 'answered from what is kept, which is fetched anew beside it')
  const gone = because('app-key-unknown', 'the app has no key for ES256 with this kid')
  const refusal = await eventually(
    () => ask('app/uri', one),
    ({ status }) => status !== 200,
  )
  refused(t, instance, refusal, gone)
  t.equal(state.asked, 3, 'a key that was taken away counts for ten minutes where the app asks')
  state.body = jwksOf(one)
  instance.advance(20 * MINUTE)
  refused(t, instance, await ask('app/uri', two), gone)
  t.equal(state.asked, 4, 'and for twenty where it did not')
})

await t.test('keys that are good go on counting while they are fetched anew, however slowly', async (t) => {
  serve(one)
  await addKeyed('app/busy')
  t.equal((await ask('app/busy', one)).status, 200)
  instance.advance(10 * MINUTE + 1)
  const release = hold()
  t.teardown(release)
  const statuses: number[] = []
  const asking = Array.from({ length: 5 }, async () => statuses.push((await ask('app/busy', one)).status))
  await until(() => statuses.length === asking.length)
  t.strictSame(statuses, [200, 200, 200, 200, 200], 'nobody waits')
  t.equal(state.asked, 2, 'for one fetch')
  const unknown = ask('app/busy', two)
  state.body = jwksOf(one, two)
  release()
  t.equal((await unknown).status, 200, 'whoever needs a newer key waits for it')
  t.equal(state.asked, 2)
})

await t.test('nobody tried for twenty minutes: whoever comes first waits, and those who come beside it', async (t) => {
  serve(one)
  await addKeyed('app/idle')
  t.equal((await ask('app/idle', one)).status, 200)
  instance.advance(20 * MINUTE)
  const release = hold()
  t.teardown(release)
  const asking = Array.from({ length: 3 }, () => ask('app/idle', one))
  await until(() => state.asked === 2)
  state.body = jwksOf(two)
  release()
  for (const answer of await Promise.all(asking)) refused(t, instance, answer, because('app-key-unknown'))
  state.status = 500
  instance.advance(20 * MINUTE)
  t.equal((await ask('app/idle', two)).status, 200, 'the server fails: what it said last counts')
  const asked = state.asked
  for (let n = 0; n < 5; n++) t.equal((await ask('app/idle', two)).status, 200)
  t.equal(state.asked, asked, 'and it is not asked for each request')
})

await t.test('SS-08 a storm of unknown keys: one fetch a minute, shared by all who wait', async (t) => {
  serve(one)
  await addKeyed('app/storm')
  const release = hold()
  const first = Array.from({ length: 30 }, () => ask('app/storm', one))
  while (state.asked === 0) await new Promise((resolve) => setImmediate(resolve))
  release()
  t.strictSame([...new Set((await Promise.all(first)).map(({ status }) => status))], [200])
  t.equal(state.asked, 1, 'coalesced')
  const storm = await Promise.all(Array.from({ length: 50 }, (_, n) => ask('app/storm', one, { kid: `unknown-${n}` })))
  t.strictSame([...new Set(storm.map(({ status }) => status))], [401])
  t.equal(state.asked, 1, 'within the minute nobody asks')
  instance.advance(MINUTE)
  await Promise.all(Array.from({ length: 50 }, (_, n) => ask('app/storm', one, { kid: `unknown-${n}` })))
  t.equal(state.asked, 2)
  const another = await makeKey('ES256', 'one')
  instance.advance(MINUTE)
  await Promise.all(Array.from({ length: 20 }, () => ask('app/storm', another)))
  t.equal(state.asked, 3, 'a wrong signature under a known kid is no way around it')
  const asked = state.asked
  for (const alg of ['none', 'HS256', 'RS512']) {
    instance.advance(MINUTE)
    const assertion = `${Buffer.from(JSON.stringify({ alg })).toString('base64url')}.e30.AAAA`
    t.equal(
      (
        await requestToken(instance, {
          grant_type: 'client_credentials',
          client_id: 'app/storm',
          ...asserting(assertion),
        })
      ).status,
      401,
    )
  }
  t.equal(state.asked, asked, 'TE-17 what cannot count anyhow is not looked up')
})

await t.test('a server that fails: what it said last counts for a day, and it is asked once a minute', async (t) => {
  serve(one)
  await addKeyed('app/stale')
  t.equal((await ask('app/stale', one)).status, 200)
  for (const [status, body, headers] of [
    [500, '', {}],
    [302, '', { location: url }],
    [200, 'no JSON', {}],
    [200, '{"keys":[]}', {}],
    [200, 'x'.repeat(70_000), {}],
  ] as const) {
    instance.advance(11 * MINUTE)
    Object.assign(state, { asked: 0, status, body, headers })
    t.equal((await ask('app/stale', one)).status, 200, `${status} ${body.slice(0, 20)}`)
    t.equal((await ask('app/stale', one)).status, 200)
    t.equal(state.asked, 1)
  }
  instance.advance(24 * 60 * MINUTE)
  refused(
    t,
    instance,
    await ask('app/stale', one),
    because('app-keys-unreachable', /^the key set at JwksUri could not be fetched: /),
  )
  serve(one)
  refused(t, instance, await ask('app/stale', one), because('app-keys-unreachable'))
  instance.advance(MINUTE)
  t.equal((await ask('app/stale', one)).status, 200, 'and it is well again')
})

await t.test('a server that never answered, and an address that leads nowhere', async (t) => {
  Object.assign(state, { asked: 0, status: 404, body: '', headers: {} })
  await addKeyed('app/never')
  refused(t, instance, await ask('app/never', one), because('app-keys-unreachable', /status 404$/))
  refused(t, instance, await ask('app/never', one), because('app-keys-unreachable', /status 404$/))
  t.equal(state.asked, 1)
  await addKeyed('app/private', 'https://10.0.0.1/jwks')
  refused(t, instance, await ask('app/private', one), because('app-keys-unreachable', /not on the public internet/))
})

await t.test('JW-14 keys of other kinds in a fetched set are passed over', async (t) => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const encrypting = await makeKey('ES256', 'enc')
  const leaked = await makeKey('ES256', 'leaked')
  serve(
    { kty: 'oct', kid: 'oct', k: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
    { ...(small.publicKey.export({ format: 'jwk' }) as JWK), kid: 'small', alg: 'RS256' },
    { ...encrypting.jwk, use: 'enc' },
    { ...leaked.jwk, d: 'AAAA' },
    { kty: 'AKP', kid: 'new', alg: 'ML-DSA-44' },
    one,
  )
  await addKeyed('app/kinds')
  t.equal((await ask('app/kinds', one)).status, 200)
  for (const key of [encrypting, leaked]) refused(t, instance, await ask('app/kinds', key), because('app-key-unknown'))
})

await t.test('RSA exponents of up to 32 bits are taken', (t) => {
  const { n } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
  for (const hex of ['03', '010001', 'ffffffff'])
    t.strictSame(
      readKeySet(JSON.stringify({ keys: [{ kty: 'RSA', n, e: Buffer.from(hex, 'hex').toString('base64url') }] }))
        .faults,
      [],
      hex,
    )
  t.end()
})

await t.test('the record: keys that cannot work are refused, each with its reason', async (t) => {
  const api = await startAdminApi(instance)
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }) as JWK
  const large = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }) as JWK
  const withExponent = (hex: string): JWK => ({ ...large, e: Buffer.from(hex, 'hex').toString('base64url') })
  const shared = { kty: 'oct', k: 'AAAAAAAAAAAAAAAAAAAAAA' }
  const app = {
    ApplicationUri: 'app/record',
    ClientType: 'Confidential',
    SystemUserAllowed: true,
    SystemUser: 'svc.sync',
  }
  t.equal((await api.post('/apps', app)).status, 201)
  const path = `/apps/${encodeURIComponent('app/record')}`
  for (const [change, attribute, reason] of [
    [{ Jwks: 'x' }, 'Jwks', /^is not a JWK Set/],
    [{ Jwks: '{"keys":[],"keys":[]}' }, 'Jwks', /^is not a JWK Set/],
    [{ Jwks: '{"keys":[]}' }, 'Jwks', /^holds no key that verifies a signature/],
    [{ Jwks: jwksOf(shared) }, 'Jwks', /^key 1 is a shared secret/],
    [{ Jwks: jwksOf(one, { ...two.jwk, d: 'AAAA' }) }, 'Jwks', /^key 2 holds private members/],
    [{ Jwks: jwksOf(small) }, 'Jwks', /^key 1 is an RSA key of 1024 bits; 2048 to 8192 are allowed$/],
    [{ Jwks: jwksOf(withExponent('01')) }, 'Jwks', /^key 1 has an exponent that lets anybody sign$/],
    [{ Jwks: jwksOf(withExponent('010000')) }, 'Jwks', /^key 1 has an exponent that lets anybody sign$/],
    [{ Jwks: jwksOf(withExponent('0100000001')) }, 'Jwks', /^key 1 has an exponent of more than 32 bits; 65537/],
    [{ Jwks: jwksOf(withExponent('01'.repeat(255))) }, 'Jwks', /^key 1 has an exponent of more than 32 bits; 65537/],
    [{ Jwks: jwksOf({ ...one.jwk, x: 'AAAA' }) }, 'Jwks', /^key 1 is not a valid key/],
    [{ Jwks: jwksOf({ ...one.jwk, use: 'enc' }) }, 'Jwks', /^holds no key that verifies a signature/],
    [{ Jwks: JSON.stringify({ keys: Array.from({ length: 33 }, () => one.jwk) }) }, 'Jwks', /^has more than 32 keys$/],
    [{ JwksUri: 'jwks' }, 'JwksUri', /URL/],
    [{ JwksUri: 'http://app.example.com/jwks' }, 'JwksUri', /^must be an https URL(;|$)/],
    [
      { JwksUri: 'https://10.1.2.3/jwks' },
      'JwksUri',
      /not on the public internet; hosts of TESSERA_OUTBOUND_EXEMPT_HOSTS may/,
    ],
    [
      { JwksUri: 'https://169.254.169.254/jwks' },
      'JwksUri',
      /not on the public internet; hosts of TESSERA_OUTBOUND_EXEMPT_HOSTS may/,
    ],
    [
      { JwksUri: 'https://localhost/jwks' },
      'JwksUri',
      /not on the public internet; hosts of TESSERA_OUTBOUND_EXEMPT_HOSTS may/,
    ],
    [{ Jwks: jwksOf(one), JwksUri: 'https://app.example.com/jwks' }, 'JwksUri', /^cannot be combined with Jwks/],
    [
      { TokenEndpointAuthMethod: 'private_key_jwt' },
      'TokenEndpointAuthMethod',
      /^private_key_jwt requires the public keys/,
    ],
    [
      { TokenEndpointAuthMethod: 'client_secret_jwt', TokenEndpointAuthSigningAlg: 'RS256' },
      'TokenEndpointAuthSigningAlg',
      /^RS256 does not fit/,
    ],
    [
      { TokenEndpointAuthSigningAlg: 'RS256' },
      'TokenEndpointAuthSigningAlg',
      /^is only for client_secret_jwt and private_key_jwt$/,
    ],
    [
      { ClientType: 'Public', SystemUserAllowed: false, TokenEndpointAuthMethod: 'client_secret_post' },
      'TokenEndpointAuthMethod',
      /requires ClientType Confidential$/,
    ],
  ] as const) {
    const answer = await api.patch(path, change)
    t.equal(answer.status, 422, JSON.stringify(change).slice(0, 80))
    const faults = answer.json['errors'] as { attribute: string; reason: string }[]
    t.ok(
      faults.some((fault) => fault.attribute === attribute && reason.test(fault.reason)),
      JSON.stringify(faults),
    )
  }
  const sound = await api.patch(path, { JwksUri: url, TokenEndpointAuthMethod: 'private_key_jwt' })
  t.match(sound.json, { JwksUri: url, TokenEndpointAuthMethod: 'private_key_jwt' })
  t.equal(
    (await tessera(['app', 'update', 'app/record', '--set', 'Name=Same address'])).code,
    0,
    'what is settled is not checked again',
  )
  const elsewhere = await tessera(['app', 'update', 'app/record', '--set', 'JwksUri=https://127.0.0.2/jwks'])
  t.strictSame(
    [elsewhere.code, elsewhere.stderr.includes('JwksUri: leads to an address that is not on the public internet')],
    [2, true],
  )
  serve(one)
  t.equal((await ask('app/record', one)).status, 200)
  t.equal((await api.patch(path, { JwksUri: null, Jwks: jwksOf(two) })).status, 200)
  refused(t, instance, await ask('app/record', one), because('app-key-unknown'))
  t.equal((await ask('app/record', two)).status, 200, 'with the next request')
})

await t.test('an app that asserts itself can be explained', async (t) => {
  const { stdout, code } = await tessera([
    'explain',
    'token',
    '--grant',
    'client_credentials',
    '--client',
    'app/record',
    '--json',
  ])
  t.equal(code, 0)
  const { outcome, checks } = JSON.parse(stdout) as { outcome: string; checks: Record<string, unknown>[] }
  t.equal(outcome, 'accepted')
  t.strictSame(
    checks.map(({ name, passed }) => [name, passed]),
    [
      ['client_id', true],
      ['IsEnabled', true],
      ['ClientType', true],
      ['TokenEndpointAuthMethod', true],
      ['client authentication', true],
      ['grant_type', true],
      ['System User', true],
      ['scope', true],
      ['resource', true],
    ],
  )
  t.equal(checks[4]?.['detail'], 'assumed: the app sends a valid assertion')
  const withSecret = ['explain', 'token', '--grant', 'client_credentials', '--client', 'app/record', '--secret-stdin']
  const refusal = await tessera(withSecret, 'some-secret')
  t.match(refusal.stdout, 'authenticate the app with private_key_jwt')
  t.equal((await tessera(['explain', 'token', '--grant', 'client_credentials', '--client', SYNC])).code, 0)
})
