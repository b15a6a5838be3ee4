import t, { type Test } from 'tap'
import { changeInstanceSettings } from '../../src/admin/change/instance-settings.ts'
import { AUDIT_EVENTS } from '../../src/domain/instance/audit.ts'
import { createBatches } from '../../src/lib/flow/batches.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, type Tessera, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { authorizeUrl, endSessionUrl, requestToken } from '../fixtures/clients/endpoints.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { changedBy } from '../fixtures/instance/changed-by.ts'
import { type Instance, PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import { AS_THEY_CAME, alter, query } from '../fixtures/store/database.ts'

const WEB = 'my.trusted.app/web'
const SYNC = 'my.trusted.app/sync'
const WRONG_PASSWORD = 'canary-of-a-wrong-password-0123456789'
const NEW_PASSWORD = 'canary-of-a-new-password-0123456789'
const WRONG_SECRET = 'canary-of-a-wrong-secret-0123456789'
const DAY = 86_400_000

interface Row {
  readonly event: string
  readonly outcome: string
  readonly actor: string
  readonly address: string | null
  readonly application_uri: string | null
  readonly user_id: string | null
  readonly detail: string
}

interface Shown {
  readonly at: string
  readonly event: string
  readonly actor: string
  readonly app: string | null
  readonly user: string | null
  readonly detail: Record<string, unknown>
}

async function rowsOf(instance: Instance): Promise<(Omit<Row, 'detail'> & { detail: Record<string, unknown> })[]> {
  // Events are stored right after the answer.
  await instance.server.audit.flush()
  const rows = await query<Row>(instance, `select * from audit_events ${AS_THEY_CAME}`)
  return rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) as Record<string, unknown> }))
}

const linesOf = async (tessera: Tessera, flags = ''): Promise<Shown[]> => {
  const { code, stdout, stderr } = await tessera(words(`audit export ${flags}`))
  if (code !== 0) throw new Error(stderr)
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Shown)
}

async function start(t: Test): Promise<{ instance: Instance; tessera: Tessera }> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  return { instance, tessera: tesseraOn(instance) }
}

await t.test('a whole story is told, and no secret with it', async (t) => {
  const { instance, tessera } = await start(t)
  const run = (line: string, input?: string) => documentOf(tessera(words(`${line} --json`), input))
  const canaries = new Map<string, string>([
    ['password', PASSWORD],
    ['wrong password', WRONG_PASSWORD],
    ['new password', NEW_PASSWORD],
    ['wrong secret', WRONG_SECRET],
  ])
  const david = String((await run('user add david --password-stdin', PASSWORD))['id'])
  const svc = String((await run('user add svc.sync --type SystemUserNoLogin'))['id'])
  const web = await run(
    `app register ${WEB} --web --redirect-uri ${WEB_REDIRECT} --scope "read update" --set RequirePkce=false`,
  )
  const sync = await run(`app register ${SYNC} --service --system-user svc.sync --scope read`)
  canaries.set('secret of the web app', String(web['client_secret']))
  canaries.set('secret of the service', String(sync['client_secret']))

  const secret = String(web['client_secret'])
  const party = createRelyingParty(instance, { clientId: WEB, secret, login: 'david' })
  const first = await party.browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
  await party.browser.submit(first, 'login-submit', { username: 'david', password: WRONG_PASSWORD })
  await party.browser.submit(first, 'login-submit', { username: WRONG_PASSWORD, password: WRONG_PASSWORD })
  const asked = await party.browser.submit(first, 'login-submit', { username: 'david', password: PASSWORD })
  await party.browser.submit(asked, 'consent-deny')

  const code = await party.obtainCode({ state: 'canary-of-the-state-of-the-app-01234567' })
  canaries.set('state', 'canary-of-the-state-of-the-app-01234567')
  const tokens = tokensOf(await party.redeem(code))
  const second = tokensOf(await party.refresh(tokens.refresh_token))
  await party.revoke(second.access_token)
  instance.advance(60_000)
  t.equal((await party.refresh(tokens.refresh_token)).status, 400, 'a refresh token comes back')
  t.equal((await party.redeem(code)).status, 400, 'and so does the code, which ends nothing any more')
  const leaked = await party.obtainCode()
  t.equal((await party.redeem(leaked)).status, 200)
  for (let turn = 0; turn < 3; turn++) t.equal((await party.redeem(leaked)).status, 400, 'that of a live sign-in does')
  const service = await requestToken(instance, {
    grant_type: 'client_credentials',
    client_id: SYNC,
    client_secret: String(sync['client_secret']),
  })
  for (let attempt = 0; attempt < 5; attempt++)
    await requestToken(instance, {
      client_id: SYNC,
      client_secret: WRONG_SECRET,
      grant_type: 'x',
    })
  const out = await party.browser.open(endSessionUrl(instance))
  await party.browser.submit(out, 'logout-confirm')
  for (const [name, { access_token: access, refresh_token: refresh, id_token: id }] of Object.entries({
    first: tokens,
    second,
  })) {
    canaries.set(`${name} access token`, access)
    canaries.set(`${name} refresh token`, refresh)
    canaries.set(`${name} ID token`, id)
  }
  canaries.set('code', code.code).set('verifier', code.verifier)
  canaries.set('service token', String(service.json['access_token']))
  for (const { key, value } of await party.browser.jar.getCookies(instance.origin)) canaries.set(`cookie ${key}`, value)

  await run(`app update ${WEB} --set Scope=read --set RequirePkce=true`)
  canaries.set(
    'rotated secret',
    String((await run(`app rotate-secret ${WEB} --overlap 1d --label next`))['client_secret']),
  )
  await run(`app disable ${WEB}`)
  await run('user set-password david --password-stdin', NEW_PASSWORD)
  await run('user disable david')
  await run('key rotate')
  await run('resource add urn:example:archive --scope archive')
  await run(`app remove ${SYNC} --yes`)

  const rows = await rowsOf(instance)

  await t.test('every event with its actor, address, app and user', async (t) => {
    const who = rows.map(({ event, outcome, actor, address, application_uri: app, user_id: user }) =>
      [event, outcome, actor.replace(/^cli:.*/, 'cli'), address, app, user].join(' '),
    )
    const here = '127\\.0\\.0\\.1|::1|::ffff:127\\.0\\.0\\.1'
    const line = (event: string, outcome: string, actor: string, address: string, app: string, user: string) =>
      new RegExp(`^${event} ${outcome} ${actor} (${address}) ${app} ${user}$`)
    const [byWeb, bySync, byDavid] = [`app:${WEB}`, `app:${SYNC}`, `user:${david}`]
    const expected = [
      line('user_added', 'success', 'cli', '', '', david),
      line('user_added', 'success', 'cli', '', '', svc),
      line('app_registered', 'success', 'cli', '', WEB, ''),
      line('app_secret_added', 'success', 'cli', '', WEB, ''),
      line('app_registered', 'success', 'cli', '', SYNC, ''),
      line('app_secret_added', 'success', 'cli', '', SYNC, ''),
      line('sign_in_failed', 'failure', 'nobody', here, WEB, david),
      line('sign_in_failed', 'failure', 'nobody', here, WEB, ''),
      line('sign_in', 'success', byDavid, here, WEB, david),
      line('consent_denied', 'failure', byDavid, here, WEB, david),
      line('consent_granted', 'success', byDavid, here, WEB, david),
      line('token_issued', 'success', byWeb, here, WEB, david),
      line('token_issued', 'success', byWeb, here, WEB, david),
      line('token_revoked', 'success', byWeb, here, WEB, david),
      line('refresh_reuse', 'failure', byWeb, here, WEB, david),
      line('token_issued', 'success', byWeb, here, WEB, david),
      line('code_reuse', 'failure', byWeb, here, WEB, david),
      line('token_issued', 'success', bySync, here, SYNC, svc),
      line('app_authentication_failed', 'failure', 'nobody', here, SYNC, ''),
      line('sign_out', 'success', byDavid, here, '', david),
      line('app_updated', 'success', 'cli', '', WEB, ''),
      line('app_secret_added', 'success', 'cli', '', WEB, ''),
      line('app_disabled', 'success', 'cli', '', WEB, ''),
      line('user_password_set', 'success', 'cli', '', '', david),
      line('user_disabled', 'success', 'cli', '', '', david),
      line('key_rotated', 'success', 'cli', '', '', ''),
      line('resource_added', 'success', 'cli', '', '', ''),
      line('app_removed', 'success', 'cli', '', SYNC, ''),
    ]
    t.equal(who.length, expected.length, who.join('\n'))
    for (const [index, pattern] of expected.entries()) t.match(who[index], pattern)
  })

  await t.test('what happened, with before and after', async (t) => {
    const detailOf = (event: string, nth = 0) => rows.filter((row) => row.event === event)[nth]?.detail
    t.strictSame(detailOf('app_updated'), {
      fields: { Scope: { from: 'read update', to: 'read' }, RequirePkce: { from: false, to: true } },
    })
    matchesWhole(t, detailOf('app_registered'), { fields: { ApplicationUri: { from: null, to: WEB } } })
    matchesWhole(t, detailOf('app_removed'), { fields: { Scope: { from: 'read', to: null } } })
    matchesWhole(t, detailOf('app_secret_added', 2), { label: 'next', expiresAt: null, previousExpiresAt: /Z$/ })
    matchesWhole(t, detailOf('user_added'), { fields: { login: { from: null, to: 'david' } } })
    t.match(detailOf('resource_added'), { resource: 'urn:example:archive' })
    t.match(detailOf('key_rotated'), { algorithm: 'RS256' })
    t.strictSame(detailOf('sign_in_failed'), { cause: 'the password is wrong' })
    t.strictSame(detailOf('sign_in_failed', 1), { cause: 'no account has this login or e-mail' })
    t.strictSame(detailOf('app_authentication_failed'), { cause: 'the secret is wrong: it is not the one of the app' })
    t.strictSame(detailOf('consent_granted'), { scope: 'openid offline_access read' })
    const jti = (token: string) =>
      (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }).jti
    const issued = (grant: string, token: string) => ({
      grant,
      scope: 'openid offline_access read',
      audience: ['DomainAPI'],
      token: jti(token),
      refreshable: true,
    })
    t.strictSame(detailOf('token_issued'), issued('authorization_code', tokens.access_token))
    t.strictSame(detailOf('token_issued', 1), issued('refresh_token', second.access_token))
    t.match(detailOf('token_issued', 3), { grant: 'client_credentials', scope: 'read', refreshable: false })
    t.strictSame(detailOf('token_revoked'), { kind: 'access_token', token: jti(second.access_token) })
  })

  await t.test('one JSON line each on the log of the server', async (t) => {
    const logged = instance.log.flatMap((record) => (record['audit'] as { id: string } | undefined)?.id ?? [])
    const served = await query<{ id: string }>(
      instance,
      `select id from audit_events where actor not like 'cli:%' ${AS_THEY_CAME}`,
    )
    t.strictSame(
      logged,
      served.map(({ id }) => id),
    )
  })

  await t.test('no canary is in the table, on the log, in the list or in the export', async (t) => {
    const list = await tessera(words('audit list --limit 1000'))
    const exported = await tessera(words('audit export'))
    t.equal(exported.stdout.trim().split('\n').length, rows.length)
    const places = {
      table: JSON.stringify(await query(instance, 'select * from audit_events')),
      log: JSON.stringify(instance.log),
      list: list.stdout,
      export: exported.stdout,
    }
    t.ok(canaries.size >= 16, `${canaries.size} canaries`)
    for (const [place, text] of Object.entries(places)) {
      t.ok(text.length > 1000, `${place} holds something`)
      for (const [name, value] of canaries) if (text.includes(value)) t.fail(`${name} is in the ${place}`)
    }
  })

  await t.test('tessera audit: filters', async (t) => {
    const names = async (flags: string) => (await linesOf(tessera, flags)).map(({ event }) => event)
    // Within one millisecond, and the clock stands still here, the order is nobody's.
    t.strictSame(
      (await names(`--app ${SYNC}`)).sort(),
      ['app_authentication_failed', 'app_registered', 'app_removed', 'app_secret_added', 'token_issued'],
      'of an app that is gone',
    )
    t.strictSame(await names('--event consent_denied'), ['consent_denied'])
    t.strictSame(new Set((await linesOf(tessera, '--user david')).map(({ user }) => user)), new Set([david]))
    t.strictSame(await names('--since 2100-01-01'), [])
    t.strictSame(await names('--until 7d'), [])
    t.equal((await names('--since 1d --limit 3')).length, 3)
    const listed = JSON.parse((await tessera(words('audit list --json --limit 2'))).stdout) as Shown[]
    t.equal(listed.length, 2)
    const text = await tessera(words('audit list --event sign_in_failed'))
    t.match(text.stdout, /^TIME +EVENT +OUTCOME +ACTOR +ADDRESS +APP +USER +DETAIL\n/)
    t.match(
      text.stdout,
      /sign_in_failed +failure +nobody +\S+ +my\.trusted\.app\/web +david +cause="the password is wrong"$/m,
    )
    const updated = (await tessera(words('audit list --event app_updated'))).stdout
    t.match(updated, / fields?|Scope="read update"->read RequirePkce=false->true$/m)
    const registered = (await tessera(words('audit list --event app_registered'))).stdout
    t.match(registered, / ClientType=Confidential .*Scope="read update"/)
    t.notMatch(registered, /[{}[\]]/, 'no JSON')
    for (const [flags, said] of [
      ['--event nothing', /^unknown value of --event 'nothing'\nexpected one of: sign_in/],
      ['--since yesterday', /Expected a time such as 2026-01-31/],
      ['--limit 0', /Expected a whole number, 1 or more/],
    ] as const)
      matchesWhole(t, await tessera(words(`audit list ${flags}`)), { code: 2, stdout: '', stderr: said })
    t.match(await tessera(words('audit list --app my.trusted.app/wbe')), {
      code: 1,
      stderr: /did you mean my\.trusted/,
    })
    matchesWhole(t, await tessera(words('audit list --user davit')), {
      code: 1,
      stdout: '',
      stderr: /did you mean david\?/,
    })
    for (const command of ['list', 'export']) {
      matchesWhole(t, await tessera(words(`audit ${command} --user nobody`)), {
        code: 1,
        stdout: '',
        stderr: /^no user has the/,
      })
      matchesWhole(t, await tessera(words(`audit ${command} --app nobody`)), {
        code: 1,
        stdout: '',
        stderr: /^no app has the/,
      })
    }
    await tessera(words('user add quiet'))
    t.match(await tessera(words('audit list --user quiet --until 7d')), {
      code: 0,
      stdout: /^The audit log holds no such events/,
    })
  })
})

await t.test('the export streams more than a page, in order', async (t) => {
  const { instance, tessera } = await start(t)
  const record = (index: number) => ({
    id: `id-${String(index).padStart(5, '0')}`,
    at: instance.now() + Math.floor(index / 700),
    event: 'sign_out' as const,
    outcome: 'success' as const,
    actor: 'user:x',
    address: undefined,
    app: undefined,
    user: 'x',
    detail: { index },
  })
  const records = Array.from({ length: 5000 }, (_, index) => record(index))
  await instance.core.store.write(({ auditEvents }) => auditEvents.add(records))
  const indexes = (await linesOf(tessera, '--user x')).map(({ detail }) => detail['index'])
  t.strictSame(
    indexes,
    records.map(({ detail }) => detail.index),
  )
  t.equal((await linesOf(tessera, '--limit 1500')).length, 1500)
})

await t.test('the log is only ever added to, and forgets what the retention has passed', async (t) => {
  const { instance } = await start(t)
  const context = changedBy('test', instance.now())
  const signOut = { event: 'sign_out' as const, outcome: 'success' as const, actor: 'user:x', detail: {} }
  const old = { ...signOut, id: 'old', at: instance.now() - 40 * DAY, address: undefined, app: undefined, user: 'x' }
  await instance.core.store.write(({ auditEvents }) => auditEvents.add([old]))
  await t.rejects(alter(instance, "update audit_events set actor = 'somebody else'"), /append-only/)

  const fail = () => requestToken(instance, { client_id: SYNC, client_secret: 'wrong', grant_type: 'x' })
  await instance.addApp({ applicationUri: SYNC })
  await fail()
  t.ok(
    (await rowsOf(instance)).some(({ user_id: user }) => user === 'x'),
    'kept for 400 days unless said otherwise',
  )
  await t.rejects(
    instance.core.store.write((unit) => changeInstanceSettings(unit, { AuditRetention: '1h' }, context)),
    /AuditRetention: expects a length of time of at least 1d/,
  )
  await instance.core.store.write((unit) => changeInstanceSettings(unit, { AuditRetention: '30d' }, context))
  await cleanUpOf(instance).run()
  const rows = await rowsOf(instance)
  t.notOk(rows.some(({ user_id: user }) => user === 'x'))
  t.strictSame(rows.find(({ event }) => event === 'setting_changed')?.detail, {
    fields: { AuditRetention: { from: '400d', to: '30d' } },
  })
})

await t.test(
  'an event is on the log once the unit of work that it tells of is committed, and never without it',
  async (t) => {
    const { instance } = await start(t)
    const { store } = instance.core
    const signOut = (user: string) => ({ event: 'sign_out', actor: 'server', user }) as const
    const logged = () => instance.log.flatMap(({ audit }) => (audit as { user?: string } | undefined)?.user ?? [])
    const fail = store.write(async (unit) => {
      await instance.server.audit.within(unit, signOut('undone'))
      throw new Error('rolled back')
    })
    await t.rejects(fail, /rolled back/)
    await store.writeAlone(async (unit) => {
      await instance.server.audit.within(unit, signOut('done'))
      t.strictSame(logged(), [], 'not before the commit')
    })
    t.strictSame(logged(), ['done'])
    const rows = await rowsOf(instance)
    t.strictSame(
      rows.map(({ user_id: user }) => user),
      ['done'],
    )
  },
)

await t.test('every event has one name', async (t) => {
  t.equal(new Set(AUDIT_EVENTS).size, AUDIT_EVENTS.length)
})

await t.test('flushing waits for what was added before, however much keeps coming', async (t) => {
  const written: number[][] = []
  const waiting: (() => void)[] = []
  const lost: number[] = []
  const batches = createBatches<number>({
    write: (items) =>
      new Promise((resolve) => {
        waiting.push(() => {
          written.push([...items])
          resolve()
        })
      }),
    most: 2,
    onLost: (count) => void lost.push(count),
  })
  const writeOne = async (): Promise<void> => {
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
    waiting.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  let flushed = 0
  const flush = (): void => void batches.flush().then(() => flushed++)

  await batches.flush()
  batches.add(1)
  await new Promise((resolve) => setImmediate(resolve))
  batches.add(2)
  flush()
  await writeOne()
  t.strictSame({ written, flushed }, { written: [[1]], flushed: 0 }, 'what waits is not written yet')
  for (const item of [3, 4, 5]) batches.add(item)
  await writeOne()
  t.strictSame({ written, flushed }, { written: [[1], [2]], flushed: 1 }, 'what came meanwhile is not waited for')
  flush()
  await writeOne()
  t.strictSame(
    { written, flushed, lost },
    { written: [[1], [2], [3, 4]], flushed: 2, lost: [1] },
    'bounded, and counted',
  )
})
