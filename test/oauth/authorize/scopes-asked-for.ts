import t from 'tap'
import { RESOURCE_DEFAULTS } from '../../../src/domain/access/api-resource.ts'
import { auditOf } from '../../fixtures/admin/admin.ts'
import { refusedByRedirect } from '../../fixtures/answers/refusals.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { answerOf, authorize, obtainCode, PKCE, redeem } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, requestToken } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { refusalOf, tokensOf } from '../../fixtures/clients/tokens.ts'
import {
  HYBRID,
  HYBRID_REDIRECT,
  PORTAL,
  PORTAL_REDIRECT,
  SYNC,
  startWorld,
  WEB,
  WEB_REDIRECT,
} from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'

const REPORTS = 'https://reports.example.com/api'
const BOTH = 'my.trusted.app/both'
const PLAIN = 'my.trusted.app/plain'
const NEITHER = 'my.trusted.app/neither'
const both = { redirect_uri: 'https://both.example.com/cb', client_id: BOTH } as const

const { instance } = await startWorld(t)
await instance.core.store.write(({ resources }) =>
  resources.add(
    {
      identifier: REPORTS,
      name: 'Reports',
      scopes: [{ name: 'reports.read', description: undefined }],
      ...RESOURCE_DEFAULTS,
    },
    instance.now(),
  ),
)
for (const app of [
  { applicationUri: BOTH, scope: ['read', 'reports.read'], apiResources: [REPORTS] },
  { applicationUri: PLAIN, scope: [] },
  { applicationUri: NEITHER, scope: ['read'], apiResources: [REPORTS] },
])
  await instance.addApp({
    ...app,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [both.redirect_uri],
  })

const tokensFor = async (parameters: Readonly<Record<string, string>>) => {
  const code = await obtainCode(instance, parameters)
  const asked = { redirect_uri: parameters['redirect_uri'] ?? WEB_REDIRECT }
  return tokensOf(await redeem(instance, code, asked, basic(parameters['client_id'] ?? WEB)))
}
const scopeOf = async (parameters: Readonly<Record<string, string>>) => (await tokensFor(parameters)).scope

await t.test('OIDC Core §3.1.2.1: with openid, scopes that nobody here knows are ignored', async (t) => {
  const scope = 'openid groups profile roles read https://graph.example/.default'
  const tokens = await tokensFor({ scope })
  t.equal(tokens.scope, 'openid profile read', 'the answer says what was granted')
  t.equal(claimsOf(tokens.access_token)['scope'], 'openid profile read')
  t.equal((await tokensFor({ scope: 'openid OPENID' })).scope, 'openid', 'names are case-sensitive')

  await t.test('nobody is asked to allow them', async (t) => {
    const browser = createBrowser(instance.origin)
    const login = await browser.open(authorizeUrl(instance, { ...both, scope: 'openid groups read' }))
    const consent = await browser.submit(login, 'login-submit', {
      username: 'anna',
      password: 'correct horse battery staple',
    })
    t.match(consent.text, 'Read data for you')
    t.notMatch(consent.text, 'groups')
  })

  await t.test('the audit log says so, once for each sign-in', async (t) => {
    const events = (await auditOf(instance, { app: WEB })).filter(({ event }) => event === 'scope_ignored')
    t.strictSame(
      events.map(({ outcome, actor, detail }) => ({ outcome, actor, detail })),
      [
        { scope: 'openid profile read', ignored: 'groups roles https://graph.example/.default' },
        { scope: 'openid', ignored: 'OPENID' },
      ].map((detail) => ({ outcome: 'success', actor: `app:${WEB}`, detail })),
    )
  })

  await t.test('tessera explain says so', async (t) => {
    const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid groups' })
    const { code, stdout } = await tesseraOn(instance)(['explain', url])
    t.equal(code, 0)
    t.match(stdout, /passed +scope +openid; ignored, as nobody here knows them: groups\n/)
    const token = ['explain', 'token', '--grant', 'authorization_code', '--client', WEB, '--scope', 'openid roles']
    t.match(
      (await tesseraOn(instance)(token)).stdout,
      /passed +scope +openid; ignored, as nobody here knows them: roles/,
    )
  })
})

await t.test('RFC 6749 §3.3: repeated names and further spaces count once, everywhere', async (t) => {
  t.equal(await scopeOf({ scope: ' openid  read openid   read ' }), 'openid read')
  const tokens = await tokensFor({ scope: 'openid read offline_access' })
  const asWeb = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  const narrowed = await requestToken(instance, { ...asWeb, scope: '  read read ' }, basic(WEB))
  t.equal(narrowed.json['scope'], 'read')
  const service = { grant_type: 'client_credentials' }
  t.equal((await requestToken(instance, { ...service, scope: ' read  read' }, basic(SYNC))).json['scope'], 'read')
  t.equal((await requestToken(instance, { ...service, scope: '  ' }, basic(SYNC))).json['scope'], 'read update')
})

await t.test('what stays refused, by name', async (t) => {
  const refused = async (scope: string, description: string, more: Readonly<Record<string, string>> = {}) =>
    refusedByRedirect(t, instance, await authorize(instance, { state: 's', scope, ...more }), {
      error: 'invalid_scope',
      description,
      state: 's',
    })
  const unregistered = (name: string) => `scope is not registered for the app: ${name}`
  const commas = (sent: string) => `scope names are separated by spaces, not by commas: ${sent}`
  await refused('openid reports.read', unregistered('reports.read'))
  await refused('openid groups sec', unregistered('sec'))
  await refused('groups', unregistered('groups'))
  await refused('profile read groups', unregistered('groups'))
  await refused('openid,profile', commas('openid,profile'))
  await refused('openid profile,email', commas('openid profile,email'))
  await refused('openid,read', commas('openid,read'), { ...both })
  const service = { grant_type: 'client_credentials' }
  const asked = async (scope: string) => refusalOf(await requestToken(instance, { ...service, scope }, basic(SYNC)))
  t.equal(await asked('read groups'), `400 invalid_scope: ${unregistered('groups')}`)
  t.equal(await asked('read,update'), `400 invalid_scope: ${commas('read,update')}`)
})

await t.test('RFC 6749 §3.3: without scope the request is for the API scopes of the record', async (t) => {
  for (const scope of ['', ' ']) {
    const tokens = await tokensFor({ scope })
    t.equal(tokens.scope, 'read update')
    t.strictSame([tokens.id_token, tokens.refresh_token], ['', ''], 'neither openid nor offline_access')
  }
  t.equal(await scopeOf({ ...both, scope: '' }), 'read reports.read')
  const named = await tokensFor({ ...both, scope: '', resource: REPORTS })
  t.equal(named.scope, 'reports.read', 'those of the API that resource names')
  t.equal(claimsOf(named.access_token)['aud'], REPORTS)

  await t.test('tessera explain says so', async (t) => {
    const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: '' })
    const { stdout } = await tesseraOn(instance)(['explain', url])
    t.match(stdout, /passed +scope +read update; none was sent, so these are the API scopes of the record\n/)
  })

  await t.test('and refused where that is nothing', async (t) => {
    const refused = async (
      parameters: Readonly<Record<string, string>>,
      [error, description]: readonly [string, string],
      cause: string,
      login = 'david',
    ) => {
      const view = await authorize(instance, { state: 's', scope: '', ...parameters }, { login })
      refusedByRedirect(t, instance, view, { error, description, state: 's', cause: { cause } })
    }
    const missing = ['invalid_scope', 'scope is missing; ask for at least openid or an API scope of the app'] as const
    const noScope = 'scope was not sent, and the record has no API scopes that it could stand for'
    await refused({ ...both, client_id: PLAIN }, missing, noScope)
    const noneOfIt = 'scope was not sent, and no API that resource names has a scope of the record'
    await refused({ ...both, client_id: NEITHER, resource: REPORTS }, missing, noneOfIt)
    await refused(
      { client_id: PORTAL, redirect_uri: PORTAL_REDIRECT },
      ['invalid_scope', 'without scope the request is for API scopes, which community users never get'],
      'scope was not sent, so the request is for read update; the user is of type ExternalCommunityUser, and API scopes are for internal users',
      'carla',
    )
  })

  await t.test('an ID token takes openid', async (t) => {
    const asked = {
      client_id: HYBRID,
      redirect_uri: HYBRID_REDIRECT,
      response_type: 'code id_token',
      nonce: 'n',
      scope: '',
    }
    const answer = answerOf(await authorize(instance, { ...asked, ...PKCE }))
    t.match(answer.get('error_description'), /asks for an ID token, but scope does not contain openid/)
  })
})
