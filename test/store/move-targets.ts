import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { moveDatabase } from '../../src/store/transfer/move.ts'
import { openPlace } from '../../src/store/transfer/place.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { tesseraWith } from '../fixtures/cli/cli.ts'
import { prepareSite } from '../fixtures/instance/server-process.ts'

const WITH_PASSWORD = 'postgres://tessera:s3cret@127.0.0.1:1/tessera'

await t.test('no password of a database stands among the arguments of a process', async (t) => {
  const site = await prepareSite(t)
  await site.tessera(['user', 'add', 'david'])
  const open = join(site.folder, 'open.url')
  writeFileSync(open, WITH_PASSWORD, { mode: 0o644 })
  const shut = join(site.folder, "roger's.url")
  writeFileSync(shut, `${WITH_PASSWORD}\n`, { mode: 0o600 })
  const wrong = join(site.folder, 'wrong.url')
  writeFileSync(wrong, 'mysql://tessera:s3cret@db/tessera', { mode: 0o600 })
  const none = join(site.folder, 'none.url')

  const refusals = [
    [
      ['--to', WITH_PASSWORD],
      /^--to: every user of this machine can read a password among the arguments .*--to-url-file.*TESSERA_MOVE_TO\n$/,
    ],
    [['--to-url-file', open], new RegExp(`^--to-url-file: users other .*${open}; fix it with: chmod 600 ${open}\n$`)],
    [['--to-url-file', none], /^--to-url-file: .*none\.url cannot be read: ENOENT/],
    [['--to-url-file', wrong], /wrong\.url: must be a file: URL/],
    [['--to', 'file:x.db', '--to-url-file', shut], /^give either --to or --to-url-file\n$/],
    [['--undo', '--to', 'file:x.db'], /^either --undo or a new database is expected\n$/],
    [[], /^--to, --to-url-file, TESSERA_MOVE_TO or --undo is expected\n$/],
  ] as const
  for (const [flags, stderr] of refusals) {
    const outcome = await site.tessera(['db', 'move', ...flags])
    matchesWhole(t, outcome, { code: 2, stdout: '', stderr }, flags.join(' '))
    t.notMatch(outcome.stderr, 's3cret', 'and what is wrong repeats no password')
  }

  // The server is not there; what matters is which one was meant.
  const meant = /^postgres:\/\/tessera@127\.0\.0\.1:1\/tessera cannot be opened: connect ECONNREFUSED/
  t.match(await site.tessera(['db', 'move', '--to-url-file', shut]), { code: 1, stderr: meant })
  const bySetting = tesseraWith({ ...site.settings, TESSERA_MOVE_TO: WITH_PASSWORD })
  t.match(await bySetting(['db', 'move']), { code: 1, stderr: meant })
  chmodSync(open, 0o600)
  t.match(await site.tessera(['db', 'move', '--to-url-file', open]), { code: 1, stderr: meant })
})

await t.test('after a move the nightly backup of the old URL is refused, as nothing new would be in it', async (t) => {
  const site = await prepareSite(t)
  await site.tessera(['user', 'add', 'david'])
  const to = `file:${join(site.folder, 'moved.db')}`
  const nightly = ['db', 'backup', join(site.folder, 'nightly.db'), '--force']
  t.equal((await site.tessera(nightly)).code, 0)
  t.equal((await site.tessera(['db', 'move', '--to', to])).code, 0)
  matchesWhole(t, await site.tessera(nightly), {
    code: 1,
    stdout: '',
    stderr:
      /was moved to file:.*moved\.db at 20.*Z and has nothing of what happened since; back that one up \(TESSERA_DATABASE_URL\)\n$/,
  })
  t.strictSame(
    readdirSync(site.folder).filter((name) => name.endsWith('.part')),
    [],
  )
  t.equal((await tesseraWith({ ...site.settings, TESSERA_DATABASE_URL: to })(nightly)).code, 0, 'but the new one')
  t.equal((await site.tessera(['db', 'move', '--undo', '--yes'])).code, 0)
  t.equal((await site.tessera(nightly)).code, 0, 'and one that is back in service')
})

await t.test('a database that was put aside is not backed up as if it were the instance', async (t) => {
  const site = await prepareSite(t, { TESSERA_DATABASE_URL: '' })
  const path = join(site.folder, 'tessera.db')
  const here = tesseraWith({ ...site.settings, TESSERA_DATABASE_URL: `file:${path}` })
  t.equal((await here(['db', 'migrate'])).code, 0)
  const backup = join(site.folder, 'backup.db')
  t.equal((await here(['db', 'backup', backup])).code, 0)
  const restored = await here(['db', 'restore', backup, '--replace', '--json'])
  const { aside } = JSON.parse(restored.stdout) as { aside: string }
  const there = tesseraWith({ ...site.settings, TESSERA_DATABASE_URL: `file:${aside}` })
  matchesWhole(t, await there(['db', 'backup', join(site.folder, 'late.db')]), {
    code: 1,
    stdout: '',
    stderr:
      /was put aside at 20.*Z, when .*backup\.db was restored in its place; back up file:.*tessera\.db, or copy the file\n$/,
  })
})

await t.test('once the target is in service nothing of a move is left that may fail', async (t) => {
  const site = await prepareSite(t)
  await site.tessera(['user', 'add', 'david'])
  const holder = openPlace(site.databaseUrl, 'write')
  t.teardown(() => holder.close())
  let release = (): void => undefined
  const over = new Promise<void>((resolve) => {
    release = resolve
  })
  let held: Promise<void> | undefined
  const { tables } = await moveDatabase({
    from: site.databaseUrl,
    to: `file:${join(site.folder, 'moved.db')}`,
    run: 'run',
    report: () => undefined,
    clock: Date.now,
    // The last thing before the target is in service; from here on somebody holds the lock of the source.
    record: () =>
      new Promise((resolve) => {
        held = holder.alone([{ name: 'refresh_tokens' }], async () => {
          resolve()
          await over
        })
      }),
  })
  t.equal(tables.find(({ table }) => table === 'users')?.rows, 1)
  release()
  await held
})
