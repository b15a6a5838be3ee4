// SQLite alone: is about what is packed
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { plainNode } from './fixtures/cli.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A folder in which the packed package is installed beside Fastify, as `npm install` would leave it. */
function installed(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-package-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const packing = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
  execFileSync('npm', packing, { cwd: ROOT, stdio: ['ignore', 'ignore', 'ignore'] })
  const [tarball = ''] = readdirSync(folder)
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'tessera'), { recursive: true })
  mkdirSync(join(modules, '@types'))
  execFileSync('tar', ['-xzf', join(folder, tarball), '-C', join(modules, 'tessera'), '--strip-components=1'])
  for (const name of ['fastify', 'jose', '@types/node'])
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'dir')
  return folder
}

const SCRIPT = `
import Fastify from 'fastify'
import resourceServer, { type AccessToken, type ResourceServerOptions } from 'tessera/resource-server'

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
await t.test('the packed package gives an API author the plugin and its types', async (t) => {
  const folder = installed(t)
  const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, types: ['node'], skipLibCheck: true }
  const tsconfig = { compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'api.ts'), SCRIPT)
  const compiled = spawnSync(...plainNode(join(ROOT, 'node_modules/typescript/bin/tsc')), { cwd: folder })
  t.equal(compiled.stdout.toString(), '', 'compiles')
  const printed = execFileSync(process.execPath, ['api.js'], { cwd: folder, env: { PATH: process.env['PATH'] } })
  t.equal(printed.toString(), '401 open to all\n')
})

await t.test('nothing else of the package can be imported, but its description', (t) => {
  const folder = installed(t)
  writeFileSync(
    join(folder, 'look.mjs'),
    `const load = (name, how) => import(name, how).then(() => 'there', ({ code }) => code)
     console.log(await load('tessera/package.json', { with: { type: 'json' } }), await load('tessera/dist/src/server.js'))`,
  )
  const env = { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' }
  const printed = execFileSync(process.execPath, ['look.mjs'], { cwd: folder, env })
  t.equal(printed.toString(), 'there ERR_PACKAGE_PATH_NOT_EXPORTED\n')
  t.end()
})
