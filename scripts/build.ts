import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const SERVER = 'tsconfig.build.json'
const PLUGIN = 'src/resource-server/tsconfig.build.json'

/** What decides what is built; templates are read where they are. */
const SOURCES = ['src', 'db']
const FILES = ['package-lock.json', 'package.json', 'scripts/build.ts', 'scripts/bundle.ts', 'tsconfig.json', SERVER]
/** What was built from, as a digest; it goes first and comes last. */
const STAMP = 'dist/.built'
const RESULTS = ['dist/src/cli/tessera.js', 'dist/cli/commands.js', 'src/resource-server/dist/resource-server.js']

function sourceFiles(): string[] {
  const inFolders = SOURCES.flatMap((folder) =>
    readdirSync(`${ROOT}${folder}`, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath}/${name}`.slice(ROOT.length)),
  )
  return [...FILES, ...inFolders]
    .filter((path) => /\.(ts|json)$/.test(path) && !path.startsWith('src/resource-server/dist/'))
    .sort()
}

function digestOfSources(): string {
  const hash = createHash('sha256')
  for (const path of sourceFiles()) {
    const content = readFileSync(`${ROOT}${path}`)
    hash.update(`${path} ${content.length}\n`).update(content)
  }
  return hash.digest('hex')
}

const isBuiltFrom = (digest: string): boolean =>
  [STAMP, ...RESULTS].every((path) => existsSync(`${ROOT}${path}`)) &&
  readFileSync(`${ROOT}${STAMP}`, 'utf8') === digest

/** @throws Error when something does not compile; tsc has said what */
async function compile(project: string): Promise<void> {
  const child = spawn(process.execPath, [TSC, '-p', project], { cwd: ROOT, stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`tsc -p ${project} failed`)
}

/** Compiles server and plugin, and bundles the command line. */
export async function build(digest = digestOfSources()): Promise<void> {
  rmSync(`${ROOT}${STAMP}`, { force: true })
  const outcomes = await Promise.allSettled([SERVER, PLUGIN].map(compile))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  await import('./bundle.ts')
  // What changed meanwhile has another digest, and is built the next time.
  writeFileSync(`${ROOT}${STAMP}`, digest)
}

/** Builds, unless the sources are those of the last time. @returns whether there was anything to do */
export async function buildIfChanged(): Promise<boolean> {
  const digest = digestOfSources()
  if (isBuiltFrom(digest)) return false
  await build(digest)
  return true
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await build()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
