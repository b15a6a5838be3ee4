import { existsSync, linkSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openStore } from '../src/repositories/open-store.ts'
import { addPerson, prepareSite, type Site, serve } from './fixtures/server-process.ts'

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
