import { writeFileSync } from 'node:fs'
import t from 'tap'
import { apps, people } from '../fixtures/admin/many.ts'
import { documentOf, settingsOf, tesseraOn, tesseraProcess } from '../fixtures/cli/cli.ts'
import { changesIn, commandLine } from '../fixtures/cli/tessera-command.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { startWorld, WEB } from '../fixtures/instance/world.ts'
import { alter, query } from '../fixtures/store/database.ts'
import { holdingWriter } from '../fixtures/store/hold-writer.ts'
import { onPostgres } from '../fixtures/store/postgres.ts'

await t.test('a plan waits for nobody who writes', async (t) => {
  const line = commandLine(t)
  await line.run('db', 'migrate')
  await line.run('user', 'list')
  const file = line.file('all.json', { users: people(3, 'anna'), apps: apps(2, 'shop') })
  const planned = await holdingWriter(line, () => line.run('plan', file, '--json'))
  t.equal(changesIn(planned).length, 5, planned.stderr)
  t.strictSame((await line.run('apply', file, '--json')).json(), planned.json(), 'and says what is then done')
})

await t.test('files that are applied at the same time are all applied', async (t) => {
  const line = commandLine(t)
  await line.run('db', 'migrate')
  const files = ['anna', 'bert', 'cleo'].map((name) => line.file(`${name}.json`, { users: people(40, name) }))
  const answers = await Promise.all(files.map((file) => line.run('apply', file, '--json')))
  t.strictSame(
    answers.map((answer) => changesIn(answer).length),
    [40, 40, 40],
  )
  const [row] = await query<{ users: number | string; events: number | string }>(
    line,
    "select (select count(*) from users) as users, (select count(*) from audit_events where event = 'user_added') as events",
  )
  t.strictSame([Number(row?.users), Number(row?.events)], [120, 120])
})

await t.test('what changes while files are compared with it is not overwritten', async (t) => {
  const line = commandLine(t)
  await line.run('apply', line.file('first.json', { users: people(60, 'anna') }))
  const file = line.file('second.json', { users: people(60, 'anna', { locale: 'de' }) })
  const [applied, disabled] = await Promise.all([
    line.run('apply', file, '--json'),
    line.run('user', 'disable', 'anna7'),
  ])
  t.strictSame([applied.exitCode, disabled.exitCode], [0, 0], applied.stderr)
  t.strictSame(await query(line, "select login, locale, is_enabled from users where login = 'anna7'"), [
    { login: 'anna7', locale: 'de', is_enabled: 0 },
  ])
  const taken = line.file('taken.json', { users: [{ login: 'new', email: 'zoe@example.com' }] })
  const [second, added] = await Promise.all([
    line.run('apply', taken),
    line.run('user', 'add', 'zoe', '--email', 'zoe@example.com'),
  ])
  t.strictSame([second.exitCode, added.exitCode].sort(), [0, 2], 'of two who want one e-mail one gets it')
})

await t.test('an apply that fails at its last statement leaves nothing', async (t) => {
  const line = commandLine(t)
  await line.run('apply', line.file('first.json', { users: people(2, 'anna') }))
  const count = async () =>
    query(
      line,
      'select (select count(*) from users) as users, (select count(*) from user_identifiers) as names, (select count(*) from audit_events) as events',
    )
  const before = await count()
  await alter(
    line,
    onPostgres
      ? `create function refuse() returns trigger language plpgsql as 'begin raise exception ''refused''; end';
         create trigger refusing before insert on api_resources for each row execute function refuse()`
      : "create trigger refusing before insert on api_resources begin select raise(abort, 'refused'); end",
  )
  const all = { users: people(30, 'bert'), resources: [{ Identifier: 'https://late.example.com', Scopes: ['late'] }] }
  const failed = await line.run('apply', line.file('all.json', all))
  t.not(failed.exitCode, 0)
  t.strictSame(await count(), before)
})

await t.test(
  'beside an apply of many people everybody signs in and refreshes, and the audit log has it all',
  async (t) => {
    const { instance } = await startWorld(t)
    const file = `${instance.folder}/many.json`
    const many = 1500
    writeFileSync(file, JSON.stringify({ users: people(many, 'anna') }))
    const before = await documentOf(tesseraOn(instance)(['user', 'list', '--json']))
    const web = createRelyingParty(instance, { clientId: WEB, login: 'david' })
    let isOver = false
    const apply = tesseraProcess(settingsOf(instance))(['apply', file, '--json']).finally(() => {
      isOver = true
    })
    let rounds = 0
    const statuses: number[] = []
    while (!isOver) {
      const { refresh_token: first } = await web.obtainTokens()
      const answer = await web.refresh(first)
      statuses.push(answer.status)
      rounds += 1
    }
    const { code, stderr } = await apply
    t.equal(code, 0, stderr)
    t.ok(rounds > 3, `${rounds} rounds`)
    t.strictSame([...new Set(statuses)], [200])
    const again = await instance.restart()
    t.teardown(() => again.close())
    const [row] = await query<{ count: number | string }>(
      instance,
      "select count(*) as count from audit_events where event = 'token_issued'",
    )
    t.equal(Number(row?.count), 2 * rounds, 'one for each code and each refresh')
    const after = await documentOf(tesseraOn(again)(['user', 'list', '--json']))
    t.equal((after as unknown as unknown[]).length, (before as unknown as unknown[]).length + many)
  },
)
