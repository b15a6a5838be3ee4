import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// package.json asks for a better-sqlite3 that needs Node 22, and npm leaves it out on Node 20. There the one before it is installed
// from the lockfile of this folder, so that later Nodes neither fetch nor compile anything of it.
const FIRST_NODE_OF_THE_NEWER = 22

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const MODULES = here('../../node_modules/')
const PLACE = `${MODULES}better-sqlite3`
const WORK = `${MODULES}.node-20`

interface Manifest {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
}
const read = (path: string): Manifest => JSON.parse(readFileSync(path, 'utf8')) as Manifest

const wanted = read(here('package.json')).dependencies?.['better-sqlite3']
const isThere = (): boolean =>
  existsSync(`${PLACE}/build/Release/better_sqlite3.node`) && read(`${PLACE}/package.json`).version === wanted

function install(): void {
  const npm = process.env['npm_execpath']
  if (npm === undefined) throw new Error('this is a step of npm ci; by itself it is npm run prepare')
  rmSync(WORK, { recursive: true, force: true })
  try {
    mkdirSync(WORK)
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(here(file), `${WORK}/${file}`)
    const { status } = spawnSync(process.execPath, [npm, 'ci'], { cwd: WORK, stdio: 'inherit' })
    if (status !== 0)
      throw new Error('better-sqlite3 for Node 20 cannot be installed; it is compiled, which takes a C++ compiler')
    rmSync(PLACE, { recursive: true, force: true })
    renameSync(`${WORK}/node_modules/better-sqlite3`, PLACE)
    // What it needs itself goes with it.
    renameSync(`${WORK}/node_modules`, `${PLACE}/node_modules`)
  } finally {
    rmSync(WORK, { recursive: true, force: true })
  }
}

if (Number.parseInt(process.versions.node, 10) < FIRST_NODE_OF_THE_NEWER) {
  if (!isThere()) install()
} else if (!existsSync(PLACE)) {
  // To npm it is optional, and left out without a word where it cannot be fetched.
  throw new Error('better-sqlite3 could not be fetched; run npm ci again')
}
