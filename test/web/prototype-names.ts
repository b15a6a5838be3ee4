// SQLite alone: is about headers, hosts and addresses, which no database sees
import t from 'tap'
import { refusedByRedirect } from '../fixtures/answers/refusals.ts'
import { answerOf, obtainCode, redeem } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, requestServiceToken, requestToken } from '../fixtures/clients/endpoints.ts'
import { basic, bearer, type Fields, postForm } from '../fixtures/clients/http.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD, SECRET } from '../fixtures/instance/instance.ts'
import { SYNC, startWorld, WEB, WEB_BYE, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const { instance, david, service } = await startWorld(t)
const ODD = 'my.trusted.app/odd'
const ODD_REDIRECT = 'https://odd.example.com/cb'
/** Names that every object answers to. */
const NAMES = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf', '__defineGetter__', 'isPrototypeOf']

await instance.addApp({
  applicationUri: ODD,
  impersonateAsInternalUserAllowed: true,
  systemUserAllowed: true,
  systemUser: service.id,
  impersonateLoginUrl: [ODD_REDIRECT],
  scope: NAMES,
})

const endpoint = (name: string): string => `${instance.issuer}/connect/${name}`

async function tokensFor(scope: string) {
  const request = { client_id: ODD, redirect_uri: ODD_REDIRECT, scope }
  const code = await obtainCode(instance, request)
  return tokensOf(await redeem(instance, code, { redirect_uri: ODD_REDIRECT }, basic(ODD)))
}

await t.test('the record keeps such scopes as they are', async (t) => {
  t.strictSame((await instance.core.store.read.apps.find(ODD))?.scope, NAMES)
})

await t.test('scopes of such names give no claims, and no error', async (t) => {
  for (const names of [...NAMES.map((name) => [name]), NAMES]) {
    await t.test(names.join(' '), async (t) => {
      const scope = `openid ${names.join(' ')}`
      const tokens = await tokensFor(scope)
      t.equal(tokens.scope, scope)
      const told = await fetch(endpoint('userinfo'), { headers: bearer(tokens.access_token) })
      t.strictSame([told.status, await told.json()], [200, { sub: david.id }])
      const claims = claimsOf(tokens.access_token)
      t.equal(claims['scope'], scope)
      t.strictSame(
        Object.keys(claims).sort(),
        'amr aud auth_time client_id db exp iat id idp iss jti nbf scope sid sub user_type'.split(' '),
      )
      const introspection = await postForm(endpoint('introspect'), { token: tokens.access_token }, basic(ODD))
      t.match(introspection.json, { active: true, scope })
    })
  }

  await t.test('beside those that do', async (t) => {
    const tokens = await tokensFor(`openid constructor email __proto__ phone toString`)
    const claimed = await fetch(endpoint('userinfo'), { headers: bearer(tokens.access_token) })
    t.strictSame(await claimed.json(), {
      sub: david.id,
      email: 'david@example.com',
      email_verified: true,
      phone_number: '+44 20 7946 0000',
      phone_number_verified: false,
    })
  })

  await t.test('for a service', async (t) => {
    const tokens = tokensOf(await requestServiceToken(instance, basic(ODD)))
    t.equal(tokens.scope, NAMES.join(' '))
    t.match(claimsOf(tokens.access_token), { sub: ODD, scope: NAMES.join(' ') })
  })

  await t.test('and they are asked for by name', async (t) => {
    const browser = createBrowser(instance.origin)
    const request = { client_id: ODD, redirect_uri: ODD_REDIRECT, scope: NAMES.join(' '), prompt: 'consent' }
    const login = await browser.open(authorizeUrl(instance, request))
    const page = await browser.submit(login, 'login-submit', { username: 'david', password: PASSWORD })
    t.strictSame(
      page.page.querySelectorAll('.scopes strong').map(({ text }) => text),
      NAMES.map((name) => `Use the permission “${name}”`),
    )
  })
})

await t.test('an app that does not list them is refused them, and there is no app of such a name', async (t) => {
  for (const name of NAMES) {
    const browser = createBrowser(instance.origin)
    const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, state: 's', scope: name }
    refusedByRedirect(t, instance, await browser.open(authorizeUrl(instance, request)), {
      error: 'invalid_scope',
      description: `scope is not registered for the app: ${name}`,
      state: 's',
    })
    const answer = await requestServiceToken(instance, basic(SYNC), { scope: name })
    t.equal(answer.status, 400)
    t.match(answer.json, { error: 'invalid_scope' })
    t.equal((await requestServiceToken(instance, basic(name))).status, 401)
    t.equal((await browser.open(authorizeUrl(instance, { ...request, client_id: name }))).status, 400)
    t.equal((await requestToken(instance, { grant_type: name }, basic(SYNC))).status, 400)
  }
})

await t.test('parameters of such names change nothing', async (t) => {
  const odd = NAMES.flatMap((name): [string, string][] => [
    [name, 'x'],
    [`${name}[scope]`, 'admin'],
    [`${name}.scope`, 'admin'],
  ])
  const withOdd = (fields: Readonly<Record<string, string>>): Fields => [...Object.entries(fields), ...odd]
  const query = new URLSearchParams(odd).toString()

  await t.test('from sign-in to sign-out', async (t) => {
    const browser = createBrowser(instance.origin)
    const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, state: 's', scope: 'openid read' }
    const login = await browser.open(`${authorizeUrl(instance, request)}&${query}`)
    const fields = { username: 'david', password: PASSWORD, ...Object.fromEntries(odd) }
    const consent = await browser.submit(login, 'login-submit', fields)
    const view = await browser.submit(consent, 'consent-approve', Object.fromEntries(odd))
    t.strictSame([...answerOf(view).keys()], ['code', 'session_state', 'state', 'iss'])
    const code = answerOf(view).get('code') ?? ''
    const exchange = { grant_type: 'authorization_code', code, redirect_uri: WEB_REDIRECT }
    const tokens = tokensOf(await requestToken(instance, withOdd(exchange), basic(WEB)))
    t.equal(tokens.scope, 'openid read')
    const userinfo = await postForm(endpoint('userinfo'), odd, bearer(tokens.access_token))
    t.strictSame(userinfo.json, { sub: david.id })
    const introspection = await postForm(endpoint('introspect'), withOdd({ token: tokens.access_token }), basic(WEB))
    t.match(introspection.json, { active: true, scope: 'openid read' })
    const revocation = await postForm(endpoint('revocation'), withOdd({ token: tokens.access_token }), basic(WEB))
    t.equal(revocation.status, 200)
    const end = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: WEB_BYE, state: 'st' })
    t.equal((await browser.open(`${endpoint('endsession')}?${end}&${query}`)).leftTo?.href, `${WEB_BYE}?state=st`)
  })

  await t.test('in a request of a service', async (t) => {
    const asked = { grant_type: 'client_credentials', client_id: SYNC, client_secret: SECRET, scope: 'read' }
    t.equal(tokensOf(await requestToken(instance, withOdd(asked))).scope, 'read')
  })

  await t.test('nor do they stand in for one that is missing', async (t) => {
    const answer = await requestToken(instance, withOdd({ client_id: SYNC, client_secret: SECRET }))
    t.match(answer.json, { error: 'invalid_request', error_description: 'parameter is missing: grant_type' })
  })

  await t.test('sent twice they are refused like any other', async (t) => {
    for (const name of NAMES) {
      const twice: Fields = [
        ['grant_type', 'client_credentials'],
        [name, '1'],
        [name, '2'],
      ]
      const answer = await requestToken(instance, twice, basic(SYNC))
      t.match(answer.json, { error: 'invalid_request', error_description: `parameter is repeated: ${name}` })
    }
  })

  t.equal(Reflect.get({}, 'scope'), undefined, 'no prototype was touched')
})

await t.test('none of it was an error of the server', async (t) => {
  t.strictSame(
    instance.log.filter(({ status, level }) => Number(status) >= 500 || Number(level) >= 50),
    [],
  )
})
