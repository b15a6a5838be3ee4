import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { environment, plainTessera, tesseraAfter, tesseraProcess, tesseraWith } from '../fixtures/cli/cli.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { emptySite, prepareSite, type Site } from '../fixtures/instance/server-process.ts'
import { alter } from '../fixtures/store/database.ts'

const NO_LINKS = new URL('../fixtures/store/no-links.mjs', import.meta.url)

async function inhabited(t: Test): Promise<Site & { readonly backup: string }> {
  const site = await prepareSite(t)
  await site.tessera(['user', 'add', 'david'])
  return { ...site, backup: join(site.folder, 'backup.db') }
}

/** Ends a command as soon as it has begun a copy in this folder. @returns the signal that ended it */
async function endedInTheMiddle(
  settings: Site['settings'],
  folder: string,
  signal: NodeJS.Signals,
  ...args: string[]
): Promise<unknown> {
  const child = spawn(...plainTessera(...args), { env: environment(settings), stdio: 'ignore' })
  const ended = new Promise((resolve) => child.on('exit', (_code, by) => resolve(by)))
  await eventually(
    async () => draftsIn(folder),
    (names) => names.length > 0,
    30_000,
  )
  child.kill(signal)
  return ended
}

const draftsIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => /\.(part|restoring)(-\w+)?$|^tessera-restore-/.test(name))

/** What is removed by another process is gone a little later. */
const noDraftsIn = async (folder: string): Promise<string[]> =>
  eventually(
    async () => draftsIn(folder),
    (names) => names.length === 0,
    20_000,
  )

await t.test('a backup that is killed, by whatever signal, leaves no copy behind', async (t) => {
  const site = await inhabited(t)
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
    t.equal(await endedInTheMiddle(site.settings, site.folder, signal, 'db', 'backup', site.backup), signal)
    t.strictSame(await noDraftsIn(site.folder), [], signal)
    t.notOk(existsSync(site.backup))
  }
  // A machine that stopped has left one, and nobody has it open; another one is just being begun.
  for (const name of ['01234567', '89abcdef']) writeFileSync(`${site.backup}.${name}.part`, '')
  utimesSync(`${site.backup}.01234567.part`, 1, 1)
  t.equal((await site.tessera(['db', 'backup', site.backup])).code, 0)
  t.strictSame(draftsIn(site.folder), ['backup.db.89abcdef.part'])
})

await t.test('nor does a restore', async (t) => {
  const site = await inhabited(t)
  t.equal((await site.tessera(['db', 'backup', site.backup])).code, 0)
  const empty = await emptySite(t)
  await empty.tessera(['--version'])
  const settings = {
    ...empty.settings,
    TESSERA_DATABASE_URL: empty.databaseUrl,
    TESSERA_MASTER_KEY_FILE: join(site.folder, 'master.key'),
  }
  const inTemporary = { ...settings, TMPDIR: empty.folder }
  t.equal(await endedInTheMiddle(inTemporary, empty.folder, 'SIGKILL', 'db', 'restore', site.backup), 'SIGKILL')
  t.strictSame(await noDraftsIn(empty.folder), [])
  t.equal((await tesseraWith(settings)(['db', 'restore', site.backup])).code, 0, 'and it can be run again')
})

await t.test('of two backups to one name, one is made, and the other is told of it', async (t) => {
  const site = await inhabited(t)
  const run = (...flags: string[]) => tesseraProcess(site.settings)(['db', 'backup', site.backup, ...flags])
  const both = await Promise.all([run(), run()])
  t.strictSame(both.map(({ code }) => code).sort(), [0, 1])
  t.match(
    both.find(({ code }) => code === 1)?.stderr,
    new RegExp(`^${site.backup} (was created in the meantime|already exists); choose another file`, 'm'),
  )
  t.strictSame(
    (await Promise.all([run('--force'), run('--force')])).map(({ code }) => code),
    [0, 0],
    'with --force each replaces what is there, whole',
  )
  t.strictSame(draftsIn(site.folder), [])
})

await t.test('a file system without hard links takes backups and new databases', async (t) => {
  const site = await inhabited(t)
  const without = tesseraAfter(NO_LINKS, site.settings)
  t.match(await without(['db', 'backup', site.backup]), { code: 0 })
  t.match(await without(['db', 'backup', site.backup]), { code: 1, stderr: /already exists; choose another file/ })
  const key = join(site.folder, 'master.key')
  const path = join(site.folder, 'new', 'tessera.db')
  const settings = { ...site.settings, TESSERA_DATABASE_URL: `file:${path}`, TESSERA_MASTER_KEY_FILE: key }
  const restoring = tesseraAfter(NO_LINKS, settings)
  t.equal((await restoring(['db', 'restore', site.backup])).code, 0)
  t.match(await restoring(['db', 'restore', site.backup, '--replace']), {
    code: 1,
    stderr:
      /^the file system of .*new\/tessera\.db has no hard links, which --replace needs .*; move it away by hand, and restore without --replace$/m,
  })
  t.match(await tesseraWith(settings)(['user', 'list']), { code: 0, stdout: /david/ }, 'and what was there goes on')
})

/** A disk with hardly any room; only root can make one. */
function smallDisk(t: Test, site: Site): string | undefined {
  const folder = join(site.folder, 'small')
  mkdirSync(folder, { mode: 0o700 })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  t.teardown(() => execFileSync('umount', ['-l', folder]))
  return folder
}

await t.test('a target without room is named, and not the database that is copied', async (t) => {
  const site = await inhabited(t)
  await alter(site, `update users set profile = '{"nickname":"${'x'.repeat(400_000)}"}'`)
  t.equal((await site.tessera(['db', 'backup', site.backup])).code, 0)
  const folder = smallDisk(t, site)
  if (folder === undefined) return t.comment('a tmpfs cannot be mounted here: only root may')
  const full = (path: string) =>
    new RegExp(
      `^(file:)?${path} cannot be written: .*(disk is full|no space left).*; free space there, or choose another place$`,
      'm',
    )
  const [backup, moved] = [join(folder, 'backup.db'), join(folder, 'moved.db')]
  matchesWhole(t, await site.tessera(['db', 'backup', backup]), { code: 1, stdout: '', stderr: full(backup) })
  matchesWhole(t, await site.tessera(['db', 'move', '--to', `file:${moved}`]), {
    code: 1,
    stdout: '',
    stderr: full(moved),
  })
  const restored = join(folder, 'restored.db')
  const settings = { ...site.settings, TESSERA_DATABASE_URL: `file:${restored}` }
  const outcome = await tesseraWith(settings)(['db', 'restore', site.backup])
  matchesWhole(t, outcome, { code: 1, stdout: '', stderr: full(restored) })
  t.match(await site.tessera(['user', 'list']), { code: 0, stdout: /david/ }, 'and the source goes on')
  t.strictSame(draftsIn(folder), [])
})
