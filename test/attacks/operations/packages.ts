// SQLite alone: reads what is installed
import { readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('../../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

interface Locked {
  readonly integrity?: string
  readonly dev?: boolean
  readonly link?: boolean
}

const lockedIn = (path: string) =>
  Object.entries((JSON.parse(read(path)) as { packages: Record<string, Locked> }).packages)
const locked = lockedIn('package-lock.json')
/** What is of this repository itself comes from nowhere else: the server, the plugin, and the link to that. */
const OWN = ['', 'src/resource-server', 'node_modules/@tessera-id/resource-server']
const packages = locked.filter(([path]) => !OWN.includes(path))
const manifest = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'optionalDependencies' | 'devDependencies',
  Record<string, string>
>
const direct = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies }
const running = packages.filter(([, { dev }]) => dev !== true)

/** The formatter for other platforms, which no user and no CI installs: npm notes no digest of what was not there to be fetched. */
const OTHER_PLATFORMS = /^node_modules\/@biomejs\/cli-/

await t.test('SC-01: the digest of every package is known, and direct ones are pinned', async (t) => {
  t.ok(packages.length > 100)
  const older = lockedIn('scripts/node-20/package-lock.json').filter(([path]) => path !== '')
  t.ok(older.some(([path]) => path === 'node_modules/better-sqlite3'))
  const strange = [...packages, ...older].filter(
    ([path, { integrity = '', link, dev }]) =>
      link === true || !(integrity.startsWith('sha512-') || (dev === true && OTHER_PLATFORMS.test(path))),
  )
  t.strictSame(
    strange.map(([path]) => path),
    [],
  )
  for (const [name, versions] of Object.entries(direct))
    for (const version of name === 'better-sqlite3' ? versions.split(' || ') : [versions])
      t.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${name} is pinned`)
})

await t.test('SC-02: each direct dependency has a line that says what it is for, and why this one', async (t) => {
  const lines = read('DEPENDENCIES.md').split('\n')
  t.comment(`${running.length} packages at run time, ${Object.keys(manifest.dependencies).length} of them direct`)
  for (const name of Object.keys(direct)) {
    const line = lines.find((one) =>
      one
        .split('|')[1]
        ?.split(',')
        .some((cell) => cell.trim() === name),
    )
    const [, , what = '', why = ''] = line?.split('|') ?? []
    t.ok(what.trim().length >= 5 && why.trim().length >= 5, name)
  }
  // A dependency more brings others along: whoever adds one sees here how many.
  t.ok(running.length <= 170, `${running.length} packages at run time`)
})
