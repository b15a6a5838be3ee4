// SQLite alone: is about what is compiled
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { plainNode } from '../fixtures/cli/cli.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const PLUGIN = 'src/resource-server'
/** As little as a build asks for, as it takes a minute to compile everything as often as this does. */
const SOURCES = {
  'db/migrations.ts': 'export {}\n',
  'src/cli/commands.ts': "export const tessera = 'tessera'\n",
  'src/cli/tessera.ts': "await import('./commands.ts')\n",
  [`${PLUGIN}/need.ts`]: 'export {}\n',
  [`${PLUGIN}/resource-server.ts`]: "export * from './need.ts'\n",
}

/** A tree of its own in which nothing was built, with all that builds. */
function copyOfTheTree(t: Test): string {
  const tree = mkdtempSync(join(tmpdir(), 'tessera-build-'))
  t.teardown(() => rmSync(tree, { recursive: true, force: true }))
  const parts = ['package.json', 'package-lock.json', 'tsconfig.build.json', 'scripts']
  for (const part of parts) cpSync(join(ROOT, part), join(tree, part), { recursive: true })
  // Reading the types of Node takes the compiler longer than all else here.
  const settings = readFileSync(join(ROOT, 'tsconfig.json'), 'utf8').replace('"types": ["node"]', '"types": []')
  for (const [path, text] of Object.entries({ ...SOURCES, 'tsconfig.json': settings })) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), text)
  }
  for (const name of ['package.json', 'tsconfig.build.json']) cpSync(join(ROOT, PLUGIN, name), join(tree, PLUGIN, name))
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'), 'dir')
  return tree
}

await t.test('npm run demo builds when something has changed, and for --help never', (t) => {
  const tree = copyOfTheTree(t)
  const run = (...args: string[]) =>
    spawnSync(...plainNode('--import', 'tsx', ...args), {
      cwd: tree,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
    })
  for (const [flag, status] of [
    ['--help', 0],
    ['--portt', 2],
  ] as const) {
    t.equal(run('scripts/demo/start.ts', flag).status, status)
    t.notOk(existsSync(join(tree, 'dist')), `${flag} builds nothing`)
  }

  writeFileSync(join(tree, 'ask.ts'), `console.log(await (await import('./scripts/build.ts')).buildIfChanged())`)
  const built = (): string => run('ask.ts').stdout
  t.equal(built(), 'true\n', 'nothing was built')
  t.ok(existsSync(join(tree, 'dist/cli/commands.js')))
  t.ok(existsSync(join(tree, 'src/resource-server/dist/resource-server.js')))
  const source = join(tree, 'src/cli/commands.ts')
  utimesSync(source, new Date(), new Date())
  t.equal(built(), 'false\n', 'a file that says what it said is no change')
  rmSync(join(tree, 'dist/cli/commands.js'))
  t.equal(built(), 'true\n', 'a part is gone')
  appendFileSync(source, '// another line\n')
  t.equal(built(), 'true\n', 'a source has changed')
  t.equal(built(), 'false\n')
  appendFileSync(join(tree, 'src/resource-server/need.ts'), "export const wrong: number = 'text'\n")
  for (const _ of [1, 2]) {
    const failed = run('scripts/demo/start.ts')
    t.equal(failed.status, 1)
    t.match(failed.stdout, /need\.ts.*error TS2322/, 'what does not compile stops the start, each time')
  }
  t.end()
})
