// SQLite alone: rfc-7523-client-assertions.ts asks both databases for the same
import { KeyObject, type webcrypto } from 'node:crypto'
import t from 'tap'
import { AUTH_METHODS } from '../../../src/domain/apps/app-choices.ts'
import { newId } from '../../../src/lib/crypto/secrets.ts'
import { isRefused } from '../../fixtures/answers/outcomes.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { publicSpellings, signHmac } from '../../fixtures/attacks/forge.ts'
import { documentOf, tesseraOn } from '../../fixtures/cli/cli.ts'
import {
  asserting,
  assertionClaims,
  jwksOf,
  macKey,
  makeKey,
  signAs,
  type TestKey,
} from '../../fixtures/clients/app-keys.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic, type Fields, type HeaderFields } from '../../fixtures/clients/http.ts'
import { rawJwt } from '../../fixtures/clients/jwt.ts'
import { SECRET, startInstance } from '../../fixtures/instance/instance.ts'
import { SPA, SYNC, startWorld } from '../../fixtures/instance/world.ts'

const SERVICE = { grant_type: 'client_credentials' } as const
const KEYED = 'my.trusted.app/keyed'
const STRICT = 'my.trusted.app/strict'

/** How an app may be registered, and what it may send then. */
const FITTING: Readonly<Record<string, readonly string[]>> = {
  client_secret: ['a secret by header', 'a secret in the body'],
  client_secret_basic: ['a secret by header'],
  client_secret_post: ['a secret in the body'],
  client_secret_jwt: ['an assertion made with the secret'],
  private_key_jwt: ['an assertion made with a key'],
}

/** The answers where one of many at once is accepted. */
const once = (times: number): number[] => [200, ...Array.from({ length: times - 1 }, () => 401)]

await attackGroup(t, 'D. Token endpoint: assertions of apps', async ({ instance, service, attack }, t) => {
  // The command line, which makes the secrets here, goes by the clock of the machine.
  instance.advance(Math.max(0, Date.now() - instance.now()))
  const tessera = tesseraOn(instance)
  const key = await makeKey('RS256')
  const strangers = await makeKey('RS256', key.kid)
  const onItsOwn = { systemUserAllowed: true, systemUser: service.id, scope: ['read'], jwks: jwksOf(key) }
  const keyed = { ...onItsOwn, tokenEndpointAuthMethod: 'private_key_jwt' } as const
  await instance.addApp({ applicationUri: KEYED, ...keyed })
  await instance.addApp({ applicationUri: STRICT, ...keyed, clientAssertionAudience: 'issuer' })
  const now = Math.floor(instance.now() / 1000)
  const tokenUrl = `${instance.issuer}/connect/token`

  const send = (assertion: string): Promise<Answer> => requestToken(instance, { ...SERVICE, ...asserting(assertion) })
  const claims = (more: Readonly<Record<string, unknown>> = {}, app = KEYED) => assertionClaims(instance, app, more)

  t.strictSame(Object.keys(FITTING).sort(), [...AUTH_METHODS].sort(), 'every method is here')
  for (const registered of AUTH_METHODS) {
    const app = `my.trusted.app/${registered}`
    await instance.addApp({ applicationUri: app, ...onItsOwn })
    const set = ['app', 'update', app, '--set', `TokenEndpointAuthMethod=${registered}`]
    t.equal((await tessera(set)).code, 0)
    const made = await documentOf(tessera(['app', 'rotate-secret', app, '--json']))
    const secret = String(made['client_secret'])
    const sent: Readonly<Record<string, () => Promise<readonly [Fields, HeaderFields]>>> = {
      'a secret by header': async () => [SERVICE, basic(app, secret)],
      'a secret in the body': async () => [{ ...SERVICE, client_id: app, client_secret: secret }, {}],
      'an assertion made with the secret': async () => [
        { ...SERVICE, ...asserting(await signAs(macKey(secret), claims({}, app))) },
        {},
      ],
      'an assertion made with a key': async () => [
        { ...SERVICE, ...asserting(await signAs(key, claims({}, app))) },
        {},
      ],
      'its name alone': async () => [{ ...SERVICE, client_id: app }, {}],
    }
    for (const [what, make] of Object.entries(sent)) {
      const fits = FITTING[registered]?.includes(what)
      await attack(
        'TE-13',
        `registered as ${registered}, ${what} is ${fits ? 'accepted' : 'refused'}`,
        async (t) => {
          const answer = await requestToken(instance, ...(await make()))
          if (fits) t.equal(answer.status, 200)
          else isRefused(t, answer, 'invalid_client', 401)
        },
        fits ? { changes: true, unrefused: true } : {},
      )
    }
  }
  await attack('TE-13', 'an assertion of a Public app', async (t) =>
    isRefused(t, await send(await signAs(key, claims({}, SPA))), 'invalid_client', 401),
  )

  const spellings = (one: TestKey) => publicSpellings(KeyObject.from(one.privateKey as webcrypto.CryptoKey))
  const header = { alg: 'HS256', kid: key.kid }
  const x5c = [Buffer.from(spellings(strangers)['DER'] ?? '').toString('base64')]
  const forged: Readonly<Record<string, () => string | Promise<string>>> = {
    'alg none': () => rawJwt({ alg: 'none' }, claims()),
    ...Object.fromEntries(
      Object.entries(spellings(key)).map(([name, spelling]) => [
        `HS256 with the public key as secret: ${name}`,
        () => signHmac('sha256', spelling, header, claims()),
      ]),
    ),
    'HS256 with the secret of an app that sends it': () => signAs(macKey(SECRET), claims({}, SYNC)),
    'no exp': () => signAs(key, claims({ exp: undefined })),
    'exp passed': () => signAs(key, claims({ exp: now - 11 })),
    'exp more than 5 minutes ahead': () => signAs(key, claims({ exp: now + 371 })),
    'iat more than a minute ahead': () => signAs(key, claims({ iat: now + 61 })),
    'nbf more than a minute ahead': () => signAs(key, claims({ nbf: now + 61 })),
    'iss of another app': () => signAs(key, claims({ iss: STRICT })),
    'sub of another app': () => signAs(key, claims({ sub: STRICT })),
    'sub of no app': () => signAs(key, claims({ sub: 'nobody', iss: 'nobody' })),
    'crit unknown': () => rawJwt({ alg: 'RS256', kid: key.kid, crit: ['x'], x: 1 }, claims(), 'AAAA'),
    'jwk of a stranger': () => signAs(strangers, claims(), { jwk: strangers.jwk }),
    'jku of a stranger': () => signAs(strangers, claims(), { jku: 'https://evil.test/jwks' }),
    'x5u of a stranger': () => signAs(strangers, claims(), { x5u: 'https://evil.test/chain.pem' }),
    'x5c of a stranger': () => signAs(strangers, claims(), { x5c }),
    'jwk of a stranger without kid': () => signAs(strangers, claims(), { kid: undefined, jwk: strangers.jwk }),
    'aud of another server': () => signAs(key, claims({ aud: 'https://evil.test/id' })),
    'no aud': () => signAs(key, claims({ aud: undefined })),
    'aud an array with another server in it': () =>
      signAs(key, claims({ aud: [instance.issuer, 'https://evil.test/id'] })),
    'aud an array, of an app that names the issuer alone': () =>
      signAs(key, claims({ aud: [instance.issuer] }, STRICT)),
  }
  for (const [name, make] of Object.entries(forged))
    await attack('TE-17', name, async (t) => isRefused(t, await send(await make()), 'invalid_client', 401))
  await attack('TE-17', '64 KiB', async (t) => isRefused(t, await send('x'.repeat(64 * 1024)), 'invalid_request', 413))
  await attack(
    'TE-17',
    'aud an array is accepted where each member is this server: RFC 7523 allows it, and nobody else can use it',
    async (t) => {
      for (const aud of [[instance.issuer], [instance.issuer, tokenUrl]])
        t.equal((await send(await signAs(key, claims({ aud })))).status, 200)
    },
    { changes: true, unrefused: true },
  )

  await attack(
    'TE-18',
    'twice, one after the other',
    async (t) => {
      const jti = newId()
      t.equal((await send(await signAs(key, claims({ jti })))).status, 200)
      for (const exp of [now + 60, now + 120])
        isRefused(t, await send(await signAs(key, claims({ jti, exp }))), 'invalid_client', 401)
    },
    { changes: true },
  )
  await attack(
    'TE-18',
    '20 at once',
    async (t) => {
      const one = await signAs(key, claims())
      const answers = await Promise.all(Array.from({ length: 20 }, () => send(one)))
      t.strictSame(answers.map(({ status }) => status).sort(), once(20))
    },
    { changes: true, slow: true },
  )
})

await t.test('TE-18: across two nodes, one after the other and 20 at once', async (t) => {
  const { instance, service } = await startWorld(t)
  const key = await makeKey('ES256')
  await instance.addApp({
    applicationUri: KEYED,
    systemUserAllowed: true,
    systemUser: service.id,
    scope: ['read'],
    jwks: jwksOf(key),
    tokenEndpointAuthMethod: 'private_key_jwt',
  })
  const second = await startInstance({
    settings: {
      TESSERA_ISSUER: instance.issuer,
      TESSERA_DATA_DIR: instance.folder,
      TESSERA_DATABASE_URL: instance.databaseUrl,
    },
  })
  t.teardown(() => second.server.close().then(second.core.close))
  second.advance(instance.now() - second.now())
  const nodes = [instance, { ...second, issuer: `${second.origin}/id` }] as const
  const claims = () => assertionClaims(instance, KEYED)
  const send = async (assertion: string, node: 0 | 1) =>
    requestToken(nodes[node], { ...SERVICE, ...asserting(assertion) })
  for (const node of [0, 1] as const) {
    const one = await signAs(key, claims())
    t.equal((await send(one, node)).status, 200)
    isRefused(t, await send(one, node === 0 ? 1 : 0), 'invalid_client', 401)
  }
  const one = await signAs(key, claims())
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => send(one, n % 2 === 0 ? 0 : 1)))
  t.strictSame(answers.map(({ status }) => status).sort(), once(20))
})
