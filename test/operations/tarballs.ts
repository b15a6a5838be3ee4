// SQLite alone: is about what is packed
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { plainNode } from '../fixtures/cli/cli.ts'
import { emptySite, serve } from '../fixtures/instance/server-process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PLUGIN = '@tessera-id/resource-server'
const SERVER = '@tessera-id/server'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly engines: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}
const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

/** A package as `npm install` would leave it. */
interface Installed {
  /** The folder of whoever installed it. */
  readonly folder: string
  /** Its own, below that. */
  readonly place: string
  readonly tarball: string
  /** Every file that the tarball holds. */
  readonly files: readonly string[]
}

/** Packs a package and installs the tarball in an empty folder, beside these packages and no others. */
function install(t: Test, name: string, beside: readonly string[]): Installed {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-package-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const which = name === PLUGIN ? ['--workspace', PLUGIN] : []
  const packing = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder, ...which]
  execFileSync('npm', packing, { cwd: ROOT, stdio: ['ignore', 'ignore', 'ignore'] })
  const [tarball = ''] = readdirSync(folder)
  const modules = join(folder, 'node_modules')
  const place = join(modules, name)
  mkdirSync(place, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, tarball), '-C', place, '--strip-components=1'])
  for (const other of beside) {
    mkdirSync(dirname(join(modules, other)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', other), join(modules, other), 'dir')
  }
  const listed = execFileSync('tar', ['-tzf', join(folder, tarball)]).toString()
  return {
    folder,
    place,
    tarball,
    files: listed
      .trim()
      .split('\n')
      .map((path) => path.replace('package/', ''))
      .sort(),
  }
}

const installPlugin = (t: Test): Installed => install(t, PLUGIN, ['fastify', 'jose', '@types/node'])
const installServer = (t: Test): Installed => {
  const { dependencies, optionalDependencies } = manifestIn(ROOT)
  return install(t, SERVER, Object.keys({ ...dependencies, ...optionalDependencies }))
}

/** Relative links of the documents in a package that lead to nothing there. */
const brokenLinks = ({ place, files }: Installed): string[] =>
  files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...readFileSync(join(place, file), 'utf8').matchAll(/\]\((?![a-z]+:)([^)#\s]+)[^)]*\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !existsSync(join(place, dirname(file), target)))
        .map((target) => `${file}: ${target}`),
    )

const run = (folder: string, file: string): string =>
  execFileSync(process.execPath, [file], {
    cwd: folder,
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' },
  }).toString()

const SCRIPT = `
import Fastify from 'fastify'
import resourceServer, { type AccessToken, type ResourceServerOptions } from '${PLUGIN}'

const options: ResourceServerOptions = { issuer: 'https://id.example.com/id', audience: 'DomainAPI' }
const app = Fastify()
await app.register(resourceServer, options)
app.get('/read', { config: { scope: ['read', 'update'] } }, async ({ token }): Promise<AccessToken> => token)
app.get('/open', { config: { open: true } }, async () => 'open to all')
// @ts-expect-error a scope is a text
const wrong = (): unknown => app.get('/x', { config: { scope: 7 } }, async () => 'x')
// @ts-expect-error there is no such member
app.get('/y', async ({ token }) => token.subjects)
// @ts-expect-error without an audience every token of the issuer would do
const careless: ResourceServerOptions = { issuer: 'https://id.example.com/id' }
console.log((await app.inject('/read')).statusCode, (await app.inject('/open')).body)
`
await t.test('the packed plugin gives an API author a guard and its types', async (t) => {
  const { folder, place } = installPlugin(t)
  const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, types: ['node'], skipLibCheck: true }
  const tsconfig = { compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'api.ts'), SCRIPT)
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(place, 'README.md'), 'utf8')) ?? []
  t.match(example, `from '${PLUGIN}'`)
  writeFileSync(join(folder, 'readme.ts'), example)
  const compiled = spawnSync(...plainNode(join(ROOT, 'node_modules/typescript/bin/tsc')), { cwd: folder })
  t.equal(compiled.stdout.toString(), '', 'compiles, and so does what its README shows')
  t.equal(run(folder, 'api.js'), '401 open to all\n')
})

await t.test('the plugin holds what runs, and documents that lead nowhere else', (t) => {
  const plugin = installPlugin(t)
  const sources = readdirSync(join(ROOT, 'src/resource-server')).filter((name) => name.endsWith('.ts'))
  const built = sources.flatMap((name) => ['.js', '.d.ts'].map((ending) => `dist/${name.replace(/\.ts$/, ending)}`))
  t.strictSame(plugin.files, [...built, 'LICENSE', 'README.md', 'package.json'].sort())
  t.strictSame(brokenLinks(plugin), [])
  const readme = readFileSync(join(plugin.place, 'README.md'), 'utf8')
  t.match(readme, `npm install ./${plugin.tarball} fastify\n`)
  t.notMatch(readme, /\bnpx\b/, 'nobody is told to run what a stranger has published')
  t.equal(readFileSync(join(plugin.place, 'LICENSE'), 'utf8'), readFileSync(join(ROOT, 'LICENSE'), 'utf8'))
  const { version, engines, dependencies, optionalDependencies, peerDependencies } = manifestIn(plugin.place)
  const server = manifestIn(ROOT)
  t.equal(version, server.version)
  t.strictSame(engines, server.engines)
  t.strictSame(Object.keys(dependencies), ['jose'])
  t.strictSame(Object.keys(peerDependencies ?? {}), ['fastify'])
  t.equal(optionalDependencies, undefined)
  t.end()
})

const OF_THE_SERVER =
  /^(dist\/(cli|db|src)\/.*\.js|schema\/[\w.]+\.json|templates\/.*|docs\/[\w-]+\.md|docs\/pictures\/[\w-]+\.png|src\/resource-server\/README\.md|[A-Z]+\.md|LICENSE|package\.json)$/
await t.test('the server holds what runs, and documents that lead nowhere else', (t) => {
  const server = installServer(t)
  t.strictSame(
    server.files.filter((file) => !OF_THE_SERVER.test(file) || file.startsWith('dist/src/resource-server/')),
    [],
    'neither types, source maps nor the plugin',
  )
  t.strictSame(brokenLinks(server), [])
  t.match(manifestIn(server.place), { name: SERVER, private: true, bin: { tessera: /\.js$/ } })
  t.end()
})

await t.test('the packed server starts with what package.json asks for', async (t) => {
  const { place } = installServer(t)
  const command = [join(place, manifestIn(place).bin?.['tessera'] ?? '')]
  const help = spawnSync(...plainNode(...command, '--help'), { env: { PATH: process.env['PATH'] } })
  t.equal(help.status, 0, help.stderr.toString())
  t.match(help.stdout.toString(), /^Usage: tessera /)
  const site = await emptySite(t)
  const server = await serve(t, site, { command })
  t.equal((await fetch(`${site.origin}/health/live`)).status, 200)
  t.equal((await fetch(`${site.issuer}/.well-known/openid-configuration`)).status, 200)
  t.equal((await fetch(`${site.issuer}/login`)).headers.get('content-type'), 'text/html; charset=utf-8')
  server.kill('SIGTERM')
  t.match(await server.ended(), { code: 0 })
})

await t.test('nothing else of the packages can be imported, but their descriptions', (t) => {
  const look = (name: string, path: string): string =>
    `const load = (name, how) => import(name, how).then(() => 'there', ({ code }) => code)
     console.log(await load('${name}/package.json', { with: { type: 'json' } }), await load('${name}/${path}'))`
  for (const [name, installed, path] of [
    [PLUGIN, installPlugin(t), 'dist/guard.js'],
    [SERVER, installServer(t), 'dist/src/compose/server.js'],
  ] as const) {
    t.ok(installed.files.includes(path))
    writeFileSync(join(installed.folder, 'look.mjs'), look(name, path))
    t.equal(run(installed.folder, 'look.mjs'), 'there ERR_PACKAGE_PATH_NOT_EXPORTED\n', name)
  }
  t.end()
})
