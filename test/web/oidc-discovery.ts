// SQLite alone: is about headers, hosts and addresses, which no database sees
import t, { type Test } from 'tap'
import { obtainTokens } from '../fixtures/clients/code-flow.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { startInstance } from '../fixtures/instance/instance.ts'
import { startWorld } from '../fixtures/instance/world.ts'

type Json = Record<string, unknown>
const { instance } = await startWorld(t, { TESSERA_IMPLICIT: 'true' })
const get = async (url: string): Promise<Response> => fetch(url)
const documentAt = async (issuer: string): Promise<Json> =>
  (await (await get(`${issuer}/.well-known/openid-configuration`)).json()) as Json
const metadata = await documentAt(instance.issuer)
const listed = (name: string): string[] => (metadata[name] ?? []) as string[]
const jwksAt = async (): Promise<Json[]> =>
  ((await (await get(String(metadata['jwks_uri']))).json()) as { keys: Json[] }).keys

await t.test('Discovery §4.2, §4.3, §7.2, A1: the issuer is where the document comes from', async (t) => {
  const response = await get(`${instance.issuer}/.well-known/openid-configuration`)
  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^application\/json(;|$)/)
  t.equal(metadata['issuer'], instance.issuer)
  const { search, hash, username, password } = new URL(instance.issuer)
  t.strictSame([search, hash, username, password], ['', '', '', ''])
})

/** An address of this server, as a configured public URL makes it. */
const isOurs = (t: Test, document: Json, issuer: string): void => {
  const names = Object.keys(document).filter((name) => /_endpoint$|^jwks_uri$|_iframe$/.test(name))
  for (const name of names) t.ok(String(document[name]).startsWith(`${issuer}/`), `${name}: ${document[name]}`)
  for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri'])
    t.ok(names.includes(name), name)
}

await t.test('Discovery §3, A2: every endpoint is an absolute URL below an https issuer', async (t) => {
  const issuer = 'https://id.example.com/id'
  const settings = { TESSERA_ISSUER: issuer }
  const behindProxy = await startInstance({ settings })
  t.teardown(() => behindProxy.close())
  const response = await fetch(`${behindProxy.origin}/id/.well-known/openid-configuration`)
  const document = (await response.json()) as Json
  t.equal(document['issuer'], issuer)
  isOurs(t, document, issuer)
  isOurs(t, metadata, instance.issuer)
})

await t.test('Discovery §3, A3, A4: lists hold at least what has to be there', (t) => {
  for (const [name, least] of Object.entries({
    response_types_supported: ['code', 'id_token', 'id_token token'],
    id_token_signing_alg_values_supported: ['RS256'],
    grant_types_supported: ['authorization_code', 'implicit', 'refresh_token'],
    scopes_supported: ['openid', 'profile', 'email', 'phone', 'address', 'offline_access'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    claims_supported: ['sub', 'name', 'email_verified', 'phone_number_verified', 'address', 'updated_at', 'birthdate'],
    acr_values_supported: ['urn:tessera:pwd'],
  }))
    t.strictSame(
      least.filter((value) => !listed(name).includes(value)),
      [],
      name,
    )
  t.ok(listed('subject_types_supported').some((type) => type === 'public' || type === 'pairwise'))
  const requestAlgorithms = metadata['request_object_signing_alg_values_supported']
  if (requestAlgorithms !== undefined) t.ok(listed('request_object_signing_alg_values_supported').includes('RS256'))
  t.end()
})

/** Names that a registry or a specification has for metadata. */
const KNOWN =
  /_endpoint$|_supported$|_endpoint_auth_methods_supported$|^(issuer|jwks_uri|check_session_iframe|service_documentation|op_policy_uri|op_tos_uri|require_[a-z_]+|mtls_endpoint_aliases)$/

await t.test('Discovery §3, A5: every member has its type, and none is empty or unknown', (t) => {
  for (const [name, value] of Object.entries(metadata)) {
    t.match(name, KNOWN)
    if (/_(parameter|session)_supported$|^(backchannel|frontchannel)_logout_supported$|^require_/.test(name))
      t.type(value, 'boolean', name)
    else if (name.endsWith('_supported')) {
      t.ok(Array.isArray(value) && value.length > 0, `${name} is a list`)
      t.ok(
        listed(name).every((one) => typeof one === 'string' && one !== ''),
        name,
      )
      t.equal(new Set(listed(name)).size, listed(name).length, `${name} says nothing twice`)
    } else t.ok(URL.canParse(String(value)), name)
  }
  t.end()
})

await t.test('RFC 8414 §2, RFC 5646 §2.1.1, A6: languages are tags in their usual case', (t) => {
  for (const name of ['ui_locales_supported', 'claims_locales_supported'])
    t.strictSame(Intl.getCanonicalLocales(listed(name)), listed(name), name)
  t.ok(listed('ui_locales_supported').length > 0)
  t.end()
})

/** The public members of each kind of key, base64url without padding. @see RFC 7518 §6, RFC 8037 §2 */
const PUBLIC: Readonly<Record<string, readonly string[]>> = { RSA: ['n', 'e'], EC: ['x', 'y'], OKP: ['x'] }

await t.test('RFC 7517 §4, Core §10.1, A7, A8: keys are public, named once, and fit what they sign', async (t) => {
  const keys = await jwksAt()
  t.equal(keys.length, 1)
  for (const key of keys) {
    const members = PUBLIC[String(key['kty'])] ?? []
    t.ok(members.length > 0, `a kind of key every library can use: ${key['kty']}`)
    for (const name of members) t.match(key[name], /^[A-Za-z0-9_-]+$/, name)
    t.match(key['kid'], /\S/)
    t.equal(key['use'], 'sig')
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) t.notOk(secret in key, secret)
  }
  t.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length, 'no kid twice')
  const { id_token } = await obtainTokens(instance)
  const header = JSON.parse(Buffer.from(id_token.split('.')[0] ?? '', 'base64url').toString()) as Json
  const [key] = keys.filter(({ kid }) => kid === header['kid'])
  t.equal(key?.['alg'], header['alg'], 'A8, F45')
  t.equal(claimsOf(id_token)['iss'], metadata['issuer'])
})
