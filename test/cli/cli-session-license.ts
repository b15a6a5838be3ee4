// SQLite alone: is about what commands print; test/admin/admin-api-sessions.ts does the same on both databases
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { obtainCode, obtainTokens, redeem, refresh } from '../fixtures/clients/code-flow.ts'
import { introspect, serviceToken, userinfo } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { HYBRID, SYNC, startWorld, WEB } from '../fixtures/instance/world.ts'
import { query } from '../fixtures/store/database.ts'
import { callApi, liveSessions, readNotices, serveApi } from '../fixtures/tokens/api-sessions.ts'

await t.test('tessera license: slots, and who is sure of one', async (t) => {
  const { instance } = await startWorld(t)
  await serveApi(instance)
  const tessera = tesseraOn(instance)
  const json = (line: string) => documentOf(tessera(words(`${line} --json`)))

  t.strictSame(await json('license show'), { slots: null, used: 0, free: null, kept: 0, reserved: [] })
  t.match(await tessera(words('license show')), {
    code: 0,
    stdout: /Slots +unlimited\n.*Used +0\n.*Free +unlimited\n.*Reserved +-/,
  })
  const set = { slots: 10, used: 0, free: 10, kept: 2, reserved: ['anna', 'david'] }
  t.strictSame(await json('license set --slots 10 --reserve david --reserve anna'), set)
  t.strictSame(await json('license set --reserve david@example.com'), set, 'once is enough')
  await callApi(instance, await serviceToken(instance))
  t.strictSame(await json('license show'), { ...set, used: 1, free: 9 })
  t.match(
    (await tessera(words('license show'))).stdout,
    /Free +9, of which 2 for reserved users\n +Reserved +anna\n +david/,
  )
  t.strictSame(await json('license set --unreserve anna'), { ...set, used: 1, free: 9, kept: 1, reserved: ['david'] })

  await callApi(instance, (await obtainTokens(instance)).access_token)
  const lowered = await tessera(words('license set --slots 1 --reserve anna --json'))
  t.strictSame(JSON.parse(lowered.stdout), { slots: 1, used: 2, free: 0, kept: 0, reserved: ['anna', 'david'] })
  t.equal(
    lowered.stderr,
    'warning: 2 users are reserved, but the number of slots is 1: they cannot all have a session at once\n' +
      'warning: 2 API sessions are open, but the number of slots is 1: nobody else gets a slot until enough of them have ended\n',
  )
  matchesWhole(t, await json('license set --slots unlimited'), { slots: null, used: 2, free: null })

  const refused = async (line: string, code: number, stderr: RegExp) =>
    matchesWhole(t, await tessera(words(line)), { code, stdout: '', stderr }, line)
  await refused('license set', 2, /nothing to change: give --slots, --reserve or --unreserve/)
  for (const slots of ['0', '1000000000'])
    await refused(`license set --slots ${slots}`, 2, /Expected a whole number, 1 or more, or the word unlimited/)
  await refused('license set --reserve davd', 1, /no user has the login.* did you mean david\?/)
  await refused('license set --slots 3 --reserve carla', 1, /carla is a community user/)
  await refused('license set --unreserve svc.sync', 1, /svc\.sync is not reserved; tessera license show/)
  matchesWhole(t, await json('license show'), { slots: null, reserved: ['anna', 'david'] }, 'nothing of it happened')

  const changes = await query<{ actor: string; detail: string }>(
    instance,
    "select actor, detail from audit_events where event = 'license_changed' order by happened_at, id",
  )
  t.ok(changes.every(({ actor }) => actor.startsWith('cli:')))
  t.strictSame(
    changes.map(({ detail }) => JSON.parse(detail) as unknown),
    [
      { fields: { slots: { from: 'unlimited', to: 10 }, reserved: { from: [], to: ['anna', 'david'] } } },
      { fields: { reserved: { from: ['anna', 'david'], to: ['david'] } } },
      { fields: { slots: { from: 10, to: 1 }, reserved: { from: ['david'], to: ['anna', 'david'] } } },
      { fields: { slots: { from: 1, to: 'unlimited' } } },
    ],
  )
})

await t.test('tessera session: who calls APIs, and ending that', async (t) => {
  const { instance, david, service } = await startWorld(t)
  await serveApi(instance)
  const tessera = tesseraOn(instance)
  // Commands go by the clock of the machine, so the one of the instance is not turned here.
  const json = async (line: string): Promise<unknown> => JSON.parse((await tessera(words(`${line} --json`))).stdout)
  const list = async (flags = '') => (await json(`session list${flags}`)) as Record<string, string>[]

  await t.test('list', async (t) => {
    t.match(await tessera(words('session list')), { code: 0, stdout: 'Nobody has an API session.\n' })
    const { session_id } = await callApi(instance, (await obtainTokens(instance)).access_token)
    const other = await callApi(instance, await serviceToken(instance))
    const all = await list()
    t.equal(all.length, 2)
    const mine = all.find(({ id }) => id === session_id)
    t.match(mine, { kind: 'user', user: 'david', app: WEB })
    t.strictSame(Object.keys(mine ?? {}), [
      ...['id', 'kind', 'user', 'app', 'apps', 'sid', 'token', 'openedAt', 'lastUsedAt', 'endsAt'],
    ])
    t.equal(Date.parse(mine?.['endsAt'] ?? '') - Date.parse(mine?.['lastUsedAt'] ?? ''), 20 * 60_000)
    t.strictSame(
      (await list(' --user david')).map(({ id }) => id),
      [session_id],
    )
    matchesWhole(t, await list(` --app ${SYNC}`), [
      { id: other.session_id, kind: 'service', user: 'svc.sync', app: SYNC },
    ])
    t.strictSame(await list(` --app ${SYNC} --user david`), [])
    t.match((await tessera(words('session list'))).stdout, /^ID +KIND +USER +APPS +OPENED +LAST USED +ENDS AT\n/)
    t.match(await tessera(words('session list --user davd')), { code: 1, stderr: /did you mean david\?/ })
    t.match(await tessera(words('session list --app nothing')), { code: 1, stderr: /nothing/ })
  })

  await t.test('end: the slot is free, and the token is still good', async (t) => {
    const { access_token: token } = await obtainTokens(instance)
    const { session_id } = await callApi(instance, token)
    const ended = await json(`session end ${session_id}`)
    t.strictSame(ended, { sessions: [session_id], tokenFamilies: 0, referenceTokens: 0, apps: [] })
    t.notOk((await liveSessions(instance)).includes(session_id))
    t.not((await callApi(instance, token)).session_id, session_id)
    t.match(await tessera(['session', 'end', session_id]), { code: 0, stdout: 'No API session was open.\n' })
    t.match(await tessera(['session', 'end', 'nothing']), { code: 1, stderr: /there is no API session nothing/ })
    for (const wrong of [[], [session_id, '--user', 'david']])
      t.match(await tessera(['session', 'end', ...wrong]), { code: 2, stderr: /the id of a session, or --user/ })
  })

  await t.test(
    'end --with-tokens: what was issued before is dead everywhere, of this app and user alone',
    async (t) => {
      const [first, second] = [await obtainTokens(instance), await obtainTokens(instance)]
      const anna = await obtainTokens(instance, {}, { login: 'anna' })
      const { session_id } = await callApi(instance, first.access_token)
      const hers = await callApi(instance, anna.access_token)
      const { next } = (await readNotices(instance)).json as { next: string }
      const before = ((await readNotices(instance, { since: next })).json as { notices: unknown[] }).notices
      const ended = (await json(`session end ${session_id} --with-tokens`)) as Record<string, unknown>
      t.strictSame([ended['referenceTokens'], ended['apps']], [0, [WEB]])
      t.ok((ended['sessions'] as string[]).includes(session_id), 'and what the app had open in other browsers')
      t.ok(Number(ended['tokenFamilies']) >= 2, 'one for each sign-in')
      const after = ((await readNotices(instance, { since: next })).json as { notices: unknown[] }).notices
      t.equal(after.length, before.length + 1, 'one notice')
      t.match(after.at(-1), { client_id: WEB, user_id: david.id })
      for (const { access_token, refresh_token } of [first, second]) {
        t.strictSame((await introspect(instance, access_token)).json, { active: false })
        t.equal((await userinfo(instance, access_token)).status, 401)
        await t.rejects(callApi(instance, access_token), /400.*invalid_token/)
        t.equal((await refresh(instance, refresh_token)).status, 400)
      }
      t.equal((await callApi(instance, anna.access_token)).session_id, hers.session_id)
      t.ok(
        (await callApi(instance, (await obtainTokens(instance)).access_token)).session_id,
        'whoever signs in again is in',
      )
    },
  )

  await t.test('end --with-tokens reaches the signed tokens of a service', async (t) => {
    const [sync, hybrid] = [await serviceToken(instance), await serviceToken(instance, HYBRID)]
    const [one, two] = [await callApi(instance, sync), await callApi(instance, hybrid)]
    matchesWhole(t, await json(`session end ${one.session_id} --with-tokens`), {
      sessions: [one.session_id],
      apps: [SYNC],
    })
    t.strictSame((await introspect(instance, sync, basic(SYNC))).json, { active: false })
    await t.rejects(callApi(instance, sync), /400.*invalid_token/)
    t.equal((await callApi(instance, hybrid)).session_id, two.session_id, 'the same System User at another app goes on')
    const next = await serviceToken(instance)
    t.match((await introspect(instance, next, basic(SYNC))).json, { active: true })
    await callApi(instance, next)
    const all = (await json('session end --user svc.sync --with-tokens')) as { sessions: string[]; apps: string[] }
    t.equal(all.sessions.length, 2)
    t.strictSame(all.apps, [HYBRID, SYNC])
    for (const token of [next, hybrid]) await t.rejects(callApi(instance, token), /400.*invalid_token/)
  })

  await t.test('end --user, with tokens that no session was opened for', async (t) => {
    const { access_token: token } = await obtainTokens(instance)
    matchesWhole(t, await json('session end --user david'), { tokenFamilies: 0, apps: [] })
    t.match((await introspect(instance, token)).json, { active: true })
    matchesWhole(t, await json('session end --user david --with-tokens'), { sessions: [], apps: [WEB] })
    t.strictSame((await introspect(instance, token)).json, { active: false })
    t.match(await tessera(words('session end --user david --with-tokens')), {
      code: 0,
      stdout:
        'No API session was open.\nEnded: the tokens of 0 sign-ins, 0 reference tokens, and all signed tokens (no app has any).\n',
    })
  })

  await t.test('end --user --with-tokens: a code that no app has redeemed yet is dead as well', async (t) => {
    const code = await obtainCode(instance)
    matchesWhole(t, await json('session end --user david --with-tokens'), { apps: [] })
    t.match((await redeem(instance, code)).json, {
      error: 'invalid_grant',
      error_description: /^the code was ended before it was redeemed/,
    })
  })

  await t.test('the audit log tells of each', async (t) => {
    const rows = await query<{ application_uri: string; user_id: string; actor: string; detail: string }>(
      instance,
      "select application_uri, user_id, actor, detail from audit_events where event = 'api_session_ended' order by happened_at, id",
    )
    t.equal(rows.length, 9)
    t.ok(rows.every(({ actor }) => actor.startsWith('cli:')))
    const details = rows.map((row) => ({
      app: row.application_uri,
      user: row.user_id,
      ...(JSON.parse(row.detail) as object),
    }))
    for (const detail of details) t.match(detail, { user: String, sessions: Array, withTokens: Boolean })
    const [ofNoToken, ofCode] = details.slice(-2)
    for (const detail of [ofNoToken, ofCode])
      t.strictSame(
        detail,
        { app: null, user: david.id, sessions: [], withTokens: true },
        'of a code that no app has, too',
      )
    t.match(details.at(-3), { app: WEB, user: david.id, withTokens: true })
    t.ok(details.some(({ user, app }) => user === service.id && app === SYNC))
  })
})
