import t from 'tap'
import { auditOf } from '../fixtures/admin/admin.ts'
import { startWithTessera } from '../fixtures/cli/cli.ts'
import { query } from '../fixtures/store/database.ts'

const { instance, tessera } = await startWithTessera(t)
const token = (...args: string[]) => tessera(['registration', 'token', ...args])
const listed = async () => JSON.parse((await token('list', '--json')).stdout) as Record<string, unknown>[]

await t.test('create prints the value once; only its digest is kept', async (t) => {
  const made = await token('create', '--label', 'shop team', '--json')
  t.equal(made.code, 0, made.stderr)
  t.match(made.stderr, /^warning: TESSERA_REGISTRATION is off/m)
  const created = JSON.parse(made.stdout) as Record<string, string>
  t.match(created, { token: /^[\w-]{43}$/, label: 'shop team', uses_left: 1, state: 'live', created_by: /^cli:/ })
  const week = Date.parse(created['expires_at'] ?? '') - Date.parse(created['created_at'] ?? '')
  t.equal(week, 7 * 24 * 3_600_000)
  const { token: value = '', ...shown } = created
  t.strictSame(await listed(), [shown])
  t.notMatch(JSON.stringify(await query(instance, 'select * from initial_access_tokens')), value)
  const [event] = (await auditOf(instance, {})).filter((one) => one.event === 'initial_access_token_created')
  t.match(event, { actor: /^cli:/, detail: { token: created['id'], label: 'shop team', uses: 1 } })
  t.notMatch(JSON.stringify(event), value)
})

await t.test('people get a table', async (t) => {
  await token('create', '--unlimited', '--expires', '1h')
  const { stdout } = await token('list')
  t.match(stdout, /^ID +LABEL +CREATED +EXPIRES +USES LEFT +STATE\n/)
  t.match(stdout, /shop team .* 1 +live/)
  t.match(stdout, / - .* any number +live/)
})

await t.test('revoke ends it by the beginning of its id', async (t) => {
  const [first, second] = await listed()
  const id = String(first?.['id'])
  t.equal((await token('revoke', id.slice(0, 12))).code === 0, id.slice(0, 12) !== String(second?.['id']).slice(0, 12))
  t.equal((await token('revoke', String(second?.['id']))).code, 0)
  const gone = await token('revoke', String(second?.['id']))
  t.equal(gone.code, 1)
  t.match(gone.stderr, /no initial access token has the id .*; tessera registration token list shows them/)
  t.ok((await auditOf(instance, {})).some((one) => one.event === 'initial_access_token_revoked'))
})

await t.test('wrong flags are told with what was expected', async (t) => {
  for (const [args, told] of [
    [['create', '--uses', '0'], /Expected a whole number, 1 or more\./],
    [['create', '--expires', 'soon'], /Expected a length of time/],
    [['create', '--label', 'a\u202eb'], /label: must not contain control characters/],
    [['make'], /unknown command 'make'/],
  ] as const) {
    const outcome = await token(...args)
    t.equal(outcome.code, 2, outcome.stderr)
    t.match(outcome.stderr, told)
  }
  const help = await token('create', '--help')
  t.match(help.stdout, /--json[\s\S]*Examples:/)
})
