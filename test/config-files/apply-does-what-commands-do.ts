import t from 'tap'
import { apps, HASH, people } from '../fixtures/admin/many.ts'
import { type CommandLine, changesIn, commandLine } from '../fixtures/cli/tessera-command.ts'
import { alter, query } from '../fixtures/store/database.ts'

const PASSWORD = 'a password of their own'

/** Records with the same history, one for a command and one for an apply. */
const [BY_COMMAND, BY_APPLY] = ['command', 'apply'] as const

const USERS = [
  { name: 'first', commands: [['set-password', '--password-stdin']], more: { passwordHash: HASH } },
  { name: 'off', commands: [['disable']], more: { isEnabled: false } },
  { name: 'on', isOff: true, commands: [['enable']], more: { isEnabled: true } },
  { name: 'other', commands: [['update', '--locale', 'de']], more: { locale: 'de' } },
  {
    name: 'all',
    commands: [['update', '--locale', 'de'], ['set-password', '--password-stdin'], ['disable']],
    more: { locale: 'de', passwordHash: HASH, isEnabled: false },
  },
] as const

const APPS = [
  { name: 'off', commands: [['disable']], more: { IsEnabled: false } },
  { name: 'on', isOff: true, commands: [['enable']], more: { IsEnabled: true } },
  { name: 'named', commands: [['update', '--set', 'Name=Shop']], more: { Name: 'Shop' } },
  {
    name: 'public',
    commands: [['update', '--set', 'ClientType=Public']],
    more: { ClientType: 'Public', ApplicationSecretHash: undefined },
  },
  {
    name: 'both',
    commands: [['update', '--set', 'ClientType=Public'], ['disable']],
    more: { ClientType: 'Public', ApplicationSecretHash: undefined, IsEnabled: false },
  },
] as const

const userOf = (how: string, name: string, more: object = {}) => ({
  ...people(1, `${how}-${name}-`, { passwordHash: undefined, ...more })[0],
})
const appOf = (how: string, name: string, more: object = {}) => ({ ...apps(1, `${how}-${name}-`, more)[0] })

/** All that is kept of a record, but for what tells one from another: names, ids, hashes and times. */
async function keptOf(line: CommandLine, kind: 'user' | 'app', name: string): Promise<unknown> {
  const [table, key, of] =
    kind === 'user'
      ? (['users', 'id', "(select id from users where login = '?')"] as const)
      : (['trusted_applications', 'application_uri', "'my.trusted.app/?'"] as const)
  const its = of.replace('?', `${name}-0`)
  const column = kind === 'user' ? 'user_id' : 'application_uri'
  const rows = {
    record: await query(
      line,
      kind === 'user'
        ? `select is_enabled, epoch - created_at as epochs, updated_at > created_at as is_updated, locale, email, name,
             password_hash is not null as has_password from ${table} where ${key} = ${its}`
        : `select is_enabled, epoch - created_at as epochs, updated_at > created_at as is_updated, registration
             from ${table} where ${key} = ${its}`,
    ),
    found: await query(
      line,
      kind === 'user'
        ? `select identifier from user_identifiers where user_id = ${its} order by 1`
        : `select origin from app_origins where application_uri = ${its} order by 1`,
    ),
    secrets: await query(
      line,
      `select label, expires_at, last_used_at from app_secrets where ${kind === 'app'} and application_uri = ${its}`,
    ),
    events: await query(line, `select event, outcome, actor from audit_events where ${column} = ${its} order by event`),
    notices: await query(line, `select distinct application_uri from token_notices where ${column} = ${its}`),
    signedInAt: await query(
      line,
      `select application_uri from session_apps where ${kind === 'user'} and user_id = ${its}`,
    ),
    told: await query(
      line,
      `select kind, destination, attempts from outbox where ${kind === 'user'} and payload like '%sid-${name}-0%'`,
    ),
    attempts: await query(line, `select count from sign_in_attempts where user_id = ${its}`),
  }
  const json = JSON.stringify(rows).replaceAll(BY_COMMAND, 'NAME').replaceAll(BY_APPLY, 'NAME')
  return JSON.parse(json) as unknown
}

/** Signs everybody in at one app that is to be told of their sign-out, with an attempt that failed. */
const signIn = (line: CommandLine) =>
  alter(
    line,
    `insert into sign_in_sessions (sid, cookie_digest, user_id, user_epoch, auth_time, amr, acr, created_at, last_seen_at)
       select 'sid-' || login, login, id, epoch, 1, 'pwd', 'acr', 1, 1 from users;
     insert into session_apps (sid, application_uri, user_id, first_at)
       select 'sid-' || login, 'my.trusted.app/told0', id, 1 from users;
     insert into sign_in_attempts (key, user_id, since, count, locks, locked_until, consecutive, expires_at)
       select login, id, 1, 3, 0, 0, 3, 99999999999999 from users;
     update app_secrets set last_used_at = 7;
     update users set epoch = created_at;
     update trusted_applications set epoch = created_at;
     delete from token_notices`,
  )

await t.test('an apply of many changes leaves of each record what a command would', async (t) => {
  const line = commandLine(t)
  const off = (kind: readonly { readonly isOff?: true; readonly name: string }[]) =>
    kind.flatMap(({ isOff, name }) => (isOff ? [name] : []))
  const both = [BY_COMMAND, BY_APPLY]
  const before = {
    users: both.flatMap((how) => USERS.map(({ name }) => userOf(how, name))),
    apps: [
      ...both.flatMap((how) => APPS.map(({ name }) => appOf(how, name))),
      ...apps(1, 'told', { BackchannelLogoutUri: 'https://told.example.com/bye' }),
    ],
  }
  changesIn(await line.run('apply', line.file('before.json', before), '--json'))
  for (const how of both) {
    for (const name of off(USERS)) await line.run('user', 'disable', `${how}-${name}-0`)
    for (const name of off(APPS)) await line.run('app', 'disable', `my.trusted.app/${how}-${name}-0`)
  }
  await signIn(line)

  for (const { name, commands } of USERS)
    for (const [command, ...flags] of commands)
      t.equal((await line.runWith({}, ['user', command, `${BY_COMMAND}-${name}-0`, ...flags], PASSWORD)).exitCode, 0)
  for (const { name, commands } of APPS)
    for (const [command, ...flags] of commands)
      t.equal((await line.run('app', command, `my.trusted.app/${BY_COMMAND}-${name}-0`, ...flags)).exitCode, 0)
  const after = {
    users: USERS.map(({ name, more }) => userOf(BY_APPLY, name, more)),
    apps: APPS.map(({ name, more }) => appOf(BY_APPLY, name, more)),
  }
  const made = changesIn(await line.run('apply', line.file('after.json', after), '--json'))
  t.equal(made.length, USERS.length + APPS.length)

  for (const [kind, all] of [
    ['user', USERS],
    ['app', APPS],
  ] as const)
    for (const { name } of all) {
      const byCommand = await keptOf(line, kind, `${BY_COMMAND}-${name}`)
      t.strictSame(await keptOf(line, kind, `${BY_APPLY}-${name}`), byCommand, `${kind} ${name}`)
    }
  const [ended] = await query<Record<string, number | string>>(
    line,
    `select (select count(*) from outbox) as told, (select count(*) from session_apps) as signed_in,
       (select count(*) from token_notices) as notices, (select count(*) from app_secrets) as secrets`,
  )
  t.strictSame(
    Object.fromEntries(Object.entries(ended ?? {}).map(([name, count]) => [name, Number(count)])),
    // Three people are signed out either way, and two stay; an apply tells once of a record that changes twice.
    { told: 6, signed_in: 4, notices: 18, secrets: 7 },
  )
})
