import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import t from 'tap'

const root = new URL('../', import.meta.url)
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
  const database = new Database(':memory:')
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
  t.ok(listed['better-sqlite3'])
})

await t.test('SC-04: npm run sbom lists what is inside, with the digest of each', async (t) => {
  const { stdout } = await promisify(execFile)('npm', ['run', '-s', 'sbom'], { cwd: root, maxBuffer: 2 ** 24 })
  const { bomFormat, components } = JSON.parse(stdout) as {
    bomFormat: string
    components: { name: string; version: string; hashes?: unknown[] }[]
  }
  t.equal(bomFormat, 'CycloneDX')
  t.strictSame(
    components.filter(({ hashes }) => !hashes?.length).map(({ name }) => name),
    [],
  )
  const direct = json('package.json')['dependencies'] as Record<string, string>
  for (const [name, version] of Object.entries(direct))
    t.ok(
      components.some((component) => component.name === name && component.version === version),
      name,
    )
})
