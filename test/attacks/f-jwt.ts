import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { createAdminApi } from '../fixtures/admin.ts'
import { attackGroup } from '../fixtures/attacks.ts'
import { createBrowser } from '../fixtures/browser.ts'
import { headerOf, ownKeys, part, publicSpellings, signHmac, signRs256 } from '../fixtures/forge.ts'
import { isTold } from '../fixtures/outcomes.ts'
import {
  basic,
  bearer,
  claimsOf,
  encode,
  obtainTokens,
  postForm,
  readTokens,
  requestToken,
} from '../fixtures/requests.ts'
import { authorizeUrl } from '../fixtures/sign-in.ts'
import { SYNC, WEB, WEB_REDIRECT } from '../fixtures/world.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Turns a genuine token into one that is not; both access and ID tokens are put through it. */
type Forge = (jwt: string) => string

await attackGroup(t, 'F. JWT: forged and misused', async ({ instance, david, attack }) => {
  const browser = createBrowser(instance.origin)
  const tokens = await obtainTokens(instance, {}, { browser })
  const [kid, own] = [...(await ownKeys(instance))][0] ?? []
  if (kid === undefined || own === undefined) throw new Error('no key')
  const strangers = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const strangersJwk = createPublicKey(strangers).export({ format: 'jwk' })
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

  const atUserinfo = async (t: Test, token: string): Promise<void> => {
    const { status, headers } = await fetch(`${instance.issuer}/connect/userinfo`, { headers: bearer(token) })
    t.ok(status === 401 || status === 400, `userinfo ${status}`)
    t.match(headers.get('www-authenticate'), /^Bearer .*error="invalid_(token|request)"/)
  }
  const atIntrospection = async (t: Test, token: string): Promise<void> => {
    const answer = await postForm(`${instance.issuer}/connect/introspect`, { token }, basic(WEB))
    t.strictSame(await answer.json(), { active: false })
  }
  const atAdminApi = async (t: Test, token: string): Promise<void> => {
    const { status } = await createAdminApi(instance, token).get('/apps')
    t.ok(status === 401 || status === 400, `admin API ${status}`)
  }
  const asHint = async (t: Test, id_token_hint: string): Promise<void> => {
    const asked = { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none', id_token_hint }
    const view = await createBrowser(instance.origin).open(authorizeUrl(instance, asked))
    isTold(t, instance, view, 'invalid_request', { redirectUri: WEB_REDIRECT })
  }
  const asAssertion = async (t: Test, client_assertion: string): Promise<void> => {
    const type = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }
    const fields = { grant_type: 'client_credentials', client_id: SYNC, ...type, client_assertion }
    const answer = await requestToken(instance, fields)
    t.ok(answer.status === 401 || answer.status === 400, `client_assertion ${answer.status}`)
    t.notMatch(await answer.json(), { access_token: String })
  }
  /** At every place that takes a JWT, made of the kind of token that the place takes. */
  async function isRefusedEverywhere(t: Test, forge: Forge): Promise<void> {
    for (const at of [atUserinfo, atIntrospection, atAdminApi]) await at(t, forge(tokens.access_token))
    await asHint(t, forge(tokens.id_token))
    await asAssertion(t, forge(tokens.id_token))
  }
  const everywhere = (id: string, name: string, forge: Forge) => attack(id, name, (t) => isRefusedEverywhere(t, forge))
  const [payloadOf, signatureOf] = [1, 2].map((at) => (jwt: string) => jwt.split('.')[at] ?? '') as [Forge, Forge]
  /** Signed by the server's own key, so that only what is inside is wrong. */
  const resigned =
    (header: Readonly<Record<string, unknown>>, claims: Readonly<Record<string, unknown>> = {}): Forge =>
    (jwt) =>
      signRs256(own, { ...headerOf(jwt), ...header }, { ...claimsOf(jwt), ...claims })
  /** The same with the text of the payload changed. */
  const respelled =
    (spell: (text: string) => string): Forge =>
    (jwt) =>
      signRs256(own, headerOf(jwt), spell(JSON.stringify(claimsOf(jwt))))

  await attack(
    'JW-00',
    'what is not tampered with is accepted, and so is what the test signs itself',
    async (t) => {
      for (const token of [tokens.access_token, resigned({})(tokens.access_token)])
        t.equal((await fetch(`${instance.issuer}/connect/userinfo`, { headers: bearer(token) })).status, 200)
    },
    { unrefused: true },
  )

  for (const alg of ['none', 'None', 'nOnE', 'NONE', '', undefined, null, 'RS256 ', 'RS1', ['RS256']])
    for (const [name, signature] of [
      ['no signature', () => ''],
      ['the old signature', signatureOf],
    ] as const)
      await everywhere('JW-01', `alg ${JSON.stringify(alg) ?? 'missing'} with ${name}`, (jwt) =>
        [part({ ...headerOf(jwt), alg }), payloadOf(jwt), signature(jwt)].join('.'),
      )

  for (const [alg, hash] of [
    ['HS256', 'sha256'],
    ['HS384', 'sha384'],
    ['HS512', 'sha512'],
  ] as const)
    for (const [name, key] of Object.entries(publicSpellings(own)))
      await everywhere('JW-02', `${alg} with our public key as secret: ${name}`, (jwt) =>
        signHmac(hash, key, { ...headerOf(jwt), alg }, claimsOf(jwt)),
      )

  for (const [name, header] of Object.entries({
    jku: { jku: 'https://evil.test/jwks' },
    x5u: { x5u: 'https://evil.test/chain.pem' },
    jwk: { jwk: strangersJwk },
    x5c: { x5c: [createPublicKey(strangers).export({ format: 'der', type: 'spki' }).toString('base64')] },
  }))
    for (const [whose, id] of [
      ['our', kid],
      ['their', 'theirs'],
      ['no', undefined],
    ] as const)
      await everywhere('JW-04', `${name} of a stranger, under ${whose} kid`, (jwt) =>
        signRs256(strangers, { ...headerOf(jwt), ...header, kid: id }, claimsOf(jwt)),
      )

  for (const [name, header] of Object.entries({
    unknown: { crit: ['x'], x: 1 },
    'b64 false': { crit: ['b64'], b64: false },
    empty: { crit: [] },
    'no list': { crit: 'exp' },
    'a name of the standard': { crit: ['alg'] },
  }))
    await everywhere('JW-05', `crit ${name}, signed by us`, resigned(header))

  const later = Math.floor(instance.now() / 1000) + 3000
  for (const [name, claims] of Object.entries({
    'exp a string': { exp: `${later}` },
    'exp a fraction': { exp: later + 0.5 },
    'exp negative': { exp: -1 },
    'exp missing': { exp: undefined },
    'exp null': { exp: null },
    'exp a list': { exp: [later] },
    'exp too large': { exp: 1e300 },
    'nbf a string': { nbf: '0' },
    'nbf a fraction': { nbf: 0.5 },
    'iat a string': { iat: '0' },
    'iat missing': { iat: undefined },
    'iss of another': { iss: `${instance.issuer}/` },
    'iss missing': { iss: undefined },
    'sub missing': { sub: undefined },
    'aud missing': { aud: undefined },
  }))
    await everywhere('JW-06', `${name}, signed by us`, resigned({}, claims))
  await everywhere(
    'JW-06',
    'exp 1e400, signed by us',
    respelled((text) => text.replace(/"exp":\d+/, '"exp":1e400')),
  )

  await attack('JW-06', 'nbf an hour ahead, signed by us', async (t) => {
    for (const at of [atUserinfo, atIntrospection, atAdminApi])
      await at(t, resigned({}, { nbf: later + 600 })(tokens.access_token))
  })

  const introspection = await fetch(`${instance.issuer}/connect/introspect`, {
    method: 'POST',
    headers: { ...basic(WEB), accept: 'application/token-introspection+jwt' },
    body: encode({ token: tokens.access_token }),
  })
  const signedAnswer = await introspection.text()
  for (const [name, token] of [
    ['ID token', tokens.id_token],
    ['introspection answer', signedAnswer],
    ['typ missing', resigned({ typ: undefined })(tokens.access_token)],
    ['typ of a logout token', resigned({ typ: 'logout+jwt' })(tokens.access_token)],
  ] as const)
    await attack('JW-08', `${name} as an access token`, async (t) => {
      for (const at of [atUserinfo, atIntrospection, atAdminApi]) await at(t, token)
    })
  for (const [name, token] of [
    ['access token', tokens.access_token],
    ['introspection answer', signedAnswer],
    ['typ missing', resigned({ typ: undefined })(tokens.id_token)],
    ['typ of a logout token', resigned({ typ: 'logout+jwt' })(tokens.id_token)],
  ] as const)
    await attack('JW-08', `${name} as id_token_hint and as client_assertion`, async (t) => {
      await asHint(t, token)
      await asAssertion(t, token)
    })
  await t.test(
    'JW-08: a logout token at each place',
    { todo: 'logout tokens come with back-channel logout' },
    () => undefined,
  )

  await everywhere('JW-09', 'a key of another deployment, under our kid', (jwt) =>
    signRs256(strangers, headerOf(jwt), claimsOf(jwt)),
  )
  await everywhere('JW-14', 'a key on a curve, under a header that says RS256', (jwt) =>
    signRs256(curve, headerOf(jwt), claimsOf(jwt)),
  )
  await t.test(
    'JW-14: RSA 1024, oct and use enc in the keys of an app',
    { todo: 'apps have no keys yet: jwks comes with private_key_jwt' },
    () => undefined,
  )

  for (const [name, forge] of Object.entries({
    padded: (jwt) => `${jwt}=`,
    'padded payload': (jwt) => jwt.replace(/\.(.*)\./, '.$1=.'),
    'the alphabet of base64': (jwt) => `${jwt.replaceAll('-', '+').replaceAll('_', '/')}+/`,
    'trailing bits': (jwt) => jwt.slice(0, -1) + String.fromCharCode(jwt.charCodeAt(jwt.length - 1) + 1),
    'a space at the end': (jwt) => `${jwt} x`,
    'a fourth part': (jwt) => `${jwt}.`,
    'two parts': (jwt) => jwt.split('.').slice(0, 2).join('.'),
    'a claim twice': respelled((text) => text.replace('{', `{"sub":"${david.id}",`)),
    'a BOM': respelled((text) => `\ufeff${text}`),
    'a space in the JSON': respelled((text) => text.replace('{', '{ ')),
    'an escape in the JSON': respelled((text) => text.replace('"sub"', '"s\\u0075b"')),
    'no object': respelled(() => '[]'),
    'no JSON': respelled(() => 'x'),
    'alg twice': (jwt) =>
      signRs256(own, JSON.stringify(headerOf(jwt)).replace('{', '{"alg":"none",'), JSON.stringify(claimsOf(jwt))),
  } satisfies Record<string, Forge>))
    await everywhere('JW-12', name, forge)

  for (const [name, token] of [
    ['15,000 dots', '.'.repeat(15_000)],
    ['a header of 15,000 characters', `${'e'.repeat(15_000)}.e30.x`],
  ] as const)
    await attack('JW-11', name, async (t) => {
      const started = performance.now()
      await atUserinfo(t, token)
      await atIntrospection(t, token)
      t.ok(performance.now() - started < 1000)
    })
  for (const [name, token] of [
    ['1,000,000 dots', '.'.repeat(1_000_000)],
    ['a header of 8 MiB', `${'e'.repeat(8 * 2 ** 20)}.e30.x`],
  ] as const)
    await attack('JW-11', `${name}: too large to be read`, async (t) => {
      const answer = await postForm(`${instance.issuer}/connect/introspect`, { token }, basic(WEB)).catch(
        () => undefined,
      )
      t.ok(answer === undefined || answer.status === 413, 'refused or cut off before it was all sent')
    })

  await attack(
    'JW-09',
    'a key that is published for later, and one that was retired beyond the grace',
    async (t) => {
      const order = { algorithm: 'RS256', publishFor: HOUR, anew: true } as const
      const next = (await instance.core.keys.rotate(order, async () => undefined)).key.kid
      const keys = await ownKeys(instance)
      const signedBy =
        (kid: string): Forge =>
        (jwt) => {
          const key = keys.get(kid)
          if (key === undefined) throw new Error('no key')
          const exp = Math.floor(instance.now() / 1000) + 3000
          return signRs256(key, { ...headerOf(jwt), kid }, { ...claimsOf(jwt), exp })
        }
      const statusOf = async (forge: Forge): Promise<number> => {
        const headers = bearer(forge(tokens.access_token))
        return (await fetch(`${instance.issuer}/connect/userinfo`, { headers })).status
      }
      t.strictSame([await statusOf(signedBy(next)), await statusOf(signedBy(kid))], [401, 200], 'published for later')
      instance.advance(HOUR)
      t.strictSame([await statusOf(signedBy(next)), await statusOf(signedBy(kid))], [200, 200], 'its hour has come')
      instance.advance(2 * DAY)
      await isRefusedEverywhere(t, signedBy(kid))
      t.not(await readTokens(await requestToken(instance, { grant_type: 'client_credentials' }, basic(SYNC))), '')
    },
    { changes: true },
  )
})
