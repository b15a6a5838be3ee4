// SQLite alone: is about the file of SQLite
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { openStore } from '../../src/store/open-store.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { COMMAND, environment, plainNode, tesseraWith } from '../fixtures/cli/cli.ts'
import { addPerson, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { query } from '../fixtures/store/database.ts'

const PASSWORD = 'correct horse battery staple'

async function inhabited(t: Test): Promise<Site & { readonly file: string; readonly backup: string }> {
  const site = await prepareSite(t)
  await addPerson(site, 'david', PASSWORD)
  const backup = join(site.folder, 'backup.db')
  t.match(await site.tessera(['db', 'backup', backup]), { code: 0 })
  return { ...site, file: join(site.folder, 'tessera.db'), backup }
}

for (const [what, take, reason] of [
  ['removed', (file: string) => rmSync(file), /tessera\.db was removed or renamed while it was open/],
  [
    'renamed',
    (file: string) => renameSync(file, `${file}.old`),
    /tessera\.db was removed or renamed while it was open/,
  ],
  [
    'replaced',
    (file: string) => renameSync(join(file, '..', 'other.db'), file),
    /tessera\.db was replaced by another file while it was open/,
  ],
] as const)
  await t.test(`a server whose database file was ${what} is not ready, and stops`, async (t) => {
    const site = await inhabited(t)
    linkSync(site.backup, join(site.folder, 'other.db'))
    const server = await serve(t, site)
    t.ok(existsSync(`${site.file}-wal`))
    take(site.file)
    const ready = await fetch(`${site.origin}/health/ready`).then(
      ({ status }) => status,
      () => 'gone already',
    )
    t.ok(ready === 503 || ready === 'gone already', String(ready))
    t.strictSame(await server.ended(), { code: 1, signal: null })
    const records = server.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    t.match(
      records.find(({ level }) => level === 60),
      { reason, msg: /; stopping$/ },
    )
    if (what !== 'replaced') return
    t.notOk(existsSync(`${site.file}-wal`), 'its log is not taken for that of the new file')
    t.match(readdirSync(site.folder).join(' '), /tessera\.db-wal\.replaced-\d+/)
  })

await t.test('what is written into a file that lost its name is not acknowledged', async (t) => {
  const { file, folder } = await inhabited(t)
  const store = openStore({ url: `file:${file}`, connections: 1 })
  t.teardown(() => store.close())
  const note = (name: string): Promise<void> => store.write(({ settings }) => settings.set(name, 'kept'))
  await note('before')
  t.equal(store.whyLost(), undefined)
  // In the middle of a unit of work, and after one.
  await t.rejects(
    store.write(async ({ settings }) => {
      await settings.set('meanwhile', 'kept')
      renameSync(file, join(folder, 'taken.db'))
    }),
    { code: 'temporarily_unavailable', detail: { message: /was removed or renamed while it was open/ } },
  )
  await t.rejects(note('after'), { code: 'temporarily_unavailable' })
  await t.rejects(store.ping())
  renameSync(join(folder, 'taken.db'), file)
  await t.rejects(note('later'), { code: 'temporarily_unavailable' }, 'what was lost stays lost')
  t.match(store.whyLost(), /was removed or renamed/)
})

await t.test(
  'a database whose last writer was killed in a transaction is rolled back by the next command',
  async (t) => {
    const site = await inhabited(t)
    // Two transactions: one of before the write-ahead log, as in a file that was just made or restored.
    for (const [name, journal] of [
      ['rolled-back', 'DELETE'],
      ['recovered', 'WAL'],
    ] as const) {
      const database = new (loadSqlite())(site.file)
      database.pragma(`journal_mode = ${journal}`)
      database.pragma('cache_size = 1')
      database.exec('begin immediate')
      const add = database.prepare("insert into settings (name, value) values ('half ' || ?, ?)")
      for (let row = 0; row < 500; row++) add.run(row, 'x'.repeat(500))
      const folder = join(site.folder, name)
      mkdirSync(folder)
      for (const file of readdirSync(site.folder).filter((each) => /^(tessera\.db|master)/.test(each)))
        if (!file.endsWith('-shm')) copyFileSync(join(site.folder, file), join(folder, file))
      database.exec('rollback')
      database.close()
      t.ok(existsSync(join(folder, journal === 'WAL' ? 'tessera.db-wal' : 'tessera.db-journal')))
      const settings = { ...site.settings, TESSERA_DATA_DIR: folder }
      matchesWhole(t, await tesseraWith(settings)(['user', 'list']), { code: 0, stdout: /david/, stderr: '' }, name)
      t.match(await tesseraWith(settings)(['db', 'check', '--json']), { code: 0, stdout: /"outcome": "sound"/ })
      t.strictSame(
        await query(
          { databaseUrl: `file:${join(folder, 'tessera.db')}` },
          "select * from settings where name like 'half%'",
        ),
        [],
      )
    }
  },
)

/** A `tessera db restore --replace` that has its hold on the old file and waits before it copies, until it is let go. */
async function startRestore(t: Test, site: Site & { readonly backup: string }) {
  const gate = join(site.folder, 'gate.mjs')
  const open = join(site.folder, 'open')
  writeFileSync(
    gate,
    `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const { copyFileSync, existsSync } = fs
const idle = new Int32Array(new SharedArrayBuffer(4))
fs.copyFileSync = (...given) => {
  fs.writeSync(1, 'held\\n')
  while (!existsSync(${JSON.stringify(open)})) Atomics.wait(idle, 0, 0, 20)
  copyFileSync(...given)
}
syncBuiltinESMExports()
`,
  )
  const command = plainNode('--import', gate, ...COMMAND, 'db', 'restore', site.backup, '--replace')
  const child = spawn(...command, { env: environment(site.settings), stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
  })
  await Promise.race([once(child.stdout, 'data'), ended.then(() => Promise.reject(new Error(said)))])
  return {
    kill: (): Promise<unknown> => {
      child.kill('SIGKILL')
      return ended
    },
    letGo: async (): Promise<{ code: number | null; stderr: string }> => {
      writeFileSync(open, '')
      return { code: await ended, stderr: said }
    },
  }
}

await t.test(
  'nothing is served from a database, nor written to it, while a restore prepares to replace it',
  async (t) => {
    const site = await inhabited(t)
    await addPerson(site, 'since', PASSWORD)
    const restore = await startRestore(t, site)
    const held = { code: 1, stdout: '', stderr: /cannot be opened: database is locked; .*perhaps tessera db restore/ }
    const [served, added] = await Promise.all([
      site.tessera(['serve']),
      site.tessera(['user', 'add', 'late', '--type', 'SystemUserNoLogin']),
    ])
    matchesWhole(t, served, held)
    matchesWhole(t, added, held)
    t.match(await restore.letGo(), { code: 0 })

    t.match(await site.tessera(['user', 'list', '--json']), { code: 0, stdout: /david/ })
    t.notMatch((await site.tessera(['user', 'list'])).stdout, /since|late/)
    const aside = readdirSync(site.folder).find((name) => /before-restore-[^-]+$/.test(name)) ?? ''
    t.strictSame(
      readdirSync(site.folder).filter((name) => name.startsWith(`${aside}-`) || name.endsWith('-journal')),
      [],
      'nothing is left beside it',
    )
    const old = tesseraWith({ ...site.settings, TESSERA_DATABASE_URL: `file:${join(site.folder, aside)}` })
    for (const command of [['serve'], ['user', 'list']])
      matchesWhole(t, await old(command), {
        code: 1,
        stdout: '',
        stderr:
          /^this database was put aside at \S+Z, when \/\S+backup\.db was restored in its place; serve file:\S+tessera\.db\. .*restore a copy/,
      })
    t.match(await old(['db', 'move', '--to', 'file:never.db']), {
      code: 1,
      stderr: /was put aside by a tessera db restore/,
    })
    const back = await site.tessera(['db', 'restore', join(site.folder, aside), '--replace'])
    t.match(back, { code: 0 }, 'it can be taken back in')
    t.match(await site.tessera(['user', 'list']), { code: 0, stdout: /since/ })
  },
)

await t.test('a restore that is killed leaves the database free, and as it was', async (t) => {
  const site = await inhabited(t)
  await addPerson(site, 'since', PASSWORD)
  const restore = await startRestore(t, site)
  await restore.kill()
  t.match(await site.tessera(['user', 'list']), { code: 0, stdout: /since/ })
  await serve(t, site)
  t.match(await site.tessera(['db', 'restore', site.backup, '--replace']), {
    code: 1,
    stderr: /is in use by another process; stop the server first/,
  })
})

await t.test('a restore that is killed in its last step is run again', async (t) => {
  const site = await inhabited(t)
  // As it is between the mark and the rename.
  const database = new (loadSqlite())(site.file)
  const mark = { restored: site.backup, in: `file:${site.file}`, at: Date.now() }
  database.prepare("insert into move_state values ('aside', ?)").run(JSON.stringify(mark))
  database.close()
  t.match(await site.tessera(['serve']), { code: 1, stderr: /If that restore was interrupted, run it again/ })
  t.match(await site.tessera(['db', 'restore', site.backup, '--replace']), { code: 0 })
  t.match(await site.tessera(['user', 'list']), { code: 0, stdout: /david/ })
})

await t.test('a restore does not replace what came to be while it prepared', async (t) => {
  const site = await inhabited(t)
  renameSync(site.file, join(site.folder, 'moved.db'))
  const restore = await startRestore(t, site)
  t.match(await site.tessera(['db', 'migrate']), { code: 0 })
  t.match(await restore.letGo(), { code: 1, stderr: /tessera\.db was created in the meantime and is left alone/ })
  t.notMatch((await site.tessera(['user', 'list'])).stdout, /david/)
})
