// SQLite alone: is about what commands print; test/admin/admin-api-tokens.ts does the same on both databases

import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { documentOf, startWithTessera, words } from '../fixtures/cli/cli.ts'
import { introspect } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'

const WEB = 'my.trusted.app/web'
const SYNC = 'my.trusted.app/sync'
const FORMAT = /^enrt_[0-9A-F]{64}$/
const DAY = 86_400_000

await t.test('tessera token: reference tokens from the command line', async (t) => {
  const { instance, tessera, secretOf } = await startWithTessera(t)
  await documentOf(tessera(words('user add david --email david@example.com --generate-password --json')))
  await documentOf(tessera(words('user add svc.sync --type SystemUserNoLogin --json')))
  const policy = '--set AccessTokens=AuthenticatedUsers --json'
  const secrets = {
    [WEB]: await secretOf(
      `app register ${WEB} --web --redirect-uri https://app.example.com/cb --scope "read update" ${policy}`,
    ),
    [SYNC]: await secretOf(`app register ${SYNC} --service --system-user svc.sync --scope "read update" ${policy}`),
  }
  const asks = async (app: typeof WEB | typeof SYNC, token: string) =>
    (await introspect(instance, token, basic(app, secrets[app]))).json
  const made = async (line: string) => {
    const document = await documentOf(tessera(words(line)))
    noteSecret(String(document['token']))
    return document as Record<string, string>
  }
  const list = async (flags = '') => {
    const { code, stdout } = await tessera(words(`token list ${flags} --json`))
    t.equal(code, 0)
    return JSON.parse(stdout) as Record<string, string>[]
  }

  await t.test('issue-pat and issue-sat print what scripts rely on, first', async (t) => {
    const pat = await made(`token issue-pat --for david --app ${WEB} --scope read --expires 30d --json`)
    t.strictSame(Object.keys(pat).slice(0, 3), ['id', 'token', 'expires_at'])
    t.match(pat, {
      token: FORMAT,
      kind: 'PAT',
      app: WEB,
      user: 'david',
      scope: 'read',
      state: 'live',
      created_by: /^cli:/,
    })
    const left = Date.parse(pat['expires_at'] ?? '') - Date.now()
    t.ok(left > 30 * DAY - 60_000 && left <= 30 * DAY, 'thirty days')
    t.match(await asks(WEB, pat['token'] ?? ''), { active: true, scope: 'read', username: 'david' })
    const sat = await made(`token issue-sat --app ${SYNC} --scope read --expires 30d --json`)
    t.match(await asks(SYNC, sat['token'] ?? ''), { active: true, scope: 'read', client_system_user: 'svc.sync' })
  })

  await t.test('for people: the value on stdout, the advice on stderr', async (t) => {
    const outcome = await tessera(
      words(`token issue-pat --user david@example.com --app ${WEB} --description "nightly report"`),
    )
    t.match(outcome, {
      code: 0,
      stdout:
        /^New PAT of david for my\.trusted\.app\/web:\n\n {2}token +enrt_[0-9A-F]{64}\n {2}id +\S+\n {2}expires_at +\S+\n {2}scope +read update\n/,
      stderr: 'The token is shown only this once: store it where secrets are kept.\n',
    })
    t.match(await tessera(words(`token list --user david`)), {
      stdout:
        /^ID +KIND +APP +ACTS AS +DESCRIPTION .*\n.* nightly report +read update +\S+ +(never|\S+) +live\n.*PAT of \d{4}.*\n$/,
    })
  })

  await t.test('refusals say why and how to mend it', async (t) => {
    const line = (flags: string) => tessera(words(`token ${flags}`))
    matchesWhole(t, await line(`issue-pat --user david --app ${WEB} --scope "openid x" --expires soon`), {
      code: 2,
      stdout: '',
      stderr:
        /^--scope: openid belongs to a sign-in.*\n--scope: x is not in the Scope of .*tessera app update .*\n--expires: expects a length of time/,
    })
    matchesWhole(t, await line(`issue-sat --app ${WEB}`), {
      code: 1,
      stdout: '',
      stderr:
        /^my\.trusted\.app\/web may not act as a System User.*--set SystemUserAllowed=true --set SystemUser=LOGIN\n$/,
    })
    t.match(await line(`issue-pat --user dvid --app ${WEB}`), { code: 1, stderr: /did you mean david\?/ })
    t.match(await line(`issue-pat --user david --app ${WEB}x`), {
      code: 1,
      stderr: /did you mean my\.trusted\.app\/web\?/,
    })
    for (const whom of ['', ' --for david --user anna'])
      t.match(await line(`issue-pat --app ${WEB}${whom}`), { code: 2, stderr: /say with --for whom the token is for/ })
    t.match(await line('list --kind XYZ'), {
      code: 2,
      stderr: /^unknown value of --kind 'XYZ'\nexpected one of: PAT, SAT\n/,
    })
    t.match(await line('list --user dvid'), { code: 1, stderr: /did you mean david\?/ })
    t.match(await line('revoke 00000000'), {
      code: 1,
      stderr: /no reference token has the id "00000000"; tessera token list shows/,
    })
    t.match(await line('revoke 0'), { code: 1, stderr: /no reference token has the id "0"/ }, 'too short to be meant')
    const { token = '' } = await made(`token issue-pat --user david --app ${WEB} --json`)
    const byValue = await line(`revoke ${token}`)
    matchesWhole(t, byValue, { code: 1, stdout: '', stderr: /expects the id of the token, but this is its value/ })
    t.notOk(byValue.stderr.includes(token), 'the value is not repeated')
  })

  await t.test('list tells the state and why, revoke takes a beginning of the id', async (t) => {
    t.strictSame(
      (await list(`--app ${SYNC}`)).map(({ kind, user, state, reason }) => [kind, user, state, reason]),
      [['SAT', 'svc.sync', 'live', null]],
    )
    t.equal((await list('--kind PAT --user david')).length, 3)
    const [first] = await list(`--app ${WEB}`)
    const id = first?.['id'] ?? ''
    const others = (await list('')).map((token) => String(token['id'])).filter((other) => other !== id)
    const isLike = (prefix: string) => others.some((other) => other.startsWith(prefix))
    const length = [...id].findIndex((_, index) => index >= 4 && !isLike(id.slice(0, index)))
    t.match(await tessera(['token', 'revoke', id.slice(0, length - 1)]), {
      code: 1,
      stderr: /several tokens have an id that begins/,
    })
    t.match(await tessera(['token', 'revoke', id.slice(0, length), '--json']), { code: 0, stdout: /"revoked": true/ })
    t.match(await tessera(['token', 'revoke', id]), { code: 0, stdout: /had already been revoked\.\n$/ })
    t.match((await list(`--app ${WEB}`))[0], { id, state: 'revoked', revoked_at: /^20/, reason: /was revoked at/ })
    await tessera(['app', 'update', SYNC, '--set', 'AccessTokens=None'])
    t.match((await list('--kind SAT'))[0], { state: 'ended', reason: /AccessTokens None/ })
    await tessera(['user', 'disable', 'david'])
    t.match((await list('--kind PAT'))[1], { state: 'ended', reason: 'the user is disabled' })
    t.match(await tessera(words('token list --kind PAT')), { stdout: / ended: the user is disabled\n/ })
    const audit = await tessera(words('audit list --event reference_token_revoked'))
    t.match(audit.stdout, /reference_token_revoked +success +cli:/)
  })

  await t.test('nothing but the answer holds a value', async (t) => {
    const { stdout } = await tessera(words('token list --json'))
    const events = await tessera(words('audit list --json'))
    t.notMatch(stdout + events.stdout, /enrt_/)
  })
})
