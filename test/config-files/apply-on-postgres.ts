import { randomUUID } from 'node:crypto'
import t from 'tap'
import { commandLine } from '../fixtures/cli/tessera-command.ts'
import { startInstance } from '../fixtures/instance/instance.ts'
import { alter, query } from '../fixtures/store/database.ts'
import { askPostgres, ONLY_ON_POSTGRES, serverUrl } from '../fixtures/store/postgres.ts'

const people = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ login: `anna${index}`, email: `anna${index}@example.com` }))

await t.test('no statement of an apply takes more rows than it has time for', { skip: ONLY_ON_POSTGRES }, async (t) => {
  const line = commandLine(t)
  await line.run('db', 'migrate')
  await alter(
    line,
    `create table noted (rows bigint);
     create function note() returns trigger language plpgsql as
       'begin insert into noted select count(*) from fresh; return null; end';
     ${['users', 'user_identifiers', 'audit_events']
       .map(
         (table) =>
           `create trigger noting after insert on ${table} referencing new table as fresh for each statement execute function note();`,
       )
       .join('\n')}`,
  )
  const applied = await line.run('apply', line.file('many.json', { users: people(1200) }))
  t.equal(applied.exitCode, 0, applied.stderr)
  const noted = await query<{ rows: number }>(line, 'select rows from noted where rows > 1 order by rows desc, 1')
  t.strictSame(
    noted.map(({ rows }) => rows),
    [1000, 1000, 1000, 1000, 400, 200, 200],
  )
})

await t.test(
  'an apply that may not create temporary tables says which right is missing',
  {
    skip: ONLY_ON_POSTGRES,
  },
  async (t) => {
    const line = commandLine(t)
    await line.run('apply', line.file('first.json', { users: people(1) }))
    const database = new URL(line.databaseUrl).pathname.slice(1)
    const role = `without_temp_${randomUUID().replaceAll('-', '')}`
    await alter(
      line,
      `create role ${role}; grant all on schema public to ${role}; grant all on all tables in schema public to ${role};
     revoke temporary on database ${database} from public; alter database ${database} set role to ${role}`,
    )
    const refused = await line.run('apply', line.file('second.json', { users: people(2) }))
    await askPostgres(serverUrl(), `alter database ${database} reset role`)
    await alter(line, `drop owned by ${role}; drop role ${role}`)
    t.equal(refused.exitCode, 1)
    t.match(refused.stderr, /may not create temporary tables.*GRANT TEMPORARY ON DATABASE/)
    t.equal((await query(line, 'select id from users')).length, 1, 'and nothing has happened')
  },
)

await t.test(
  'of what was laid down and not put in nothing stays on a connection',
  {
    skip: ONLY_ON_POSTGRES,
  },
  async (t) => {
    const instance = await startInstance()
    t.teardown(() => instance.close())
    const laid = {
      ...{ users: [], released: ['somebody'], signedOut: [], apps: [], auditEvents: [] },
      secrets: { kept: [], dropped: [], unsealed: [] },
    }
    const isDone = await instance.core.store.writeStaged(laid, async () => false)
    t.equal(isDone, false)
    t.strictSame(await query(instance, "select relname from pg_class where relname like 'staged%'"), [])
  },
)
