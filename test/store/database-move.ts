// SQLite alone: brings a PostgreSQL server along, and works on both databases
import { spawn } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { shownDatabaseUrl } from '../../src/lib/net/database-url.ts'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { environment, plainTessera, type Tessera, tesseraWith } from '../fixtures/cli/cli.ts'
import { keepRefreshing, type Refresher } from '../fixtures/clients/keep-refreshing.ts'
import { ALIVE, createRelyingParty, lifeOf } from '../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../fixtures/clients/tokens.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { addApp, addPerson, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { query } from '../fixtures/store/database.ts'
import { askPostgres, startPostgres } from '../fixtures/store/postgres-server.ts'

const Sqlite = loadSqlite()

const WEB = 'my.trusted.app/web'
const MOVING = '503 temporarily_unavailable: this instance is moving to another database; try again shortly'

const postgres = await startPostgres(t)

interface Moved {
  readonly from: string
  readonly to: string
  readonly writersWaited: number
  readonly tables: readonly { table: string; rows: number; checksum: string }[]
}

/** The same place with its database elsewhere. */
function onDatabase(site: Site, url: string): Site {
  const settings = { ...site.settings, TESSERA_DATABASE_URL: url }
  return { ...site, settings, tessera: tesseraWith(settings) }
}

const fileUrl = ({ folder }: Site, name = 'tessera.db'): string => `file:${join(folder, name)}`

async function inhabited(t: Test): Promise<{ site: Site; secret: string }> {
  const site = await prepareSite(t)
  await addPerson(site, 'david', PASSWORD)
  return { site, secret: await addApp(site, WEB, '--web', '--redirect-uri', WEB_REDIRECT) }
}

async function startRefreshers(t: Test, site: Site, secret: string, count: number): Promise<Refresher[]> {
  const scope = 'openid offline_access read'
  const refreshers: Refresher[] = []
  for (let each = 0; each < count; each++) {
    const party = createRelyingParty(site, { clientId: WEB, login: 'david', secret, scope })
    const refresher = keepRefreshing(party, await party.obtainTokens())
    t.teardown(() => refresher.stop())
    refreshers.push(refresher)
  }
  return refreshers
}

/** Files with a URL, which no argument shows. */
const urlFile = (t: Test, url: string): string => {
  const folder = t.testdir({ url: `${url}\n` })
  chmodSync(join(folder, 'url'), 0o600)
  return join(folder, 'url')
}

async function moved(t: Test, tessera: Tessera, to: string): Promise<Moved> {
  const { code, stdout, stderr } = await tessera(['db', 'move', '--to-url-file', urlFile(t, to), '--json'])
  t.equal(code, 0, stderr)
  t.notMatch(stdout + stderr, /password@/, 'no password is shown')
  return JSON.parse(stdout) as Moved
}

await t.test('the instance moves to PostgreSQL and back while apps keep refreshing their tokens', async (t) => {
  const { site, secret } = await inhabited(t)
  let server = await serve(t, site)
  const witness = createRelyingParty(site, { clientId: WEB, login: 'david', secret, scope: 'openid offline_access' })
  const usedCode = await witness.obtainCode()
  const kept = tokensOf(await witness.redeem(usedCode))
  await site.tessera(['app', 'update', WEB, '--set', 'RefreshReplayWindow=60'])
  const first = await witness.obtainTokens()
  const lost = await witness.refresh(first.refresh_token)
  const refreshers = await startRefreshers(t, site, secret, 4)

  const places = [await postgres.createDatabase(), fileUrl(site, 'back.db')]
  let here = site
  for (const to of places) {
    await Promise.all(refreshers.map((refresher) => refresher.more(5)))
    const outcome = await moved(t, here.tessera, to)
    t.comment(`writers waited ${outcome.writersWaited} ms`)
    t.match(outcome, { to: shownDatabaseUrl(to) })
    t.ok(outcome.tables.find(({ table }) => table === 'refresh_tokens')?.rows)

    // The server of before is still there, and does not answer from what it has any more.
    const left = await eventually(
      async () => (await fetch(`${site.origin}/health/ready`)).status,
      (status) => status === 503,
    )
    t.equal(left, 503)
    t.equal(refusalOf(await witness.refresh(kept.refresh_token)), MOVING)
    t.equal((await witness.introspect(kept.refresh_token)).status, 503, 'nor is anything said to be active')
    t.equal((await witness.userinfo(kept.access_token)).status, 503)
    t.equal((await fetch(`${site.origin}/health/live`)).status, 200)
    t.equal((await fetch(`${site.origin}/metrics`)).status, 503)
    server.kill('SIGTERM')
    await server.ended()
    const refused = await here.tessera(['serve'])
    matchesWhole(t, refused, { code: 1, stdout: '', stderr: /^this database was moved to .*tessera db move --undo\n$/ })

    if (here === site)
      t.equal(answersIn(join(site.folder, 'tessera.db')), 0, 'what stays behind opens no answer to a refresh')
    here = onDatabase(site, to)
    server = await serve(t, here)
    t.equal(
      (await witness.refresh(first.refresh_token)).text,
      lost.text,
      'a response lost before the move logs nobody out',
    )
    await Promise.all(refreshers.map((refresher) => refresher.more(5)))
  }
  await Promise.all(refreshers.map((refresher) => refresher.stop()))

  for (const { party, tokens, spent, refusals, counts } of refreshers) {
    t.strictSame(refusals, [], `200 or 503 and nothing else: ${JSON.stringify(counts)}`)
    t.equal(await lifeOf(party, tokens()), ALIVE, 'what was given last lives')
    for (const refresh of spent.slice(0, -1))
      t.equal((await party.introspect(refresh)).json['active'], false, 'what was used up stays used up')
  }
  const rotated = await witness.refresh(kept.refresh_token)
  t.equal(rotated.status, 200, 'a token of before both moves, unused since')
  t.equal(
    refusalOf(await witness.redeem(usedCode)),
    '400 invalid_grant: the code has already been used; the tokens it was exchanged for are revoked',
  )
  const events = await here.tessera(['audit', 'list', '--event', 'database_moved', '--json'])
  t.equal((JSON.parse(events.stdout) as unknown[]).length, 2, 'each move is in the audit log')
})

/** How many answers to refreshes a file holds. */
function answersIn(path: string): unknown {
  const database = new Sqlite(path, { readonly: true })
  try {
    return database.prepare('select count(*) from refresh_tokens where sealed_answer is not null').pluck().get()
  } finally {
    database.close()
  }
}

/** More rows than fit a page, in tables that refer to one another. */
function fill(site: Site, people: number): void {
  const database = new Sqlite(join(site.folder, 'tessera.db'))
  database.exec(`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${people})
    insert into users (id, login, type, name, email_verified, profile, is_admin, is_enabled, epoch, created_at, updated_at)
      select 'u' || i || '-é𝄞', 'user' || i, 'InternalUser', 'Name', 0, '{}', 0, 1, 1, 1, 1 from n;
    insert into user_identifiers select login, id from users where login like 'user%';
    insert into sign_in_sessions select 's' || id, 'c' || id, id, 1, 1, 'pwd', '1', 1, 1, null from users where login like 'user%';
    insert into audit_events select 'a' || id, 1, 'sign_in', 'success', id, null, null, id, '{"text":"\\u0000 \\" é"}' from users where login like 'user%';
  `)
  database.close()
}

const counted = (outcome: Moved, name: string): number => outcome.tables.find(({ table }) => table === name)?.rows ?? -1

await t.test('a move that is killed at any time leaves the source as it was, and goes on when run again', async (t) => {
  const { site, secret } = await inhabited(t)
  fill(site, 12_000)
  const server = await serve(t, site)
  const [refresher] = await startRefreshers(t, site, secret, 1)
  if (!refresher) throw new Error('nobody refreshes')
  const to = await postgres.createDatabase()
  const target = onDatabase(site, to)

  for (const line of ['copied users', 'copied sign_in_sessions', 'copied audit_events', 'copied leases']) {
    const child = spawn(...plainTessera('db', 'move', '--to-url-file', urlFile(t, to)), {
      env: environment(site.settings),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const ended = new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      if (chunk.includes(line)) child.kill('SIGKILL')
    })
    t.equal(await ended, 'SIGKILL', `killed after: ${line}`)
    await refresher.more(3)
    t.match(await target.tessera(['user', 'list']), {
      code: 1,
      stderr: /^this database is the target of an unfinished move from file:/,
    })
    t.match(await target.tessera(['serve']), { code: 1, stderr: /unfinished move/ })
    t.match(await target.tessera(['db', 'backup', join(site.folder, 'half.db')]), {
      code: 1,
      stderr: /unfinished move/,
    })
  }
  // What changed meanwhile behind rows that were copied: gone, new, other values, and a name given to somebody else.
  const database = new Sqlite(join(site.folder, 'tessera.db'), { timeout: 5000 })
  database.pragma('foreign_keys = ON')
  database.exec(`
    delete from users where login in ('user7', 'user8');
    update users set name = 'Other' where login = 'user9';
    delete from user_identifiers where identifier in ('user10', 'user11');
    insert into user_identifiers values ('user10', (select id from users where login = 'user11'));
    update sign_in_sessions set cookie_digest = 'x' where user_id = (select id from users where login = 'user12');
    update sign_in_sessions set cookie_digest = 'c' || (select id from users where login = 'user12') where user_id = (select id from users where login = 'user13');
    delete from audit_events where id in (select id from audit_events limit 700);
  `)
  database.close()

  const outcome = await moved(t, site.tessera, to)
  t.strictSame(refresher.refusals, [])
  t.equal(counted(outcome, 'users'), 11_999)
  t.strictSame(await askPostgres(to, `select name from users where login = 'user9'`), [{ name: 'Other' }])
  t.strictSame(
    await askPostgres(to, `select login from users join user_identifiers on user_id = id where identifier = 'user10'`),
    [{ login: 'user11' }],
  )
  server.kill('SIGKILL')
  await server.ended()
  await serve(t, target)
  await refresher.more(3)
  await refresher.stop()
  t.strictSame(refresher.refusals, [])
  t.equal(await lifeOf(refresher.party, refresher.tokens()), ALIVE)
})

await t.test('killed between its two last commits, a move is finished by running it again', async (t) => {
  const { site } = await inhabited(t)
  const to = await postgres.createDatabase()
  await moved(t, site.tessera, to)
  // The last commit takes the mark away and says so in the audit log.
  const mark = JSON.stringify({ kind: 'move', from: fileUrl(site), run: 'killed' })
  await askPostgres(to, `insert into move_state values ('arrival', '${mark}')`)
  await askPostgres(to, `delete from audit_events where event = 'database_moved'`)
  t.match(await onDatabase(site, to).tessera(['user', 'list']), { code: 1, stderr: /unfinished move/ })
  await moved(t, site.tessera, to)
  t.match(await onDatabase(site, to).tessera(['user', 'list']), { code: 0, stdout: /david/ })
  t.match(await site.tessera(['db', 'move', '--to-url-file', urlFile(t, to)]), {
    code: 1,
    stderr: /was already moved to .*, and that move is complete\n$/,
  })
  const elsewhere = await postgres.createDatabase()
  t.match(await site.tessera(['db', 'move', '--to-url-file', urlFile(t, elsewhere)]), {
    code: 1,
    stderr: /was moved to .* before; move that one/,
  })
})

await t.test('nothing that is there is overwritten', async (t) => {
  const { site } = await inhabited(t)
  const refusedBy = async (to: string, reason: RegExp): Promise<void> => {
    for (const flags of [[], ['--dry-run']]) {
      const { code, stdout, stderr } = await site.tessera(['db', 'move', '--to-url-file', urlFile(t, to), ...flags])
      t.strictSame([code, stdout], [1, ''])
      t.match(stderr, reason)
      t.notMatch(stderr, /password@/)
    }
    t.match(await site.tessera(['user', 'list']), { code: 0, stdout: /david/ }, 'and the source goes on')
  }

  const inhabitedToo = await postgres.createDatabase()
  await onDatabase(site, inhabitedToo).tessera(['db', 'migrate'])
  t.equal((await onDatabase(site, inhabitedToo).tessera(['user', 'add', 'anna'])).code, 0)
  await refusedBy(
    inhabitedToo,
    /is not empty: the table users holds rows\. Choose an empty database; nothing is ever overwritten/,
  )
  t.match(await onDatabase(site, inhabitedToo).tessera(['user', 'list']), { code: 0, stdout: /anna/ })

  const foreign = await postgres.createDatabase()
  await askPostgres(foreign, 'create table customers (id int)')
  await refusedBy(foreign, /holds the table customers of another program and no Tessera instance, and is left as it is/)
  t.strictSame(await askPostgres(foreign, `select tablename from pg_tables where schemaname = 'public'`), [
    { tablename: 'customers' },
  ])

  const other = onDatabase(site, fileUrl(site, 'other.db'))
  const third = await postgres.createDatabase()
  await onDatabase(site, third).tessera(['db', 'migrate'])
  await askPostgres(
    third,
    `insert into move_state values ('arrival', '{"kind":"move","from":"file:/elsewhere","run":"x"}')`,
  )
  await refusedBy(third, /is the target of an unfinished move from file:\/elsewhere; choose an empty database/)

  await refusedBy(fileUrl(site), /is the database of this instance; choose another file/)
  await refusedBy(
    'postgres://postgres:password@127.0.0.1:1/nowhere',
    /^postgres:.*nowhere cannot be opened: connect ECONNREFUSED/,
  )
  t.match(await site.tessera(['db', 'move', '--to', 'mysql://x']), { code: 2, stderr: /must be a file: URL/ })
  const unverified = await site.tessera(['db', 'move', '--to', 'postgres://x:password@localhost/x?sslmode=prefer'])
  matchesWhole(t, unverified, {
    code: 2,
    stdout: '',
    stderr: /^--to has sslmode=prefer, which does not verify the server/,
  })
  t.notMatch(unverified.stderr, /password/, 'what is wrong is said without repeating it')
  t.match(await site.tessera(['db', 'move']), {
    code: 2,
    stderr: '--to, --to-url-file, TESSERA_MOVE_TO or --undo is expected\n',
  })
  t.match(await other.tessera(['db', 'move', '--to-url-file', urlFile(t, third)]), {
    code: 1,
    stderr: /^there is no instance at/,
  })
})

await t.test('every table is copied, and PostgreSQL reads it in the order of its key by the index alone', async (t) => {
  const to = await postgres.createDatabase()
  const site = await prepareSite(t, { TESSERA_DATABASE_URL: to })
  await site.tessera(['db', 'migrate'])
  const { stdout } = await site.tessera(['db', 'move', '--to', fileUrl(site), '--dry-run', '--json'])
  const { tables } = JSON.parse(stdout) as { tables: { table: string }[] }
  const present = await askPostgres<{ name: string }>(
    to,
    `select tablename as name from pg_tables where schemaname = 'public' and tablename not like 'kysely%' and tablename <> 'move_state'`,
  )
  t.strictSame(tables.map(({ table }) => table).sort(), present.map(({ name }) => name).sort())
  const unsorted = await askPostgres(
    to,
    `select c.relname, a.attname from pg_index i join pg_class c on c.oid = i.indrelid
     join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
     where i.indisprimary and c.relnamespace = 'public'::regnamespace and c.relname not like 'kysely%'
       and c.relname <> 'move_state' and a.attcollation not in (0, 'pg_catalog."C"'::regcollation)`,
  )
  t.strictSame(unsorted, [], 'a key column of text has collation "C": see db/migrations/0004-moves.ts')
})

await t.test('a dry run says what would be copied, and changes nothing', async (t) => {
  const { site } = await inhabited(t)
  const to = await postgres.createDatabase()
  const { code, stdout, stderr } = await site.tessera([
    'db',
    'move',
    '--to-url-file',
    urlFile(t, to),
    '--dry-run',
    '--json',
  ])
  t.strictSame([code, stderr], [0, ''])
  const { tables } = JSON.parse(stdout) as { tables: unknown[] }
  matchesWhole(
    t,
    tables.slice(0, 2),
    [
      { table: 'users', rows: 1 },
      { table: 'user_identifiers', rows: 2 },
    ],
    'what others refer to comes first',
  )
  t.strictSame(await askPostgres(to, `select tablename from pg_tables where schemaname = 'public'`), [])
  t.strictSame(await query(site, 'select * from move_state'), [])
  const none = fileUrl(site, 'none.db')
  t.equal((await site.tessera(['db', 'move', '--to', none, '--dry-run'])).code, 0)
  t.match(await onDatabase(site, none).tessera(['db', 'status']), { code: 1, stderr: /^there is no instance at/ })
})

await t.test('a move can be taken back, and then everybody signs in again', async (t) => {
  const { site, secret } = await inhabited(t)
  const first = await serve(t, site)
  const party = createRelyingParty(site, { clientId: WEB, login: 'david', secret, scope: 'openid offline_access' })
  const tokens = await party.obtainTokens()
  first.kill('SIGTERM')
  await first.ended()
  await moved(t, site.tessera, await postgres.createDatabase())
  const database = new Sqlite(join(site.folder, 'tessera.db'))
  t.throws(() => database.exec('delete from settings'), { message: 'this database was moved away' }, 'whoever tries')
  database.close()

  t.match(await site.tessera(['db', 'move', '--undo']), { code: 2, stderr: /add --yes to confirm/ })
  t.match(await site.tessera(['db', 'move', '--undo', '--yes']), {
    code: 0,
    stdout: /^This database is back in service/,
  })
  t.match(await site.tessera(['db', 'move', '--undo', '--yes']), {
    code: 1,
    stderr: /was not moved away, so there is nothing to undo/,
  })
  await serve(t, site)
  t.equal(refusalOf(await party.refresh(tokens.refresh_token)), '400 invalid_grant: the refresh token was revoked')
  t.equal((await party.userinfo(tokens.access_token)).status, 401)
  t.equal(await lifeOf(party, await party.obtainTokens()), ALIVE)
})
