import t, { type Test } from 'tap'
import { storeResource } from '../../../src/admin/apps/resources.ts'
import { RESOURCE_DEFAULTS } from '../../../src/domain/access/api-resource.ts'
import { APP_DEFAULTS } from '../../../src/domain/apps/trusted-application.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { refusedByRedirect } from '../../fixtures/answers/refusals.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import type { Answer } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { createRelyingParty } from '../../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../../fixtures/clients/tokens.ts'
import { changedBy } from '../../fixtures/instance/changed-by.ts'
import { type Instance, SECRET, startInstance } from '../../fixtures/instance/instance.ts'
import { WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

const WEB = 'my.trusted.app/web'
const PLAIN = 'my.trusted.app/plain'
const SYNC = 'my.trusted.app/sync'
const DOMAIN = 'DomainAPI'
const REPORTS = 'https://reports.example.com/api'
const ARCHIVE = 'urn:example:archive'
const HIDDEN = 'https://hidden.example.com'
const NOT_OPEN = 'resource is not an API that the app may ask for'
const ALL = 'openid offline_access read reports.read'

const web = {
  applicationUri: WEB,
  impersonateAsInternalUserAllowed: true,
  impersonateAsCommunityUserAllowed: true,
  impersonateLoginUrl: [WEB_REDIRECT],
  scope: ['read', 'update', 'reports.read'],
  apiResources: [REPORTS, ARCHIVE],
}

async function start(t: Test) {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const put = (identifier: string, ...scopes: [string, string?][]) =>
    instance.core.store.write((unit) =>
      storeResource(
        unit,
        {
          identifier,
          name: identifier,
          scopes: scopes.map(([name, description]) => ({ name, description })),
          ...RESOURCE_DEFAULTS,
        },
        changedBy('test', instance.now()),
      ),
    )
  await put(REPORTS, ['reports.read', 'See <every> report'])
  await put(ARCHIVE, ['read'])
  await put(HIDDEN, ['read'])
  await instance.addUser({ login: 'david' })
  await instance.addUser({ login: 'carla', type: 'ExternalCommunityUser' })
  const svc = await instance.addUser({ login: 'svc', type: 'SystemUserNoLogin' })
  await instance.addApp(web)
  await instance.addApp({ ...web, applicationUri: PLAIN, apiResources: [] })
  await instance.addApp({
    applicationUri: SYNC,
    systemUserAllowed: true,
    systemUser: svc.id,
    scope: ['read', 'reports.read'],
    apiResources: [REPORTS],
  })
  return { instance, put, david: createRelyingParty(instance, { clientId: WEB, login: 'david', scope: ALL }) }
}

/** Sends `resource` as often as there are values. */
function form(fields: Readonly<Record<string, string>>, ...resources: string[]): URLSearchParams {
  return new URLSearchParams([...Object.entries(fields), ...resources.map((r): [string, string] => ['resource', r])])
}

function authorize(instance: Instance, login: string, fields: Record<string, string>, ...resources: string[]) {
  const browser = createBrowser(instance.origin)
  const parameters = form(
    { client_id: WEB, redirect_uri: WEB_REDIRECT, response_type: 'code', scope: ALL, ...fields },
    ...resources,
  )
  const begin = browser.open(`${instance.issuer}/connect/authorize?${parameters}`)
  return begin.then((view) => signInAndConsent(browser, view, login))
}

const tokenRequest = (
  instance: Instance,
  clientId: string,
  fields: Record<string, string>,
  ...resources: string[]
): Promise<Answer> =>
  requestToken(instance, [...form({ client_id: clientId, client_secret: SECRET, ...fields }, ...resources)])

const saysOf = (json: Record<string, unknown>) => {
  const { aud, scope } = claimsOf(String(json['access_token']))
  return { aud, scope, told: json['scope'] }
}

const redeem = (instance: Instance, code: string, ...resources: string[]) =>
  tokenRequest(instance, WEB, { grant_type: 'authorization_code', code, redirect_uri: WEB_REDIRECT }, ...resources)
const refresh = (instance: Instance, token: unknown, fields: Record<string, string>, ...resources: string[]) =>
  tokenRequest(instance, WEB, { grant_type: 'refresh_token', refresh_token: String(token), ...fields }, ...resources)

async function codeFor(instance: Instance, fields: Record<string, string>, ...resources: string[]): Promise<string> {
  const view = await authorize(instance, 'david', fields, ...resources)
  const code = view.leftTo?.searchParams.get('code')
  if (!code) throw new Error(`no code: ${view.leftTo} ${view.text.slice(0, 400)}`)
  return code
}

await t.test('without resource', async (t) => {
  const { instance, put } = await start(t)
  const says = async (scope: string) => saysOf((await redeem(instance, await codeFor(instance, { scope }))).json)

  t.match(await says('openid read'), { aud: DOMAIN }, 'the API of the instance, though another has the scope too')
  matchesWhole(
    t,
    await says('openid read reports.read'),
    { aud: [DOMAIN, REPORTS] },
    'and those that own what it has not',
  )
  t.match(await says('reports.read'), { aud: REPORTS, scope: 'reports.read' })
  t.match(await says('openid'), { aud: instance.issuer }, 'UserInfo alone')
  await put(REPORTS, ['other'])
  t.match(await says('reports.read'), { aud: DOMAIN }, 'a scope that nobody has is for the API of the instance')
})

await t.test('§2.1: resource at authorize', async (t) => {
  const { instance, david } = await start(t)

  await t.test('one resource is a string, several are a list', async (t) => {
    const one = await redeem(
      instance,
      await codeFor(instance, { scope: 'openid offline_access reports.read' }, REPORTS),
    )
    t.strictSame(saysOf(one.json), {
      aud: REPORTS,
      scope: 'openid offline_access reports.read',
      told: 'openid offline_access reports.read',
    })
    const two = await redeem(instance, await codeFor(instance, {}, DOMAIN, REPORTS, DOMAIN))
    t.strictSame(saysOf(two.json), { aud: [DOMAIN, REPORTS], scope: ALL, told: ALL })
    t.strictSame((await david.introspect(String(two.json['access_token']))).json['aud'], [DOMAIN, REPORTS])
    t.equal((await david.userinfo(String(two.json['access_token']))).status, 200)
  })

  await t.test('a scope that two of them have is for both; of one, for that one alone', async (t) => {
    const both = await redeem(instance, await codeFor(instance, { scope: 'read' }, ARCHIVE, DOMAIN))
    matchesWhole(t, saysOf(both.json), { aud: [DOMAIN, ARCHIVE], scope: 'read' })
    t.match(saysOf((await redeem(instance, await codeFor(instance, { scope: 'read' }, ARCHIVE))).json), {
      aud: ARCHIVE,
    })
  })

  await t.test('by POST too', async (t) => {
    const browser = createBrowser(instance.origin)
    const body = form(
      { client_id: WEB, redirect_uri: WEB_REDIRECT, response_type: 'code', scope: ALL },
      DOMAIN,
      REPORTS,
    )
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const posted = await browser.follow(`${instance.issuer}/connect/authorize`, {
      method: 'POST',
      headers,
      body: body.toString(),
    })
    const end = await signInAndConsent(browser, posted, 'david')
    const { json } = await redeem(instance, end.leftTo?.searchParams.get('code') ?? '')
    matchesWhole(t, saysOf(json), { aud: [DOMAIN, REPORTS] })
  })

  const refusals: [string, Record<string, string>, string[], { error: string; description: string }][] = [
    ['a fragment', {}, [`${REPORTS}#x`], { error: 'invalid_target', description: 'resource must not have a fragment' }],
    ['no URI and no identifier', {}, ['reports'], { error: 'invalid_target', description: NOT_OPEN }],
    ['an unknown API', {}, ['https://nowhere.example'], { error: 'invalid_target', description: NOT_OPEN }],
    ['an API that the app does not list', {}, [HIDDEN], { error: 'invalid_target', description: NOT_OPEN }],
    ['one of two', {}, [REPORTS, HIDDEN], { error: 'invalid_target', description: NOT_OPEN }],
    [
      'a scope of another API',
      {},
      [REPORTS],
      { error: 'invalid_scope', description: 'scope does not belong to any of the requested resources: read' },
    ],
    [
      'an API without a scope of it',
      { scope: 'openid' },
      [REPORTS],
      { error: 'invalid_target', description: 'scope holds no scope of the resource' },
    ],
  ]
  for (const [name, fields, resources, refusal] of refusals) {
    await t.test(`refused: ${name}`, async (t) => {
      refusedByRedirect(t, instance, await authorize(instance, 'david', { ...fields, state: 's' }, ...resources), {
        ...refusal,
        state: 's',
      })
    })
  }

  await t.test('an app that lists none may name the API of the instance', async (t) => {
    const view = await authorize(instance, 'david', { client_id: PLAIN, scope: 'read' }, DOMAIN)
    t.ok(view.leftTo?.searchParams.get('code'))
    const other = await authorize(instance, 'david', { client_id: PLAIN, scope: 'reports.read' }, REPORTS)
    refusedByRedirect(t, instance, other, { error: 'invalid_target', description: NOT_OPEN })
  })

  await t.test('a community user gets no API by naming one', async (t) => {
    const view = await authorize(instance, 'carla', { scope: 'openid reports.read' }, REPORTS)
    t.equal(view.leftTo?.searchParams.get('error'), 'invalid_scope')
  })

  await t.test('the consent page says what the API says of its scope', async (t) => {
    const browser = createBrowser(instance.origin)
    await instance.addUser({ login: 'maria' })
    const parameters = form(
      { client_id: WEB, redirect_uri: WEB_REDIRECT, response_type: 'code', scope: 'read reports.read' },
      DOMAIN,
      REPORTS,
    )
    const login = await browser.open(`${instance.issuer}/connect/authorize?${parameters}`)
    const { PASSWORD } = await import('../../fixtures/instance/instance.ts')
    const consent = await browser.submit(login, 'login-submit', { username: 'maria', password: PASSWORD })
    const scopes = consent.page.querySelectorAll('.scopes li').map((item) => item.text.trim())
    t.match(scopes[0], /^Read data for you/)
    t.match(consent.page.querySelector('.scopes')?.innerHTML, 'See &lt;every&gt; report')
  })

  await t.test('more than 16 of them, or one that is too long', async (t) => {
    const many = Array.from({ length: 17 }, (_, index) => `urn:r:${index}`)
    t.equal((await authorize(instance, 'david', {}, ...many)).leftTo?.searchParams.get('error'), 'invalid_request')
    const long = await authorize(instance, 'david', {}, `urn:${'x'.repeat(2100)}`)
    t.equal(long.leftTo?.searchParams.get('error'), 'invalid_request')
  })
})

await t.test('§2.2: resource at the token endpoint', async (t) => {
  const { instance } = await start(t)

  await t.test('a code yields a token for some of what was granted, and the refresh token keeps all', async (t) => {
    const first = await redeem(instance, await codeFor(instance, {}, DOMAIN, REPORTS), REPORTS)
    const narrowed = 'openid offline_access reports.read'
    t.strictSame(saysOf(first.json), { aud: REPORTS, scope: narrowed, told: narrowed })
    const second = await refresh(instance, first.json['refresh_token'], {}, DOMAIN)
    t.match(saysOf(second.json), { aud: DOMAIN, scope: 'openid offline_access read' })
    const third = await refresh(instance, second.json['refresh_token'], {})
    matchesWhole(t, saysOf(third.json), { aud: [DOMAIN, REPORTS], scope: ALL }, 'narrowed for that one token alone')
    const fourth = await refresh(instance, third.json['refresh_token'], { scope: 'openid read' })
    t.match(saysOf(fourth.json), { aud: DOMAIN, scope: 'openid read' }, 'a narrower scope narrows the audience')
  })

  await t.test('never more than was granted, and nothing is used up by asking', async (t) => {
    const code = await codeFor(instance, { scope: 'offline_access reports.read' }, REPORTS)
    const refused = '400 invalid_target: resource was not granted at sign-in'
    t.equal(refusalOf(await redeem(instance, code, DOMAIN)), refused)
    t.equal(refusalOf(await redeem(instance, code, REPORTS, DOMAIN)), refused)
    t.equal(refusalOf(await redeem(instance, code, ARCHIVE)), refused)
    t.equal(refusalOf(await redeem(instance, code, HIDDEN)), `400 invalid_target: ${NOT_OPEN}`)
    const { json } = await redeem(instance, code)
    t.equal(refusalOf(await refresh(instance, json['refresh_token'], {}, DOMAIN)), refused)
    t.match(saysOf((await refresh(instance, json['refresh_token'], {}, REPORTS)).json), { aud: REPORTS })
  })

  await t.test('what was granted without a name can be narrowed, but not moved to another API', async (t) => {
    const code = await codeFor(instance, {})
    t.equal(
      refusalOf(await redeem(instance, code, ARCHIVE)),
      '400 invalid_target: resource was not granted at sign-in',
      'read was granted for the API of the instance alone',
    )
    t.match(saysOf((await redeem(instance, code, REPORTS)).json), { aud: REPORTS })
  })

  await t.test('scope and resource of a refresh must belong together', async (t) => {
    const { json } = await redeem(instance, await codeFor(instance, {}, DOMAIN, REPORTS))
    const token = json['refresh_token']
    t.equal(
      refusalOf(await refresh(instance, token, { scope: 'read reports.read' }, REPORTS)),
      '400 invalid_scope: scope does not belong to any of the requested resources: read',
    )
    t.equal(
      refusalOf(await refresh(instance, token, { scope: 'read' }, DOMAIN, REPORTS)),
      '400 invalid_target: scope holds no scope of the resource',
    )
    const answer = await refresh(instance, token, { scope: 'read' }, DOMAIN)
    t.match(saysOf(answer.json), { aud: DOMAIN, scope: 'read' })
    t.strictSame((await refresh(instance, token, { scope: 'read' }, DOMAIN)).json, answer.json, 'the same again')
    t.match(
      refusalOf(await refresh(instance, token, { scope: 'read' })),
      /already been used by a different request/,
      'another resource is another request',
    )
  })

  await t.test('what the record no longer lists is gone with the next refresh', async (t) => {
    const { json } = await redeem(instance, await codeFor(instance, {}, DOMAIN, REPORTS))
    const record = { ...APP_DEFAULTS, ...web, name: WEB, clientType: 'Confidential' as const, apiResources: [] }
    await instance.core.store.write(({ apps }) => apps.update(record, instance.now()))
    const next = await refresh(instance, json['refresh_token'], {})
    t.match(saysOf(next.json), { aud: DOMAIN, scope: 'openid offline_access read' })
    t.equal(
      refusalOf(await refresh(instance, next.json['refresh_token'], {}, REPORTS)),
      `400 invalid_target: ${NOT_OPEN}`,
    )
  })
})

await t.test('§2.2: a service', async (t) => {
  const { instance } = await start(t)
  const ask = (fields: Record<string, string>, ...resources: string[]) =>
    tokenRequest(instance, SYNC, { grant_type: 'client_credentials', ...fields }, ...resources)
  matchesWhole(t, saysOf((await ask({})).json), { aud: [DOMAIN, REPORTS], scope: 'read reports.read' })
  t.match(saysOf((await ask({}, REPORTS)).json), { aud: REPORTS, scope: 'reports.read', told: 'reports.read' })
  t.match(saysOf((await ask({ scope: 'read' })).json), { aud: DOMAIN, scope: 'read' })
  t.match(saysOf((await ask({ scope: 'read' }, DOMAIN)).json), { aud: DOMAIN, scope: 'read' })
  t.equal(
    refusalOf(await ask({ scope: 'read reports.read' }, REPORTS)),
    '400 invalid_scope: scope does not belong to any of the requested resources: read',
  )
  t.equal(refusalOf(await ask({}, ARCHIVE)), `400 invalid_target: ${NOT_OPEN}`)
  t.equal(refusalOf(await ask({}, `${REPORTS}#`)), '400 invalid_target: resource must not have a fragment')
  const repeated = await fetch(`${instance.issuer}/connect/token`, {
    method: 'POST',
    body: new URLSearchParams([
      ['scope', 'read'],
      ['scope', 'read'],
    ]),
  })
  t.equal(repeated.status, 400, 'nothing else may be repeated')
  t.equal((await requestToken(instance, { resource: REPORTS })).status, 400)
})

await t.test('tokens of before keep working', async (t) => {
  const { instance, david } = await start(t)
  const tokens = await david.obtainTokens()
  t.strictSame(claimsOf(tokens.access_token).aud, [DOMAIN, REPORTS])
  t.equal(tokensOf(await david.refresh(tokens.refresh_token)).access_token !== '', true)
  t.equal(instance.log.filter((line) => line['level'] === 50).length, 0)
})

await t.test('RFC 3986 §6.2.2, §6.2.3: a resource is meant in every spelling that means the same', async (t) => {
  const { instance, put } = await start(t)
  const [SPELLED, ROOT] = ['https://Api.example.com:8443/v1/~reports?a=b', 'https://root.example.com']
  await put(SPELLED, ['spelled.read'])
  await put(ROOT, ['root.read'])
  const apis = { scope: ['reports.read', 'spelled.read', 'root.read'], apiResources: [REPORTS, SPELLED, ROOT] }
  await instance.addApp({ ...web, ...apis, applicationUri: 'my.trusted.app/three' })
  await instance.addApp({
    ...apis,
    applicationUri: 'my.trusted.app/alone',
    systemUserAllowed: true,
    systemUser: (await instance.addUser({ login: 'svc.two', type: 'SystemUserNoLogin' })).id,
  })
  const ask = (...resources: string[]) =>
    tokenRequest(instance, 'my.trusted.app/alone', { grant_type: 'client_credentials' }, ...resources)

  const same: readonly (readonly [string, readonly string[]])[] = [
    [
      ROOT,
      [
        'https://root.example.com/',
        'HTTPS://ROOT.example.com',
        'https://root.example.com:443',
        'https://root.example.com:443/',
        'https://root.example.com:/',
        'https://r%6fot.example.com/',
      ],
    ],
    [REPORTS, ['https://REPORTS.example.com/api', 'https://reports.example.com:443/api', `${REPORTS.slice(0, -1)}%69`]],
    [SPELLED, ['https://api.example.com:8443/v1/%7Ereports?a=b', 'https://api.EXAMPLE.com:8443/v1/%7ereports?%61=b']],
  ]
  for (const [registered, spellings] of same)
    for (const spelling of spellings)
      t.match(saysOf((await ask(spelling)).json), { aud: registered }, `${spelling}: aud is as it was registered`)
  t.match(saysOf((await ask('https://root.example.com/', ROOT)).json), { aud: ROOT }, 'two spellings are one API')

  for (const other of [
    `${REPORTS}/`,
    'https://reports.example.com/API',
    'https://reports.example.com/',
    'https://reports.example.com/api?',
    'https://reports.example.com/x/../api',
    'http://root.example.com/',
    'https://root.example.com:444/',
    'https://user@root.example.com/',
    'https://root.example.com//',
    'https://api.example.com:8443/v1/%2Freports?a=b',
  ])
    t.equal(refusalOf(await ask(other)), `400 invalid_target: ${NOT_OPEN}`, other)

  await t.test('at authorize, and when a grant is narrowed', async (t) => {
    const asThree = { client_id: 'my.trusted.app/three', scope: 'offline_access reports.read root.read' }
    const view = await authorize(instance, 'david', asThree, 'https://ROOT.example.com/', REPORTS)
    const code = view.leftTo?.searchParams.get('code') ?? ''
    const redeemed = await tokenRequest(
      instance,
      asThree.client_id,
      { grant_type: 'authorization_code', code, redirect_uri: WEB_REDIRECT },
      'https://root.example.com:443',
    )
    t.match(saysOf(redeemed.json), { aud: ROOT, scope: 'offline_access root.read' })
    const token = String(redeemed.json['refresh_token'])
    const refreshed = await tokenRequest(
      instance,
      asThree.client_id,
      { grant_type: 'refresh_token', refresh_token: token },
      'https://Reports.example.com/api',
    )
    t.match(saysOf(refreshed.json), { aud: REPORTS })
  })

  await t.test('tessera doctor tells of two that were registered before that was refused', async (t) => {
    const twin = { identifier: 'https://ROOT.example.com/', name: 'Twin', ...RESOURCE_DEFAULTS }
    await instance.core.store.write(({ resources }) =>
      resources.add({ ...twin, scopes: [{ name: 'root.read', description: undefined }] }, instance.now()),
    )
    const { stdout } = await tesseraOn(instance)(['doctor', '--no-online'])
    t.match(
      stdout,
      /^warning +resource https:\/\/root\.example\.com +its identifier names the same API as https:\/\/ROOT/m,
    )
    t.match(saysOf((await ask(ROOT)).json), { aud: ROOT }, 'each is still found under its own spelling')
  })
})
