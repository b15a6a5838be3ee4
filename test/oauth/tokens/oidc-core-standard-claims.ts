// SQLite alone: is about signatures and claims, which are judged before a database is asked
import t from 'tap'
import { ALL_RESPONSE_TYPES } from '../../../src/domain/apps/app-choices.ts'
import type { UserProfile } from '../../../src/domain/users/user.ts'
import { userFaults } from '../../../src/domain/users/user-attributes.ts'
import { answerOf, authorize, obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { bearer, postForm, send } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { WHOLE_CLAIMS, WHOLE_PROFILE } from '../../fixtures/sign-in/person.ts'

const { instance, david, anna } = await startWorld(t, { TESSERA_IMPLICIT: 'true' })
await instance.core.store.write(({ users }) => users.update({ ...david, profile: WHOLE_PROFILE }, instance.now()))
const APP = 'my.trusted.app/standard-claims'
const REDIRECT = 'https://claims.example.com/cb'
await instance.addApp({
  applicationUri: APP,
  impersonateAsInternalUserAllowed: true,
  impersonateLoginUrl: [REDIRECT],
  responseTypes: ALL_RESPONSE_TYPES,
})

type Claims = Record<string, unknown>
const SCOPES: Readonly<Record<string, Claims>> = {
  profile: {
    name: 'David Miller',
    preferred_username: 'david',
    locale: 'en-GB',
    updated_at: instance.now() / 1000,
    ...WHOLE_CLAIMS.profile,
  },
  email: { email: 'david@example.com', email_verified: true },
  phone: WHOLE_CLAIMS.phone,
  address: WHOLE_CLAIMS.address,
}
const EVERYTHING: Claims = Object.assign({}, ...Object.values(SCOPES))
const ALL_SCOPES = `openid ${Object.keys(SCOPES).join(' ')}`
const sorted = (claims: object): string[] => Object.keys(claims).sort()

const userinfo = async (token: unknown): Promise<Claims> =>
  (await (await fetch(`${instance.issuer}/connect/userinfo`, { headers: bearer(String(token)) })).json()) as Claims
const answer = async (response_type: string, more: Readonly<Record<string, string>>): Promise<Claims> =>
  Object.fromEntries(
    answerOf(await authorize(instance, { client_id: APP, redirect_uri: REDIRECT, response_type, nonce: 'n', ...more })),
  )
const ID_TOKEN = ['acr', 'amr', 'aud', 'auth_time', 'exp', 'iat', 'idp', 'iss', 'nonce', 'sid', 'sub']
const aboutPerson = (idToken: unknown): Claims =>
  Object.fromEntries(Object.entries(claimsOf(String(idToken))).filter(([name]) => !/^([ac]t?_hash)$/.test(name)))

await t.test('§5.4, G54, G56: a scope gives all of its claims and none of another', async (t) => {
  for (const [scope, claims] of Object.entries(SCOPES)) {
    const tokens = await obtainTokens(instance, { scope: `openid ${scope}`, nonce: 'n' })
    t.strictSame(await userinfo(tokens.access_token), { sub: david.id, ...claims }, scope)
    t.strictSame(sorted(aboutPerson(tokens.id_token)), ID_TOKEN, '§5.4, F49: the ID token tells none of it')
  }
  const tokens = await obtainTokens(instance, { scope: ALL_SCOPES })
  t.strictSame(await userinfo(tokens.access_token), { sub: david.id, ...EVERYTHING }, 'all scopes together')
})

await t.test('§5.3.1, G51, G52: GET, POST with an empty form, and a token in the form tell the same', async (t) => {
  const { access_token } = await obtainTokens(instance, { scope: ALL_SCOPES })
  const url = `${instance.issuer}/connect/userinfo`
  for (const response of [
    await send(url, { headers: bearer(access_token) }),
    await postForm(url, {}, bearer(access_token)),
    await postForm(url, { access_token }),
  ]) {
    t.equal(response.status, 200)
    t.match(response.headers.get('content-type'), /^application\/json(;|$)/)
    t.strictSame(response.json, { sub: david.id, ...EVERYTHING })
  }
})

await t.test('§5.1, G55: every claim has its type', async (t) => {
  const claims = await userinfo((await obtainTokens(instance, { scope: ALL_SCOPES })).access_token)
  const { email_verified, phone_number_verified, updated_at, address, ...texts } = claims
  t.strictSame([email_verified, phone_number_verified], [true, true])
  t.ok(Number.isInteger(updated_at) && Number(updated_at) * 1000 <= instance.now(), 'whole seconds, until now')
  for (const [name, value] of [...Object.entries(texts), ...Object.entries(address as Claims)])
    t.ok(typeof value === 'string' && value !== '' && value !== 'null', name)
})

await t.test(
  '§5.3.2, §5.1.1, G55: what is unknown is left out, never null, nor is an empty address told',
  async (t) => {
    const known = async (profile: UserProfile) => {
      await instance.core.store.write(({ users }) => users.update({ ...anna, profile }, instance.now()))
      const { access_token } = await obtainTokens(instance, { scope: ALL_SCOPES }, { login: 'anna' })
      const { sub, name, preferred_username, updated_at, ...rest } = await userinfo(access_token)
      return rest
    }
    t.strictSame(await known({}), {})
    t.strictSame(await known({ locality: 'Sofia', postalCode: '1000' }), {
      address: { locality: 'Sofia', postal_code: '1000' },
    })
    t.strictSame(await known({ phoneNumber: '+359 2 555' }), {
      phone_number: '+359 2 555',
      phone_number_verified: false,
    })
  },
)

await t.test('§5.5, G57: each claim may be asked for by name, in either place, and comes in that alone', async (t) => {
  for (const [name, value] of Object.entries(EVERYTHING)) {
    const asked = (place: string) => ({ scope: 'openid', claims: JSON.stringify({ [place]: { [name]: null } }) })
    const one = await obtainTokens(instance, { nonce: 'n', ...asked('userinfo') })
    t.strictSame(await userinfo(one.access_token), { sub: david.id, [name]: value }, `userinfo: ${name}`)
    t.strictSame(sorted(aboutPerson(one.id_token)), ID_TOKEN)
    const other = await obtainTokens(instance, { nonce: 'n', ...asked('id_token') })
    t.strictSame(claimsOf(other.id_token)[name], value, `ID token: ${name}`)
    t.strictSame(await userinfo(other.access_token), { sub: david.id })
  }
  const { id_token } = await answer('id_token', {
    scope: 'openid',
    claims: '{"id_token":{"name":{"essential":true},"shoe_size":null},"elsewhere":1,"_":"x"}',
  })
  t.strictSame(sorted(aboutPerson(id_token)), [...ID_TOKEN, 'name'].sort(), 'G57: unknown members are ignored')
})

await t.test('§5.4, G58: without an access token the scope’s claims are in the ID token, else not', async (t) => {
  for (const [scope, claims] of Object.entries(SCOPES)) {
    const alone = aboutPerson((await answer('id_token', { scope: `openid ${scope}` }))['id_token'])
    t.strictSame(sorted(alone), [...ID_TOKEN, ...Object.keys(claims)].sort(), scope)
    t.match(alone, claims)
  }
  for (const type of ALL_RESPONSE_TYPES.filter((type) => type !== 'id_token' && type.includes('id_token'))) {
    const { id_token } = await answer(type, { scope: ALL_SCOPES })
    t.strictSame(sorted(aboutPerson(id_token)), ID_TOKEN, type)
  }
})

await t.test('§3.1.2.4: an address asked for by name is allowed in the words of its scope', async (t) => {
  await instance.addUser({ login: 'fresh' })
  for (const [locale, words] of [
    ['en', 'See your postal address'],
    ['de', 'Ihre Postanschrift sehen'],
    ['bg', 'Да вижда пощенския Ви адрес'],
  ] as const)
    for (const asked of [{ scope: 'openid address' }, { claims: '{"userinfo":{"address":null}}' }]) {
      const browser = createBrowser(instance.origin)
      const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, ui_locales: locale, ...asked }
      const login = await browser.open(authorizeUrl(instance, request))
      const consent = await browser.submit(login, 'login-submit', { username: 'fresh', password: PASSWORD })
      t.match(consent.page.querySelector('.scopes')?.text, words)
    }
})

await t.test('§5.1: what may be stored', (t) => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  const why = (profile: UserProfile): string | undefined =>
    userFaults({ login: 'x', type: 'InternalUser', profile }, now)[0]?.reason
  const notDate = 'is not a date as YYYY-MM-DD, 0000-MM-DD (without the year) or YYYY'
  for (const [birthdate, reason] of [
    ...['1984-02-29', '0000-02-29', '1984', '1850-01-01', '2026-03-01'].map((good) => [good, undefined] as const),
    ...[
      '',
      '0000',
      '84',
      '1985-02-29',
      '1984-13-01',
      '1984-2-1',
      '29.02.1984',
      '1984-02-29T00:00:00Z',
      '0000-02-30',
    ].map((bad) => [bad, notDate] as const),
    ...['1849', '1849-12-31', '2026-03-03', '2027'].map((bad) => [bad, 'must be between 1850 and today'] as const),
  ])
    t.equal(why({ birthdate }), reason, `birthdate ${birthdate}`)
  for (const zoneinfo of ['Europe/Sofia', 'UTC', 'America/Argentina/Buenos_Aires', 'Europe/Kiev', 'Europe/Kyiv'])
    t.equal(why({ zoneinfo }), undefined, zoneinfo)
  for (const zoneinfo of ['', 'Europe/Nowhere', '+01:00', 'Berlin', 'Europe/Sofia '])
    t.equal(why({ zoneinfo }), 'is not a time zone of the IANA database, such as Europe/Sofia', zoneinfo)
  for (const name of ['profilePage', 'picture', 'website'] as const)
    for (const url of ['http://a.example/', 'javascript:alert(1)', 'https://me:pass@a.example/', 'https://a b/', ''])
      t.equal(why({ [name]: url }), 'must be an https URL of at most 2048 ASCII characters', `${name} ${url}`)
  for (const name of ['middleName', 'nickname', 'gender', 'locality', 'region', 'postalCode', 'country'] as const) {
    t.equal(why({ [name]: ' ' }), 'must not be empty', name)
    t.equal(why({ [name]: 'x'.repeat(201) }), 'must have at most 200 characters', name)
    t.match(why({ [name]: 'a\nb' }), /line breaks/, name)
  }
  for (const name of ['formattedAddress', 'streetAddress'] as const) {
    t.equal(why({ [name]: '1 Tile Yard\r\nLondon\nN1' }), undefined)
    t.equal(why({ [name]: ' \n ' }), 'must not be empty', name)
    t.equal(why({ [name]: 'x'.repeat(501) }), 'must have at most 500 characters', name)
    t.match(why({ [name]: 'a\u202eb' }), /change the text direction/, name)
  }
  t.equal(why({ phoneNumber: 'call me' }), 'is not a phone number, such as +49 30 123456')
  t.equal(why({ phoneNumberVerified: true }), 'needs a phoneNumber')
  t.end()
})
