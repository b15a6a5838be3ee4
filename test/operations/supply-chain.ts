// SQLite alone: reads what is installed
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'

const Sqlite = loadSqlite()

const root = new URL('../../', import.meta.url)
const json = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(path, root), 'utf8')) as Record<string, unknown>

const numbersOf = (version: string): number[] => version.split('.').map(Number)

function isAtLeast(version: string, floor: string): boolean {
  const [is, must] = [numbersOf(version), numbersOf(floor)]
  const differs = must.findIndex((number, index) => is[index] !== number)
  return differs < 0 || (is[differs] ?? 0) > (must[differs] ?? 0)
}

await t.test('SC-03: nothing is older than where a fault we know of was mended', async (t) => {
  for (const [name, floor] of [
    ['fastify', '5.12.2'],
    ['kysely', '0.28.17'],
  ] as const) {
    const version = String(json(`node_modules/${name}/package.json`)['version'])
    t.ok(isAtLeast(version, floor), `${name} ${version} is ${floor} or newer`)
  }
  const database = new Sqlite(':memory:')
  const sqlite = String(database.prepare('select sqlite_version()').pluck().get())
  database.close()
  t.ok(isAtLeast(sqlite, '3.51.3'), `SQLite ${sqlite} is 3.51.3 or newer`)
  t.notOk(isAtLeast('3.51.2', '3.51.3'))
  t.ok(isAtLeast('3.52.0', '3.51.3'))
})

await t.test('SC-01: an installation runs the scripts of the packages on the list, and of no others', async (t) => {
  const packages = json('package-lock.json')['packages'] as Record<string, { readonly hasInstallScript?: boolean }>
  const scripted = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true)
  const names = new Set(scripted.map(([path]) => path.replace(/^.*node_modules\//, '')))
  const listed = json('package.json')['allowScripts'] as Record<string, boolean>
  t.strictSame(
    [...names].filter((name) => !Object.hasOwn(listed, name)),
    [],
    'each is allowed or refused by name',
  )
  const older = json('scripts/node-20/package-lock.json')['packages'] as typeof packages
  const compiled = Object.entries(older).filter(([, { hasInstallScript }]) => hasInstallScript === true)
  t.strictSame(
    compiled.map(([path]) => path),
    ['node_modules/better-sqlite3'],
    'on Node 20 it is compiled',
  )
  t.strictSame(json('scripts/node-20/package.json')['allowScripts'], { 'better-sqlite3': true })
})

await t.test('SC-01: on Node 22 and later SQLite comes as it is, and needs neither compiler nor script', (t) => {
  const packages = json('package-lock.json')['packages'] as Record<string, Readonly<Record<string, unknown>>>
  const locked = packages['node_modules/better-sqlite3']
  t.match(
    locked,
    { version: /^13\./, optional: true, engines: { node: '>=22' } },
    'on Node 20 npm leaves it out, as it is optional and asks for more',
  )
  // npm writes no such line itself; without it npm ci runs node-gyp, and where that fails leaves the package out without a word.
  t.equal(locked?.['gypfile'], false, 'put "gypfile": false back into package-lock.json, next to its integrity')
  t.equal((json('package.json')['allowScripts'] as Record<string, boolean>)['better-sqlite3'], false)
  t.end()
})

await t.test('npm ci finds no package that is not made for the Node that runs', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-engines-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'src/resource-server'), { recursive: true })
  for (const file of ['package.json', 'package-lock.json', 'src/resource-server/package.json'])
    copyFileSync(fileURLToPath(new URL(file, root)), join(folder, file))
  const dry = ['ci', '--dry-run', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=warn']
  const { stderr } = await promisify(execFile)('npm', dry, { cwd: folder, maxBuffer: 2 ** 24 })
  t.notMatch(stderr, 'EBADENGINE')
})

await t.test('SC-04: npm run sbom lists what is inside, with the digest of each', async (t) => {
  const { stdout } = await promisify(execFile)('npm', ['run', '-s', 'sbom'], { cwd: root, maxBuffer: 2 ** 24 })
  const { bomFormat, components } = JSON.parse(stdout) as {
    bomFormat: string
    components: { name: string; version: string; purl: string; hashes?: unknown[] }[]
  }
  t.equal(bomFormat, 'CycloneDX')
  // What Node 20 gets instead has its digests in a lockfile of its own.
  const older = json('scripts/node-20/package-lock.json')['packages'] as Record<string, { readonly integrity?: string }>
  const isOlder = (name: string): boolean => older[`node_modules/${name}`]?.integrity?.startsWith('sha512-') === true
  // The plugin for APIs comes with this tree, as the server does.
  const isOurs = (purl: string): boolean => purl.startsWith('pkg:npm/%40tessera-id/')
  t.strictSame(
    components
      .filter(({ purl }) => !isOurs(purl))
      .filter(({ name, hashes }) => !hashes?.length && !(process.versions.node.startsWith('20.') && isOlder(name)))
      .map(({ name }) => name),
    [],
  )
  const { dependencies, optionalDependencies } = json('package.json') as Record<string, Record<string, string>>
  for (const [name, versions] of Object.entries({ ...dependencies, ...optionalDependencies }))
    t.ok(
      components.some((component) => component.name === name && versions.split(' || ').includes(component.version)),
      name,
    )
})
