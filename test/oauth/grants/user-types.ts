import t from 'tap'
import { addTool, createAdminApi, TOOL } from '../../fixtures/admin/admin.ts'
import { refusedByRedirect } from '../../fixtures/answers/refusals.ts'
import { answerOf, authorize, obtainCode, redeem, refresh } from '../../fixtures/clients/code-flow.ts'
import { introspect, requestServiceToken, serviceToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { PORTAL, PORTAL_REDIRECT, SYNC, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import type { View } from '../../fixtures/sign-in/browser.ts'

const { instance, carla, david, service } = await startWorld(t)
await addTool(instance)
const eva = await instance.addUser({ login: 'eva', name: 'Eva Admin', isAdmin: true })
await instance.addUser({ login: 'cleo', type: 'ExternalCommunityUser', isAdmin: true })
const { store } = instance.core

const COMMUNITY = 'my.trusted.app/community'
const COMMUNITY_REDIRECT = 'https://community.example.com/cb'
const CONSOLE = 'my.admin/console'
const CONSOLE_REDIRECT = 'https://console.example.com/cb'
await instance.addApp({
  applicationUri: COMMUNITY,
  impersonateAsCommunityUserAllowed: true,
  impersonateLoginUrl: [COMMUNITY_REDIRECT],
})
await instance.addApp({
  applicationUri: CONSOLE,
  impersonateAsInternalUserAllowed: true,
  impersonateAsCommunityUserAllowed: true,
  impersonateLoginUrl: [CONSOLE_REDIRECT],
  scope: ['sec', 'read'],
  administrationAllowed: true,
})
const REDIRECT_OF: Readonly<Record<string, string>> = {
  [WEB]: WEB_REDIRECT,
  [PORTAL]: PORTAL_REDIRECT,
  [COMMUNITY]: COMMUNITY_REDIRECT,
  [CONSOLE]: CONSOLE_REDIRECT,
}

const requestTo = (app: string, scope: string) => ({ client_id: app, redirect_uri: REDIRECT_OF[app] ?? '', scope })

/** What becomes of a sign-in: a code, the error the app is told, or the sign-in form again. */
function outcomeOf(view: View): string {
  if (!view.leftTo) return view.page.querySelector('#login-submit') ? 'no sign-in' : `page ${view.status}`
  const answer = answerOf(view)
  return answer.get('error') ?? (answer.has('code') ? 'code' : 'nothing')
}

async function tokensFor(login: string, app: string, scope: string) {
  const code = await obtainCode(instance, requestTo(app, scope), { login })
  return tokensOf(await redeem(instance, code, { redirect_uri: REDIRECT_OF[app] }, basic(app)))
}

// The kinds of account, and what product.md lets each of them do.
const TYPES = [
  'InternalUser',
  'ExternalCommunityUser',
  'SystemUserNoLogin',
  'administrator',
  'community administrator',
] as const
const LOGIN: Readonly<Record<(typeof TYPES)[number], string>> = {
  InternalUser: 'david',
  ExternalCommunityUser: 'carla',
  SystemUserNoLogin: 'svc.sync',
  administrator: 'eva',
  'community administrator': 'cleo',
}

interface Flow {
  readonly flow: string
  readonly run: (login: string) => Promise<string>
  /** In the order of TYPES. */
  readonly outcomes: readonly [string, string, string, string, string]
}

const signIn = (app: string, scope: string) => async (login: string) =>
  outcomeOf(await authorize(instance, requestTo(app, scope), { login }))

/** Runs only for those who get tokens; nobody else can come as far. */
const withTokens =
  (scope: string, see: (tokens: Awaited<ReturnType<typeof tokensFor>>) => Promise<string>) => async (login: string) => {
    const outcome = await signIn(CONSOLE, scope)(login)
    return outcome === 'code' ? see(await tokensFor(login, CONSOLE, scope)) : outcome
  }

const claim = async (token: string, name: string): Promise<string> => String(claimsOf(token)[name])
const userinfoOf = async (token: string): Promise<string> => {
  const { json } = await userinfo(instance, token)
  return String(json['preferred_username'] ?? json['error'])
}
const manage = async (token: string): Promise<string> =>
  String((await createAdminApi(instance, token).get('/users')).status)

const FLOWS: readonly Flow[] = [
  {
    flow: 'authorize at an app of internal users',
    run: signIn(WEB, 'openid'),
    outcomes: ['code', 'access_denied', 'no sign-in', 'code', 'access_denied'],
  },
  {
    flow: 'authorize at an app of community users',
    run: signIn(COMMUNITY, 'openid'),
    outcomes: ['access_denied', 'code', 'no sign-in', 'access_denied', 'code'],
  },
  {
    flow: 'authorize at an app of both',
    run: signIn(PORTAL, 'openid profile email offline_access'),
    outcomes: ['code', 'code', 'no sign-in', 'code', 'code'],
  },
  {
    flow: 'authorize with an API scope',
    run: signIn(PORTAL, 'openid read'),
    outcomes: ['code', 'invalid_scope', 'no sign-in', 'code', 'invalid_scope'],
  },
  {
    flow: 'authorize with the scope of the administration API',
    run: signIn(CONSOLE, 'openid sec'),
    outcomes: ['code', 'invalid_scope', 'no sign-in', 'code', 'invalid_scope'],
  },
  {
    flow: 'token: user_type',
    run: withTokens('openid profile', ({ access_token: token }) => claim(token, 'user_type')),
    outcomes: ['InternalUser', 'ExternalCommunityUser', 'no sign-in', 'InternalUser', 'ExternalCommunityUser'],
  },
  {
    flow: 'token: is_admin',
    run: withTokens('openid profile', ({ access_token: token }) => claim(token, 'is_admin')),
    outcomes: ['false', 'false', 'no sign-in', 'true', 'true'],
  },
  {
    flow: 'token: audience without an API scope',
    run: withTokens('openid', async ({ access_token: token }) =>
      (await claim(token, 'aud')) === instance.issuer ? 'UserInfo alone' : 'an API',
    ),
    outcomes: ['UserInfo alone', 'UserInfo alone', 'no sign-in', 'UserInfo alone', 'UserInfo alone'],
  },
  {
    flow: 'token: audience with an API scope',
    run: withTokens('openid read', ({ access_token: token }) => claim(token, 'aud')),
    outcomes: ['DomainAPI', 'invalid_scope', 'no sign-in', 'DomainAPI', 'invalid_scope'],
  },
  {
    flow: 'an ID token',
    run: withTokens('openid', async ({ id_token: token }) => (claimsOf(token)['sub'] ? 'given' : 'none')),
    outcomes: ['given', 'given', 'no sign-in', 'given', 'given'],
  },
  {
    flow: 'refresh',
    run: withTokens('openid offline_access', async ({ refresh_token: token }) =>
      String((await refresh(instance, token, {}, basic(CONSOLE))).status),
    ),
    outcomes: ['200', '200', 'no sign-in', '200', '200'],
  },
  {
    flow: 'refresh that asks for an API scope',
    run: withTokens('openid offline_access', async ({ refresh_token: token }) => {
      const answer = await refresh(instance, token, { scope: 'openid read' }, basic(CONSOLE))
      return String((answer.json as Record<string, unknown>)['error'])
    }),
    outcomes: ['invalid_scope', 'invalid_scope', 'no sign-in', 'invalid_scope', 'invalid_scope'],
  },
  {
    flow: 'userinfo',
    run: withTokens('openid profile', ({ access_token: token }) => userinfoOf(token)),
    outcomes: ['david', 'carla', 'no sign-in', 'eva', 'cleo'],
  },
  {
    flow: 'introspection: username',
    run: withTokens('openid', async ({ access_token: token }) =>
      String((await introspect(instance, token, basic(CONSOLE))).json['username']),
    ),
    outcomes: ['david', 'carla', 'no sign-in', 'eva', 'cleo'],
  },
  {
    flow: 'administration API without its scope',
    run: withTokens('openid', ({ access_token: token }) => manage(token)),
    outcomes: ['403', '403', 'no sign-in', '403', '403'],
  },
  {
    flow: 'administration API with its scope',
    run: withTokens('openid sec', ({ access_token: token }) => manage(token)),
    outcomes: ['403', 'invalid_scope', 'no sign-in', '200', 'invalid_scope'],
  },
]

for (const { flow, run, outcomes } of FLOWS) {
  await t.test(flow, async (t) => {
    for (const [index, type] of TYPES.entries()) t.equal(await run(LOGIN[type]), outcomes[index], type)
  })
}

await t.test('a community user who is asked for an API scope is told why it cannot be', async (t) => {
  const view = await authorize(instance, requestTo(PORTAL, 'openid read update'), { login: 'carla' })
  refusedByRedirect(t, instance, view, {
    error: 'invalid_scope',
    description: 'community users have no access to the APIs of the instance: read update',
    cause: { user: carla.id },
  })
})

await t.test('a person whom the app does not admit is told which kind it does not', async (t) => {
  const kind = async (app: string, login: string) =>
    answerOf(await authorize(instance, requestTo(app, 'openid'), { login })).get('error_description')
  t.equal(await kind(WEB, 'carla'), 'the app does not admit community users')
  t.equal(await kind(COMMUNITY, 'david'), 'the app does not admit internal users')
})

await t.test('an app that stops admitting a kind of user stops at the next code and refresh', async (t) => {
  const record = await store.read.apps.find(PORTAL)
  if (!record) throw new Error('no record')
  const admit = (community: boolean) =>
    store.write(({ apps }) => apps.update({ ...record, impersonateAsCommunityUserAllowed: community }, instance.now()))
  const { refresh_token: token } = await tokensFor('carla', PORTAL, 'openid offline_access')
  const code = await obtainCode(instance, requestTo(PORTAL, 'openid'), { login: 'carla' })
  await admit(false)
  t.match((await refresh(instance, token, {}, basic(PORTAL))).json, { error: 'invalid_grant' })
  const redeemed = await redeem(instance, code, { redirect_uri: PORTAL_REDIRECT }, basic(PORTAL))
  t.match(redeemed.json, { error: 'invalid_grant' })
  await admit(true)
  t.equal((await refresh(instance, token, {}, basic(PORTAL))).status, 200)
})

await t.test('a System User acts through its app, and is told from a person by the claims alone', async (t) => {
  const token = await serviceToken(instance, SYNC)
  const claims = claimsOf(token)
  t.match(claims, {
    sub: SYNC,
    client_id: SYNC,
    client_system_user: 'svc.sync',
    client_system_user_type: 'SystemUserNoLogin',
    client_system_user_id: service.id,
    aud: 'DomainAPI',
  })
  for (const absent of ['id', 'auth_time', 'sid', 'amr', 'idp', 'user_type', 'name', 'email', 'is_admin'])
    t.notOk(absent in claims, absent)
  const answer = await userinfo(instance, token)
  t.equal(answer.status, 403, 'speaks for no person')
  const { json: told } = await introspect(instance, token, basic(SYNC))
  t.match(told, { active: true, client_system_user: 'svc.sync' })
  t.notOk('username' in told)
  t.equal(await manage(token), '403', 'no mark, no administration')
  t.equal(await manage(await serviceToken(instance, TOOL)), '200', 'the mark of the app is enough')
  const asked = await requestServiceToken(instance, basic(SYNC), { scope: 'openid' })
  t.match(asked.json, { error: 'invalid_scope' })
})

await t.test('a person’s claims say who and which kind', async (t) => {
  const { access_token: token } = await tokensFor('eva', CONSOLE, 'openid profile read')
  const claims = claimsOf(token)
  t.match(claims, { sub: eva.id, id: eva.id, user_type: 'InternalUser', is_admin: true, scope: 'openid profile read' })
  t.notOk(Object.keys(claims).some((name) => name.startsWith('client_system_user')))
  t.not(claims['sub'], david.id)
})
