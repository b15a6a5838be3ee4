// SQLite alone: is about signatures and claims, which are judged before a database is asked
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { publicSpellings, signHmac, signRs256 } from '../../fixtures/attacks/forge.ts'
import { type Forge, prepareForgery } from '../../fixtures/attacks/jwt-places.ts'
import { userinfo } from '../../fixtures/clients/endpoints.ts'
import { claimsOf, headerOf, part } from '../../fixtures/clients/jwt.ts'

/** A JSON text that libraries read as different ones: some replace the byte, others refuse it. */
const brokenUtf8 = (claims: object): Buffer => Buffer.from(JSON.stringify(claims).replace(/x"}$/, '\xff"}'), 'latin1')

await attackGroup(t, 'F. JWT: forged', async ({ instance, david, attack }) => {
  const { tokens, kid, own, atUserinfo, atIntrospection, atAdminApi, isRefusedEverywhere, resigned, respelled } =
    await prepareForgery(instance)
  const strangers = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const strangersJwk = createPublicKey(strangers).export({ format: 'jwk' })
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

  const everywhere = (id: string, name: string, forge: Forge) => attack(id, name, (t) => isRefusedEverywhere(t, forge))
  const [payloadOf, signatureOf] = [1, 2].map((at) => (jwt: string) => jwt.split('.')[at] ?? '') as [Forge, Forge]
  await attack(
    'JW-00',
    'what is not tampered with is accepted, and so is what the test signs itself',
    async (t) => {
      for (const token of [tokens.access_token, resigned({})(tokens.access_token)])
        t.equal((await userinfo(instance, token)).status, 200)
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

  await everywhere('JW-09', 'a key of another deployment, under our kid', (jwt) =>
    signRs256(strangers, headerOf(jwt), claimsOf(jwt)),
  )
  await everywhere('JW-14', 'a key on a curve, under a header that says RS256', (jwt) =>
    signRs256(curve, headerOf(jwt), claimsOf(jwt)),
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
    'broken UTF-8': (jwt) => signRs256(own, headerOf(jwt), brokenUtf8({ ...claimsOf(jwt), extra: 'x' })),
    'no object': respelled(() => '[]'),
    'no JSON': respelled(() => 'x'),
    'alg twice': (jwt) =>
      signRs256(own, JSON.stringify(headerOf(jwt)).replace('{', '{"alg":"none",'), JSON.stringify(claimsOf(jwt))),
  } satisfies Record<string, Forge>))
    await everywhere('JW-12', name, forge)
})
