// SQLite alone: is about where its file is
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { tesseraAfter, words } from '../fixtures/cli/cli.ts'
import { prepareSite } from '../fixtures/instance/server-process.ts'

const REFUSED =
  /on a network file system \(NFS\), where SQLite can lose what was acknowledged; set TESSERA_DATA_DIR to a local disk, or use PostgreSQL/

await t.test('no server and no command keeps SQLite on a network file system', async (t) => {
  const site = await prepareSite(t)
  const network = join(site.folder, 'network')
  mkdirSync(network)
  const module = new URL('../fixtures/store/network-disk.mjs', import.meta.url)
  const there = { ...site.settings, TESSERA_DATABASE_URL: `file:${join(network, 'new', 'tessera.db')}` }
  const marked = { TEST_NETWORK: network }
  for (const line of ['serve', 'db migrate'])
    matchesWhole(
      t,
      await tesseraAfter(module, { ...there, ...marked })(words(line)),
      { code: 1, stdout: '', stderr: REFUSED },
      line,
    )
  t.notOk(existsSync(join(network, 'new')), 'and nothing is made')

  const backup = join(network, 'backup.db')
  const local = tesseraAfter(module, { ...site.settings, ...marked })
  t.equal((await local(['db', 'backup', backup])).code, 0, 'a backup is one file, and may go there')
  t.match(await local(['db', 'move', '--to', `file:${join(network, 'moved.db')}`]), { code: 1, stderr: REFUSED })
  t.notOk(existsSync(join(network, 'moved.db')))

  // An instance that is there already.
  const own = tesseraAfter(module, { ...site.settings, TEST_NETWORK: site.folder })
  for (const line of ['doctor --no-online', 'user list', 'db status', `db restore ${backup} --replace`])
    matchesWhole(t, await own(words(line)), { code: 1, stdout: '', stderr: REFUSED }, line)
  const away = tesseraAfter(module, { ...site.settings, TEST_NETWORK: `${site.folder}/tessera.db` })
  const moved = await away(['db', 'move', '--to', `file:${join(site.folder, 'local.db')}`])
  t.equal(moved.code, 0, `it can be moved away: ${moved.stderr}`)
})
