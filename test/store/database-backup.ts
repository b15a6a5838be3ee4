// SQLite alone: brings a PostgreSQL server along, and works on both databases

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { openPlace } from '../../src/store/transfer/place.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { environment, type Outcome, plainTessera, tesseraWith } from '../fixtures/cli/cli.ts'
import { PKCE, sentTo } from '../fixtures/clients/code-flow.ts'
import { requestToken } from '../fixtures/clients/endpoints.ts'
import { postForm } from '../fixtures/clients/http.ts'
import { keepRefreshing } from '../fixtures/clients/keep-refreshing.ts'
import { ALIVE, createRelyingParty, lifeOf, type RelyingParty } from '../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { addApp, addPerson, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { askPostgres, startPostgres } from '../fixtures/store/postgres-server.ts'

const Sqlite = loadSqlite()

const WEB = 'my.trusted.app/web'
const SYNC = 'my.trusted.app/sync'

const postgres = await startPostgres(t)

function withSettings(site: Site, more: Readonly<Record<string, string>>): Site {
  const settings = { ...site.settings, ...more }
  return { ...site, settings, tessera: tesseraWith(settings) }
}

interface Inhabited {
  readonly site: Site
  readonly secret: string
  readonly syncSecret: string
}

async function inhabited(t: Test, settings: Readonly<Record<string, string>> = {}): Promise<Inhabited> {
  const site = await prepareSite(t, settings)
  await addPerson(site, 'david', PASSWORD)
  await site.tessera(['user', 'add', 'svc.sync', '--type', 'SystemUserNoLogin'])
  const secret = await addApp(site, WEB, '--web', '--redirect-uri', WEB_REDIRECT)
  return { site, secret, syncSecret: await addApp(site, SYNC, '--service', '--system-user', 'svc.sync') }
}

const partyOf = ({ site, secret }: Inhabited): RelyingParty =>
  createRelyingParty(site, { clientId: WEB, login: 'david', secret, scope: 'openid offline_access read' })

/** A token of the service itself, which has no family. */
async function serviceToken({ site, syncSecret }: Inhabited): Promise<string> {
  const fields = { grant_type: 'client_credentials', client_id: SYNC, client_secret: syncSecret }
  return tokensOf(await requestToken(site, fields)).access_token
}

const introspected = async ({ site, syncSecret }: Inhabited, token: string): Promise<unknown> => {
  const fields = { client_id: SYNC, client_secret: syncSecret, token }
  return (await postForm(`${site.issuer}/connect/introspect`, fields)).json['active']
}

async function done(outcome: Promise<Outcome>): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await outcome
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`)
  return JSON.parse(stdout) as Record<string, unknown>
}

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  await t.test(`R-18, R-19: after a restore into ${kind} nothing issued before is good any more`, async (t) => {
    const settings = kind === 'SQLite' ? {} : { TESSERA_DATABASE_URL: await postgres.createDatabase() }
    const at = await inhabited(t, settings)
    const { site } = at
    const server = await serve(t, site)
    const [party, another] = [partyOf(at), partyOf(at)]
    const refresher = keepRefreshing(another, await another.obtainTokens())
    t.teardown(() => refresher.stop())

    const rotatedLater = (await party.obtainTokens()).refresh_token
    const live = await party.obtainTokens()
    const revokedLater = await party.obtainTokens()
    const usedBefore = await party.obtainCode()
    t.equal((await party.redeem(usedBefore)).status, 200)
    const usedLater = await party.obtainCode()
    const early = await serviceToken(at)

    // The next token is not used before the backup.
    const lost = await party.obtainTokens()
    const answer = await party.refresh(lost.refresh_token)

    // Under load, one after the other, as a timer would.
    const file = join(site.folder, 'backup.db')
    for (let round = 0; round < 3; round++) {
      const backup = await done(site.tessera(['db', 'backup', file, '--force', '--json']))
      t.match(backup, { file })
      await refresher.more(3)
    }
    const copy = new Sqlite(file, { readonly: true })
    const kept =
      'select count(*) as tokens, count(rotated_at) as used, count(sealed_answer) as answers from refresh_tokens'
    const { tokens, used, answers } = copy.prepare(kept).get() as Record<string, number>
    copy.close()
    t.ok((tokens ?? 0) > (used ?? 0) && (used ?? 0) > 0)
    t.equal(answers, 0, 'RT-01: an old token and a backup open no answer to a refresh')
    t.equal((await party.refresh(lost.refresh_token)).text, answer.text, 'which the instance still gives again')

    const rotated = tokensOf(await party.refresh(rotatedLater))
    t.equal((await party.revoke(revokedLater.refresh_token)).status, 200)
    t.equal((await party.redeem(usedLater)).status, 200)
    const issuedLater = await party.obtainTokens()
    // Epochs of after the backup: one more than in it, and a token that carries them.
    await site.tessera(['app', 'disable', SYNC])
    await site.tessera(['app', 'enable', SYNC])
    const late = await serviceToken(at)
    t.equal(await introspected(at, early), false)
    t.equal(await introspected(at, late), true)
    await refresher.stop()
    t.strictSame(refresher.refusals, [], 'backups disturb nobody')

    let here = site
    const aside = site.settings['TESSERA_DATABASE_URL'] === undefined
    if (aside) {
      t.match(await site.tessera(['db', 'restore', file]), {
        code: 1,
        stderr: /already exists; --replace keeps it under another name/,
      })
      t.match(await site.tessera(['db', 'restore', file, '--replace']), {
        code: 1,
        stderr: /is in use by another process; stop the server first/,
      })
    } else {
      t.match(await site.tessera(['db', 'restore', file]), {
        code: 1,
        stderr: /is not empty: the table users holds rows/,
      })
      here = withSettings(site, { TESSERA_DATABASE_URL: await postgres.createDatabase() })
    }
    server.kill('SIGTERM')
    await server.ended()
    const restored = await done(here.tessera(['db', 'restore', file, '--json', ...(aside ? ['--replace'] : [])]))
    if (aside) t.ok(existsSync(String(restored['aside'])), 'what was there is kept')
    t.ok((restored['ended'] as { tokenFamilies: number }).tokenFamilies >= 3)

    await serve(t, here)
    for (const { refresh_token: refresh } of [
      live,
      rotated,
      revokedLater,
      issuedLater,
      refresher.tokens(),
      { refresh_token: rotatedLater },
    ])
      t.match(refusalOf(await party.refresh(refresh)), /^400 invalid_grant: /)
    for (const { access_token: access } of [live, rotated, revokedLater, issuedLater, refresher.tokens()]) {
      t.equal((await party.userinfo(access)).status, 401)
      t.equal((await party.introspect(access)).json['active'], false)
    }
    for (const code of [usedBefore, usedLater]) t.match(refusalOf(await party.redeem(code)), /^400 invalid_grant: /)
    for (const token of [early, late]) t.equal(await introspected(at, token), false, 'a service token of before')
    t.equal(await introspected(at, await serviceToken(at)), true, 'and a new one')
    const silent = await party.authorize({ prompt: 'none', ...PKCE })
    t.equal(sentTo(silent).searchParams.get('error'), 'login_required', 'the session of the browser is over')
    t.equal(await lifeOf(party, await party.obtainTokens()), ALIVE, 'signing in again is all it takes')
    const audit = await here.tessera(['audit', 'list', '--event', 'database_restored', '--json'])
    matchesWhole(t, JSON.parse(audit.stdout), [{ detail: { of: String, takenAt: String, tokenFamilies: Number } }])
    t.match(
      await here.tessera(['db', 'check', '--json']),
      kind === 'SQLite' ? { code: 0 } : { stdout: /"sealed|"signing keys",\s+"passed": true/ },
    )
  })
}

await t.test('a backup is one whole file for its owner alone, and replaces nothing unasked', async (t) => {
  const { site } = await inhabited(t)
  const file = join(site.folder, 'backup.db')
  const { code, stdout, stderr } = await site.tessera(['db', 'backup', file])
  t.equal(code, 0, stderr)
  t.match(stdout, /backup\.db: \d+ rows of file:.* as of .*Z, \d+ bytes, verified\.\n$/)
  t.match(stderr, /copied users: 2 rows\n[\s\S]*The backup does not hold the master key/)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.strictSame(
    readdirSync(site.folder).filter((name) => name.startsWith('backup')),
    ['backup.db'],
    'nothing beside it',
  )
  const key = readFileSync(join(site.folder, 'master.key'), 'utf8').trim()
  t.notOk(readFileSync(file).includes(key) || readFileSync(file).includes(Buffer.from(key, 'base64')))

  const bytes = readFileSync(file)
  t.match(await site.tessera(['db', 'backup', file]), {
    code: 1,
    stderr: /already exists; choose another file, or replace it with --force/,
  })
  t.ok(readFileSync(file).equals(bytes))
  t.equal((await site.tessera(['db', 'backup', file, '--force'])).code, 0)

  const nowhere = join(site.folder, 'none', 'backup.db')
  t.match(await site.tessera(['db', 'backup', nowhere]), {
    code: 1,
    stderr: /^ENOENT: .*none.*; choose a folder that exists and is writable\n$/,
  })

  // Served as it is, it would make used tokens live again.
  const asItIs = withSettings(site, { TESSERA_DATABASE_URL: `file:${file}` })
  for (const command of [['serve'], ['user', 'list']])
    matchesWhole(t, await asItIs.tessera(command), {
      code: 1,
      stdout: '',
      stderr: /^this file is a backup of file:.*restore it with tessera db restore FILE\n$/,
    })
})

await t.test('a backup or restore that is killed leaves nothing half done', async (t) => {
  const { site } = await inhabited(t)
  const killedAfter = (place: Site, args: readonly string[], line: string): Promise<unknown> => {
    const options = {
      env: environment(place.settings),
      stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'],
    }
    const child = spawn(...plainTessera(...args), options)
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => chunk.includes(line) && child.kill('SIGKILL'))
    return new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)))
  }
  const file = join(site.folder, 'backup.db')
  t.equal(await killedAfter(site, ['db', 'backup', file], 'copied users'), 'SIGKILL')
  t.notOk(existsSync(file))
  t.equal((await site.tessera(['db', 'backup', file])).code, 0, 'and is no obstacle')

  const to = withSettings(site, { TESSERA_DATABASE_URL: await postgres.createDatabase() })
  t.equal(await killedAfter(to, ['db', 'restore', file], 'copied users'), 'SIGKILL')
  t.match(await to.tessera(['serve']), {
    code: 1,
    stderr: /^this database is the target of an unfinished restore from file:/,
  })
  t.equal((await to.tessera(['db', 'restore', file])).code, 0)
  t.match(await to.tessera(['user', 'list']), { code: 0, stdout: /david/ })
})

await t.test('a restore looks first, and refuses what it cannot stand for', async (t) => {
  const { site } = await inhabited(t)
  const file = join(site.folder, 'backup.db')
  t.equal((await site.tessera(['db', 'backup', file])).code, 0)
  const to = withSettings(site, { TESSERA_DATABASE_URL: `file:${join(site.folder, 'new', 'tessera.db')}` })
  const refused = async (name: string, change: (path: string) => void, reason: RegExp, place = to): Promise<void> => {
    const path = join(site.folder, `${name}.db`)
    writeFileSync(path, readFileSync(file))
    change(path)
    matchesWhole(t, await place.tessera(['db', 'restore', path]), { code: 1, stdout: '', stderr: reason }, name)
    t.notOk(existsSync(join(site.folder, 'new', 'tessera.db')), 'and nothing was made')
  }
  const altered = (sql: string) => (path: string) => {
    const database = new Sqlite(path)
    database.pragma('foreign_keys = OFF')
    database.exec(sql)
    database.close()
  }
  t.match(await to.tessera(['db', 'restore', '/nowhere.db']), { code: 1, stderr: 'there is no file /nowhere.db\n' })
  await refused(
    'letter',
    (path) => writeFileSync(path, 'Dear Roger, '.repeat(500)),
    /letter\.db is not a readable backup: file is not a database\n$/,
  )
  await refused(
    'damaged',
    (path) => {
      const bytes = readFileSync(path)
      bytes.fill(0xa5, 3 * 4096)
      writeFileSync(path, bytes)
    },
    /damaged|malformed/,
  )
  await refused(
    'orphans',
    altered(`delete from users where login = 'svc.sync'`),
    /the file is damaged: a row of \w+ refers to a missing row of users/,
  )
  await refused(
    'newer',
    altered(`insert into kysely_migration values ('0999-x', '2099-01-01')`),
    /by a newer version of Tessera/,
  )
  await refused('foreign', altered('drop table kysely_migration'), /foreign\.db does not hold a Tessera instance/)
  const future = Date.now() + 86_400_000
  await refused(
    'later',
    altered(`update users set updated_at = ${future}`),
    /the clock of this machine says .* set the clock first/,
  )
  const otherKey = withSettings(to, { TESSERA_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') })
  await refused('sealed', () => undefined, /the backup was made under another master key/, otherKey)
  const noKey = withSettings(to, { TESSERA_MASTER_KEY_FILE: join(site.folder, 'none.key') })
  await refused(
    'keyless',
    () => undefined,
    /^there is no master key: .* does not exist; put the master key of the backup there/,
    noKey,
  )
  t.notOk(existsSync(join(site.folder, 'none.key')), 'no other key is made')

  t.equal((await to.tessera(['db', 'restore', file])).code, 0)
  t.match(await to.tessera(['user', 'list']), { code: 0, stdout: /david/ })
})

await t.test('a restore takes the place of a damaged database, which is kept', async (t) => {
  const { site } = await inhabited(t)
  const file = join(site.folder, 'backup.db')
  t.equal((await site.tessera(['db', 'backup', file])).code, 0)
  const path = join(site.folder, 'tessera.db')
  const damaged = readFileSync(path)
  damaged.fill(0xa5, 4096)
  writeFileSync(path, damaged)
  writeFileSync(`${path}-wal`, 'what was in the log')
  const restored = await done(site.tessera(['db', 'restore', file, '--replace', '--json']))
  const aside = String(restored['aside'])
  t.ok(readFileSync(aside).equals(damaged))
  t.equal(readFileSync(`${aside}-wal`, 'utf8'), 'what was in the log')
  t.match(await site.tessera(['db', 'check', '--json']), { code: 0, stdout: /"outcome": "sound"/ })
})

await t.test('a database of an older version is backed up as it is, and restored into this one', async (t) => {
  const site = await prepareSite(t)
  const path = join(site.folder, 'tessera.db')
  await site.tessera(['key', 'list'])
  const old = withSettings(site, { TESSERA_DATABASE_URL: `file:${join(site.folder, 'old.db')}` })
  const place = openPlace(`file:${join(site.folder, 'old.db')}`, 'make')
  await place.migrations.migrate('0002-operations')
  await place.db.insertInto('settings').values({ name: 'RefusalLimit', value: '77' }).execute()
  await place.close()

  const file = join(site.folder, 'backup.db')
  t.equal((await old.tessera(['db', 'backup', file])).code, 0)
  t.match(
    await old.tessera(['db', 'status', '--json']),
    { stdout: /"pending": \[\s+"0003-storage"/ },
    'which changes nothing',
  )
  t.match(await withSettings(site, { TESSERA_DATABASE_URL: `file:${file}` }).tessera(['user', 'list']), {
    code: 1,
    stderr: /is a backup/,
  })
  t.equal((await site.tessera(['db', 'restore', file, '--replace'])).code, 0)
  const database = new Sqlite(path, { readonly: true })
  t.strictSame(database.prepare(`select value from settings where name = 'RefusalLimit'`).pluck().all(), ['77'])
  database.close()
  t.equal((await site.tessera(['key', 'list'])).code, 0)
})

await t.test('PostgreSQL is backed up into the same kind of file', async (t) => {
  const { site } = await inhabited(t, { TESSERA_DATABASE_URL: await postgres.createDatabase() })
  const file = join(site.folder, 'backup.db')
  const { stdout, stderr } = await site.tessera(['db', 'backup', file, '--json'])
  t.notMatch(stdout + stderr, /password@/)
  const [there] = await askPostgres<{ count: string }>(
    site.settings['TESSERA_DATABASE_URL'] ?? '',
    'select count(*) from users',
  )
  const tables = (JSON.parse(stdout) as { tables: { table: string; rows: number }[] }).tables
  t.equal(tables.find(({ table }) => table === 'users')?.rows, Number(there?.count))
})
