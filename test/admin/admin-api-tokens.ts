import t from 'tap'
import { addTool, appPath, auditOf, createAdminApi, isProblem, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { obtainCode, redeem } from '../fixtures/clients/code-flow.ts'
import { introspect, serviceToken } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { enableUser, SYNC, startWorld, WEB } from '../fixtures/instance/world.ts'
import { changeApp, issue } from '../fixtures/tokens/reference-tokens.ts'

const { instance, david } = await startWorld(t)
const CONSOLE = 'my.admin/console'
const REDIRECT = 'https://admin.example.com/cb'
await addTool(instance)
await instance.addApp({
  applicationUri: CONSOLE,
  impersonateAsInternalUserAllowed: true,
  impersonateLoginUrl: [REDIRECT],
  scope: ['sec'],
  administrationAllowed: true,
  accessTokens: 'AdministratorsOnly',
})
for (const app of [WEB, SYNC]) await changeApp(instance, app, { accessTokens: 'AuthenticatedUsers' })
const eva = await instance.addUser({ login: 'eva', isAdmin: true })
const tool = createAdminApi(instance, await serviceToken(instance, TOOL))
const tokensPath = (app: string): string => `${appPath(app)}/tokens`

/** The API as Eva calls it through the console. */
async function asEva() {
  const code = await obtainCode(
    instance,
    { client_id: CONSOLE, redirect_uri: REDIRECT, scope: 'openid sec' },
    { login: 'eva' },
  )
  const tokens = tokensOf(await redeem(instance, code, { redirect_uri: REDIRECT }, basic(CONSOLE)))
  return createAdminApi(instance, tokens.access_token)
}

await t.test('a SAT is made, listed and revoked by a service', async (t) => {
  const made = await tool.post(tokensPath(SYNC), { kind: 'SAT', scope: 'read', expires_at: '30d', description: 'sync' })
  t.equal(made.status, 201, made.text)
  const { token, id, ...shown } = made.json as Record<string, string>
  noteSecret(String(token))
  matchesWhole(t, made.json, {
    token: /^enrt_[0-9A-F]{64}$/,
    kind: 'SAT',
    app: SYNC,
    user: 'svc.sync',
    scope: 'read',
    description: 'sync',
    created_by: `app:${TOOL}`,
    expires_at: new Date(instance.now() + 30 * 86_400_000).toISOString(),
    last_used_at: null,
    revoked_at: null,
    state: 'live',
    reason: null,
  })
  t.match((await introspect(instance, String(token), basic(SYNC))).json, { active: true, scope: 'read' })
  const listed = (await tool.get(tokensPath(SYNC))).json
  matchesWhole(t, listed, { items: [{ id, ...shown, last_used_at: /./ }], next: null })
  t.notOk(JSON.stringify(listed).includes(String(token)))
  isProblem(t, instance, await tool.remove(`${tokensPath(WEB)}/${id}`), {
    status: 404,
    type: 'not-found',
    errors: ['id: no token here has this id'],
  })
  t.equal((await tool.remove(`${tokensPath(SYNC)}/${id}`)).status, 204)
  t.equal((await tool.remove(`${tokensPath(SYNC)}/${id}`)).status, 204, 'again')
  t.strictSame((await introspect(instance, String(token), basic(SYNC))).json, { active: false })
  const names = (await auditOf(instance, { app: SYNC })).map(({ event, actor }) => `${event} ${actor}`)
  t.strictSame(
    names.filter((name) => name.startsWith('reference')),
    [`reference_token_issued app:${TOOL}`, `reference_token_revoked app:${TOOL}`],
  )
})

await t.test('an administrator makes a PAT for themselves, or for somebody else', async (t) => {
  const api = await asEva()
  const made = await api.post(tokensPath(WEB), { kind: 'PAT' })
  t.match(made.json, { kind: 'PAT', user: 'eva', user_id: eva.id, scope: 'read update', created_by: `user:${eva.id}` })
  noteSecret(String(made.json['token']))
  isProblem(t, instance, await tool.post(tokensPath(WEB), { kind: 'PAT' }), {
    status: 422,
    type: 'impossible-record',
    errors: [
      'kind: a PAT acts as a person, but this access token belongs to an app; say whom it is for (user), create a SAT, or sign in',
    ],
  })

  await t.test('whom it is for is on record, with who made it', async (t) => {
    for (const [by, api, user] of [
      [`user:${eva.id}`, await asEva(), 'DAVID@example.com'],
      [`app:${TOOL}`, tool, david.id],
    ] as const) {
      const made = await api.post(tokensPath(WEB), { kind: 'PAT', user, scope: 'read' })
      t.equal(made.status, 201, made.text)
      const { token, id } = made.json as Record<string, string>
      noteSecret(String(token))
      t.match(made.json, { kind: 'PAT', user: 'david', user_id: david.id, created_by: by })
      t.match((await introspect(instance, String(token), basic(WEB))).json, { active: true, username: 'david' })
      const events = await auditOf(instance, { app: WEB, user: david.id })
      matchesWhole(
        t,
        events.filter(({ detail }) => detail?.['token'] === id),
        [{ event: 'reference_token_issued', actor: by, user: david.id, detail: { token: id, kind: 'PAT' } }],
      )
    }
  })

  await t.test('for nobody who could not use it', async (t) => {
    const refused = async (user: string, problem: Parameters<typeof isProblem>[3], kind = 'PAT') =>
      isProblem(t, instance, await tool.post(tokensPath(kind === 'PAT' ? WEB : SYNC), { kind, user }), problem)
    const conflict = (reason: string) => ({ status: 409, type: 'conflict', errors: [reason] }) as const
    await refused('nobody', { status: 404, type: 'not-found' })
    const internal = 'user: only internal users have access to APIs'
    await refused('carla', conflict(`${internal}; create one for an internal user`))
    const sat = `a System User has a SAT: tessera token issue-sat --app ${WEB}`
    await refused('svc.sync', conflict(`${internal}; ${sat}`))
    await enableUser(instance, david, false)
    const off = 'user: david is disabled; enable the account with: tessera user enable david'
    await refused('david', conflict(off))
    await enableUser(instance, david, true)
    const omit = { status: 422, type: 'impossible-record' } as const
    await refused('david', { ...omit, errors: ['user: a SAT acts as the System User of the app; omit it'] }, 'SAT')
    isProblem(t, instance, await tool.post(tokensPath(WEB), { kind: 'PAT', user: '' }), {
      status: 400,
      type: 'malformed-request',
    })
  })

  await t.test('an administrator who is none any more while they wait makes none', async (t) => {
    const api = await asEva()
    await instance.core.store.write(({ users }) => users.update({ ...eva, isAdmin: false }, instance.now()))
    isProblem(t, instance, await api.post(tokensPath(WEB), { kind: 'PAT', user: 'david' }), {
      status: 403,
      type: 'not-allowed',
    })
    await instance.core.store.write(({ users }) => users.update({ ...eva, isAdmin: true }, instance.now()))
  })
})

await t.test('a reference token administers, but makes no other one', async (t) => {
  const { value } = await issue(instance, { kind: 'PAT', app: CONSOLE, user: 'eva' })
  const api = createAdminApi(instance, value)
  t.equal((await api.get(tokensPath(WEB))).status, 200)
  for (const body of [{ kind: 'PAT' }, { kind: 'SAT' }]) {
    const answer = await api.post(tokensPath(SYNC), body)
    isProblem(t, instance, answer, {
      status: 403,
      type: 'not-allowed',
      detail: 'a reference token cannot create another one: sign in instead',
    })
    t.match(answer.headers.get('www-authenticate'), /error="insufficient_scope"/)
    t.match(
      instance.log.findLast((entry) => 'refusal' in entry),
      {
        app: CONSOLE,
        cause: { rule: 'reference-token-makes-none', actor: `user:${eva.id}` },
      },
    )
  }
  await instance.core.store.write(({ users }) => users.update({ ...eva, isAdmin: false }, instance.now()))
  t.equal((await api.get(tokensPath(WEB))).status, 403, 'who is no administrator any more administers nothing')
  await instance.core.store.write(({ users }) => users.update({ ...eva, isAdmin: true }, instance.now()))
})

await t.test('what cannot be made', async (t) => {
  isProblem(t, instance, await tool.post(tokensPath('nobody'), { kind: 'SAT' }), { status: 404, type: 'not-found' })
  isProblem(t, instance, await tool.get(tokensPath('nobody')), { status: 404, type: 'not-found' })
  isProblem(t, instance, await tool.post(tokensPath(SYNC), { kind: 'SAT', scope: 'openid', expires_at: '0' }), {
    status: 422,
    type: 'impossible-record',
    errors: [
      'scope: openid belongs to a sign-in, and a reference token is only for APIs; omit it',
      'expires_at: is not in the future',
    ],
  })
  isProblem(t, instance, await tool.post(tokensPath(WEB), { kind: 'SAT' }), { status: 409, type: 'conflict' })
  isProblem(t, instance, await tool.post(tokensPath(SYNC), { kind: 'XYZ' }), {
    status: 400,
    type: 'malformed-request',
    errors: ['kind: expects PAT or SAT'],
  })
  isProblem(t, instance, await tool.post(tokensPath(SYNC), {}), { status: 400, type: 'malformed-request' })
})

await t.test('the list comes in pages, the newest first', async (t) => {
  const made: string[] = []
  for (let count = 0; count < 5; count++) {
    instance.advance(1)
    made.push((await issue(instance, { kind: 'PAT', app: WEB, user: 'anna' })).token.id)
  }
  const seen: string[] = []
  for (let next: unknown = ''; next !== null; ) {
    const { json } = await tool.get(`${tokensPath(WEB)}?limit=2${next === '' ? '' : `&cursor=${next}`}`)
    seen.push(...(json['items'] as { id: string }[]).map(({ id }) => id))
    next = json['next']
  }
  t.strictSame(seen.slice(0, 5), made.toReversed())
})
