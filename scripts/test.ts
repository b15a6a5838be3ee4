import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { relative } from 'node:path'
import { openPostgres, openSqlite, type Running } from './test/databases.ts'
import { LEFT_OUT } from './test/left-out.ts'

const TAP = createRequire(import.meta.url)
  .resolve('tap')
  .replace(/dist.*$/, 'dist/esm/run.mjs')
const NAMES = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const
type Name = keyof typeof NAMES

const allFiles = (): string[] =>
  ['test', 'test/attacks'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  )

const say = (text: string): void => void process.stdout.write(`# ${text}\n`)

/** Which files run on a database; those that a person asked for and that are left out are named. */
function filesFor(name: Name, asked: readonly string[]): readonly string[] {
  if (name === 'sqlite') return asked
  const wanted = asked.length > 0 ? asked : allFiles()
  const out = wanted.filter((file) => LEFT_OUT[file] !== undefined)
  for (const file of out) if (asked.length > 0) say(`left out on PostgreSQL: ${file} ${LEFT_OUT[file]}`)
  return wanted.filter((file) => !out.includes(file))
}

let interrupted = false

/** Runs tap to its end, whatever signal comes meanwhile. @returns whether all is well */
async function tap(args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  // A file may start several processes of its own; more at once would only wait for one another and for connections.
  const jobs = `--jobs=${Math.min(4, Math.max(2, availableParallelism()))}`
  const child = spawn(process.execPath, [TAP, jobs, ...args], { env, stdio: 'inherit' })
  const pass = (signal: NodeJS.Signals): void => {
    interrupted = true
    child.kill(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, pass)
  const [code] = (await once(child, 'exit')) as [number | null]
  for (const signal of signals) process.off(signal, pass)
  return code === 0
}

async function runOn(name: Name, asked: readonly string[], options: readonly string[]): Promise<boolean> {
  const files = filesFor(name, asked)
  if (name === 'postgres' && files.length === 0) return true
  const started = performance.now()
  say(`tests on ${NAMES[name]}`)
  const database: Running = name === 'sqlite' ? openSqlite() : await openPostgres()
  const passed = await tap([...options, ...files], database.environment).finally(() => database.close())
  const seconds = Math.round((performance.now() - started) / 1000)
  say(`tests on ${NAMES[name]}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s`)
  return passed
}

const given = process.argv.slice(2)
const isFile = (argument: string): boolean => !argument.startsWith('-') && existsSync(argument)
const asked = given.filter(isFile).map((file) => relative('.', file))
const chosen = given.find((argument) => argument.startsWith('--database='))?.slice('--database='.length)
const options = given.filter((argument) => !isFile(argument) && !argument.startsWith('--database='))
const missing = Object.keys(LEFT_OUT).filter((file) => !existsSync(file))

if (chosen !== undefined && !Object.hasOwn(NAMES, chosen)) {
  process.stderr.write(`--database=${chosen}: expected sqlite or postgres; without it both\n`)
  process.exitCode = 2
} else if (missing.length > 0) {
  process.stderr.write(`scripts/test/left-out.ts names ${missing.join(', ')}, which is not there\n`)
  process.exitCode = 2
} else {
  const names = (chosen === undefined ? ['sqlite', 'postgres'] : [chosen]) as Name[]
  process.exitCode = 0
  for (const name of names) if (!interrupted && !(await runOn(name, asked, options))) process.exitCode = 1
  if (interrupted) process.exitCode = 130
}
