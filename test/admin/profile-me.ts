import t, { type Test } from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { logHoldsNoSecret, type Refusal, refused } from '../fixtures/answers/refusals.ts'
import { authorize, obtainTokens } from '../fixtures/clients/code-flow.ts'
import { endSessionUrl, revoke, userinfo } from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, bearer, type HeaderFields, send } from '../fixtures/clients/http.ts'
import { enableApp, enableUser, PORTAL, PORTAL_REDIRECT, WEB, WEB_BYE } from '../fixtures/instance/world.ts'
import { OPAQUE, READER, startReports } from '../fixtures/resource-server/reports.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { keepReferenceToken } from '../fixtures/tokens/reference-token.ts'

const { instance, david, anna, carla, service, ofPerson, ofService, keep } = await startReports(t)
const { origin, issuer } = instance
const ME = `${origin}/profile/me`
const PICTURE = 'https://people.example.com/david.jpg?v=2'
const SIZES = ['', '/64', '/128']
const HOUR = 3_600_000

const get = (path = '', headers: HeaderFields = {}): Promise<Answer> =>
  send(`${ME}${path}`, { headers, redirect: 'manual' })

const NOBODY: Refusal = { status: 401, error: 'invalid_token', description: 'an access token or a sign-in is required' }
const DEAD: Refusal = {
  status: 401,
  error: 'invalid_token',
  description: 'the access token is unknown, expired or revoked',
}
const SERVICE: Refusal = {
  status: 403,
  error: 'insufficient_scope',
  description: 'a service token does not act for a person',
}
const challengeOf = ({ error, description }: Refusal): string =>
  `Bearer realm="tessera", error="${error}", error_description="${description}"`

/** The refusal with its challenge, at the profile and at each picture. @see RFC 6750 §3 */
async function refusedEverywhere(t: Test, headers: HeaderFields, refusal: Refusal, challenge = challengeOf(refusal)) {
  for (const path of ['', ...SIZES.map((size) => `/picture${size}`)]) {
    const response = await get(path, headers)
    t.equal(response.headers.get('www-authenticate'), challenge, path)
    refused(t, instance, response, refusal)
  }
}

/** The Cookie header of a browser in which somebody signed in. */
async function signedIn(login: string): Promise<string> {
  const browser = createBrowser(origin)
  const portal = { client_id: PORTAL, redirect_uri: PORTAL_REDIRECT }
  await authorize(instance, login === 'carla' ? portal : {}, { login, browser })
  return browser.jar.getCookieString(origin)
}

const links = {
  // These pages are not there yet.
  profile: null,
  changePassword: null,
  accessTokens: null,
  devices: null,
}
const whole = {
  id: david.id,
  login: 'david',
  name: 'David Miller',
  email: 'david@example.com',
  phoneNumber: '+44 20 7946 0000',
  isAdmin: false,
  isActive: true,
  userType: 'InternalUser',
  preferredLanguage: 'en-GB',
  pictureUrl: null,
  largePictureUrl: null,
  person: null,
  domain: null,
  instance: { database: 'tessera', url: origin },
  links,
}

await t.test(
  'a token of the person for the API of the instance, or the sign-in itself, shows everything',
  async (t) => {
    const ways: Readonly<Record<string, HeaderFields>> = {
      'a signed token': bearer((await ofPerson(READER, 'read')).access_token),
      'one for several APIs': bearer((await ofPerson(READER, 'read reports.read')).access_token),
      'an opaque token': bearer((await ofPerson(OPAQUE, 'read')).access_token),
      'a PAT': bearer((await keep('PAT', 'read')).value),
      'the cookie': { cookie: await signedIn('david') },
    }
    for (const [name, headers] of Object.entries(ways)) {
      const response = await get('', headers)
      const text = response.text
      t.equal(text, JSON.stringify(whole), `${name}: these members, in this order`)
      t.equal(response.status, 200)
      t.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
      t.equal(response.headers.get('cache-control'), 'no-store')
    }
  },
)

await t.test('what is not known is null', async (t) => {
  const unknown = { email: null, phoneNumber: null, preferredLanguage: null }
  const asAnna = (await get('', { cookie: await signedIn('anna') })).json
  t.strictSame(asAnna, { ...whole, id: anna.id, login: 'anna', name: 'Anna Berg', ...unknown })
  await instance.core.store.write(({ users }) => users.update({ ...anna, isAdmin: true }, instance.now()))
  t.match((await get('', { cookie: await signedIn('anna') })).json, { isAdmin: true })
  const asCarla = (await get('', { cookie: await signedIn('carla') })).json
  const who = { id: carla.id, login: 'carla', name: 'Carla Customer', userType: 'ExternalCommunityUser' }
  t.strictSame(asCarla, { ...whole, ...who, ...unknown })
})

await t.test('an identity token for no API of the instance shows as much as the person agreed to', async (t) => {
  const { name, email, phoneNumber, preferredLanguage } = whole
  const hidden = { name: null, email: null, phoneNumber: null, preferredLanguage: null }
  for (const [scope, shown] of [
    ['openid', {}],
    ['openid reports.read', {}],
    ['openid profile', { name, preferredLanguage }],
    ['openid email', { email }],
    ['openid phone', { phoneNumber }],
    ['openid profile email phone reports.read', { name, preferredLanguage, email, phoneNumber }],
  ] as const) {
    const { access_token } = await ofPerson(READER, scope)
    t.strictSame((await get('', bearer(access_token))).json, { ...whole, ...hidden, ...shown }, scope)
  }
})

await t.test('RFC 6750 §3.1: who is let in', async (t) => {
  const { access_token, refresh_token } = await ofPerson(READER, 'offline_access read')
  const cookie = await signedIn('david')
  const scheme = 'Bearer realm="tessera"'

  await t.test('nobody, and whoever comes with another scheme', async (t) => {
    await refusedEverywhere(t, {}, NOBODY, scheme)
    await refusedEverywhere(t, basic(WEB), NOBODY, scheme)
    await refusedEverywhere(t, { cookie: 'tessera-session=unknown' }, NOBODY, scheme)
  })

  await t.test('a token counts alone: a bad one is not made good by a cookie', async (t) => {
    for (const token of ['garbage', 'enrt_garbage', 'enat_garbage', refresh_token])
      for (const headers of [bearer(token), { ...bearer(token), cookie }]) await refusedEverywhere(t, headers, DEAD)
    await refusedEverywhere(t, { ...basic(WEB), cookie }, NOBODY, scheme)
    const malformed = (description: string): Refusal => ({ status: 400, error: 'invalid_request', description })
    const unreadable = malformed('the Authorization header does not contain exactly one Bearer token')
    await refusedEverywhere(t, { authorization: 'Bearer a b', cookie }, unreadable)
    const inUrl = malformed('an access token never belongs in the URL; send it in the Authorization header')
    for (const path of ['', '/picture'])
      refused(t, instance, await get(`${path}?access_token=${access_token}`, { cookie }), inUrl)
    const asAnna = { ...bearer(access_token), cookie: await signedIn('anna') }
    t.match((await get('', asAnna)).json, { login: 'david' }, 'a good one wins over the sign-in of another')
  })

  await t.test('a service is no person', async (t) => {
    for (const token of [await ofService(READER, 'read'), await ofService(OPAQUE, 'read')])
      await refusedEverywhere(t, bearer(token), SERVICE)
    const sat = await keepReferenceToken(instance, { kind: 'SAT', app: READER, user: service, scope: ['read'] })
    await refusedEverywhere(t, { ...bearer(sat.value), cookie }, SERVICE)
  })

  await t.test('a token for other APIs without openid', async (t) => {
    const lacks: Refusal = {
      status: 403,
      error: 'insufficient_scope',
      description: 'the access token lacks the scope: openid',
    }
    await refusedEverywhere(t, bearer((await ofPerson(READER, 'reports.read')).access_token), lacks)
    await refusedEverywhere(t, bearer((await keep('PAT', 'reports.read')).value), lacks)
  })
})

await t.test('what has ended shows nothing', async (t) => {
  const cookie = await signedIn('david')
  const { access_token } = await obtainTokens(instance)
  const { value } = await keep('PAT', 'read')
  await enableApp(instance, READER, false)
  t.equal((await get('', bearer(value))).status, 401, 'the app disabled')
  await enableApp(instance, READER, true)
  await revoke({ issuer }, access_token)
  await refusedEverywhere(t, bearer(access_token), DEAD)
  t.equal((await get('', { cookie })).status, 200, 'the sign-in goes on')
  await enableUser(instance, david, false)
  t.equal((await get('', { cookie })).status, 401, 'the person disabled')
  await enableUser(instance, david, true)

  const browser = createBrowser(origin)
  const { id_token } = await obtainTokens(instance, {}, { browser })
  const before = await browser.jar.getCookieString(origin)
  t.equal((await get('', { cookie: before })).status, 200)
  const bye = { id_token_hint: id_token, post_logout_redirect_uri: WEB_BYE }
  const page = await browser.open(endSessionUrl({ issuer }, bye))
  if (page.page.querySelector('#logout-submit')) await browser.submit(page, 'logout-submit')
  t.equal((await get('', { cookie: before })).status, 401, 'signed out')

  const idle = await signedIn('david')
  instance.advance(9 * HOUR)
  t.equal((await get('', { cookie: idle })).status, 401, 'idle for too long')
})

await t.test('the picture is where the record says', async (t) => {
  const missing: Refusal = { status: 404, error: 'not_found', description: 'there is no picture' }
  const cookie = await signedIn('david')
  for (const size of SIZES)
    refused(t, instance, await get(`/picture${size}`, { cookie }), {
      ...missing,
      cause: { cause: 'the user has no picture', user: david.id },
    })
  await instance.core.store.write(async ({ users }) => {
    const now = await users.find(david.id)
    if (now) await users.update({ ...now, profile: { ...now.profile, picture: PICTURE } }, instance.now())
  })
  const shown = { pictureUrl: `${ME}/picture/64`, largePictureUrl: `${ME}/picture/128` }
  const token = bearer((await ofPerson(READER, 'read')).access_token)
  for (const headers of [{ cookie }, token, bearer((await ofPerson(READER, 'openid profile')).access_token)]) {
    t.match((await get('', headers)).json, shown)
    for (const size of SIZES) {
      const response = await get(`/picture${size}`, headers)
      t.strictSame([response.status, response.headers.get('location')], [302, PICTURE])
      t.equal(response.headers.get('cache-control'), 'private, max-age=7200')
      t.match(response.headers.get('vary'), /\bAuthorization, Cookie\b/, 'not for who signs in next')
      t.equal(response.headers.get('pragma'), null)
    }
  }
  const { access_token } = await ofPerson(READER, 'openid')
  matchesWhole(t, (await get('', bearer(access_token))).json, { pictureUrl: null, largePictureUrl: null })
  const cause = { cause: 'the access token lacks the scope: profile' }
  refused(t, instance, await get('/picture', bearer(access_token)), { ...missing, cause })
  const claimsFor = async (scope: string) =>
    (await userinfo({ issuer }, (await ofPerson(READER, scope)).access_token)).json
  t.equal((await claimsFor('openid profile'))['picture'], PICTURE, 'OIDC Core §5.1')
  t.notOk('picture' in (await claimsFor('openid email')))
  for (const path of ['/picture/', '/picture/32', '/picture/64/', '/picture/65'])
    t.equal((await get(path, { cookie })).status, 404, path)
})

await t.test('the language that was asked for is named, and caches are told', async (t) => {
  const cookie = await signedIn('david')
  for (const [asked, named] of [
    ['de-AT, en;q=0.5', 'de'],
    ['bg', 'bg'],
    ['fr', 'en'],
  ] as const) {
    const answer = await get('', { cookie, 'accept-language': asked })
    t.equal(answer.headers.get('content-language'), named)
    t.match(answer.headers.get('vary'), /(^|, )Accept-Language(,|$)/)
  }
})

await t.test('links lead to pages that are there, and name no other', async (t) => {
  const named = (await get('', { cookie: await signedIn('david') })).json['links'] as Record<string, string | null>
  const paths = {
    profile: '',
    changePassword: '/security/password',
    accessTokens: '/security/tokens',
    devices: '/devices',
  }
  for (const [name, path] of Object.entries(paths)) {
    const isThere = instance.server.findRoute({ method: 'GET', url: `/profile${path}` }) !== null
    t.equal(named[name], isThere ? `${origin}/profile${path}` : null, name)
  }
})

await t.test('no page of another origin gets at it', async (t) => {
  const cookie = await signedIn('david')
  const token = bearer((await ofPerson(READER, 'read')).access_token)
  for (const path of ['', '/picture']) {
    for (const from of ['https://app.example.com', 'https://evil.test', 'null', origin]) {
      for (const headers of [{ cookie }, token]) {
        const response = await get(path, { ...headers, origin: from })
        t.strictSame(
          [...response.headers.keys()].filter((name) => name.startsWith('access-control-')),
          [],
          `${path} from ${from}`,
        )
        t.equal(response.headers.get('cross-origin-resource-policy'), 'same-origin')
      }
      const asked = { origin: from, 'access-control-request-method': 'GET' }
      t.equal((await send(`${ME}${path}`, { method: 'OPTIONS', headers: asked })).status, 405)
    }
  }
  for (const site of ['cross-site', 'same-site']) {
    t.equal(
      (await get('', { cookie, 'sec-fetch-site': site })).status,
      401,
      `the cookie from ${site} counts for nothing`,
    )
    t.equal((await get('', { ...token, 'sec-fetch-site': site })).status, 200, 'a token says by itself who asks')
  }
  for (const site of ['same-origin', 'none']) t.equal((await get('', { cookie, 'sec-fetch-site': site })).status, 200)
  for (const method of ['POST', 'PUT', 'DELETE'])
    t.equal((await send(ME, { method, headers: { cookie } })).headers.get('allow'), 'GET, HEAD', method)
})

await t.test('LG-31 the log holds none of those tokens', (t) => {
  logHoldsNoSecret(t, instance)
  t.end()
})
