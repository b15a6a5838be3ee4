import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { freePort } from '../../test/fixtures/instance/ports.ts'
import { defineCheck } from './lib/check.ts'
import { type Ended, startCommand } from './lib/command.ts'
import type { Run } from './lib/run.ts'
import { prepareSite } from './lib/site.ts'
import { whenStarted } from './lib/when-started.ts'

const Sqlite = loadSqlite()

/** A way in which what the server needs can be broken. */
interface Damage {
  readonly name: string
  /** Breaks a sound data folder. @returns how to mend what must not stay */
  readonly inflict: (folder: string) => (() => void) | undefined
  /** Everything is where it should be, for another user. */
  readonly asStranger?: boolean
}

const STRANGER = 65_534
const database = (folder: string): string => join(folder, 'tessera.db')

/** Writes over a part of the file. */
function overwrite(file: string, from: number, to: number): void {
  const bytes = readFileSync(file)
  bytes.fill(0x5a, from, Math.min(to, bytes.length))
  writeFileSync(file, bytes)
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'the file is something else',
    inflict: (folder) => void writeFileSync(database(folder), 'something else '.repeat(5000)),
  },
  { name: 'the header is overwritten', inflict: (folder) => overwrite(database(folder), 0, 100) as undefined },
  { name: 'the schema page is overwritten', inflict: (folder) => overwrite(database(folder), 100, 4096) as undefined },
  {
    name: 'all pages but the first are overwritten',
    inflict: (folder) => overwrite(database(folder), 4096, 1e9) as undefined,
  },
  { name: 'the file is cut off', inflict: (folder) => void truncateSync(database(folder), 20_000) },
  { name: 'a folder stands in its place', inflict: folderInPlace },
  { name: 'the database is of a newer version', inflict: newerSchema },
  {
    name: 'the master key is the wrong one',
    inflict: (folder) => void writeFileSync(join(folder, 'master.key'), Buffer.alloc(32, 7).toString('base64')),
  },
  {
    name: 'the folder is missing and cannot be made',
    asStranger: true,
    inflict: (folder) => void rmSync(folder, { recursive: true }),
  },
  { name: 'the file may not be read', asStranger: true, inflict: (folder) => void chmodSync(database(folder), 0o000) },
  { name: 'the folder and its files are read-only', asStranger: true, inflict: readOnly },
  { name: 'the file system is read-only', inflict: readOnlyFileSystem },
]

function folderInPlace(folder: string): undefined {
  rmSync(database(folder))
  mkdirSync(database(folder))
}

function newerSchema(folder: string): undefined {
  const open = new Sqlite(database(folder))
  open.exec(`insert into kysely_migration values ('9999-from-the-future', '2030-01-01')`)
  open.close()
}

function readOnly(folder: string): undefined {
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o400)
  chmodSync(folder, 0o555)
}

function readOnlyFileSystem(folder: string): () => void {
  execFileSync('mount', ['--bind', folder, folder])
  execFileSync('mount', ['-o', 'remount,ro,bind', folder])
  return () => execFileSync('umount', [folder])
}

/** What a database says, opened where it can do no harm; its bytes where it cannot be opened. */
function contentOf(folder: string): unknown {
  const copy = mkdtempSync(join(tmpdir(), 'tessera-copy-'))
  try {
    cpSync(folder, copy, { recursive: true })
    const open = new Sqlite(database(copy))
    const tables = open.prepare(`select name from sqlite_schema where type = 'table' order by name`).pluck().all()
    const rows = tables.map((name) => [name, open.prepare(`select * from "${name}"`).all()])
    open.close()
    return rows
  } catch {
    const file = database(folder)
    return statSync(file).isFile() ? readFileSync(file).toString('base64') : 'no file'
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Tells whether anything was lost; what SQLite keeps beside the database comes and goes. */
function fingerprint(folder: string): string {
  if (!existsSync(folder)) return 'nothing'
  const names = readdirSync(folder).filter((name) => !/-(shm|wal)$/.test(name))
  const key = join(folder, 'master.key')
  const said = JSON.stringify([names.sort(), existsSync(key) && readFileSync(key, 'utf8'), contentOf(folder)])
  return createHash('sha256').update(said).digest('hex')
}

/** What is wrong with how a command ended, if anything. */
function faultOf({ code, signal, stderr, took }: Ended, longest: number): string | undefined {
  if (code === 0) return 'exit code 0'
  if (signal !== null) return `killed by ${signal}`
  if (stderr.trim() === '') return 'no message'
  if (/\n\s+at /.test(stderr)) return `a stack trace: ${stderr.slice(0, 200)}`
  if (stderr.trim().split('\n').length > 3) return `many lines: ${stderr.slice(0, 200)}`
  return took > longest ? `took ${Math.round(took)} ms` : undefined
}

async function tryOut(run: Run, sound: string, damage: Damage, longest: number): Promise<number> {
  const folder = mkdtempSync(join(run.scratch(), 'data-'))
  chmodSync(join(folder, '..'), 0o755)
  cpSync(sound, folder, { recursive: true })
  const stranger = damage.asStranger === true && process.getuid?.() === 0
  if (stranger) execFileSync('chown', ['-R', `${STRANGER}:${STRANGER}`, folder])
  const mend = damage.inflict(folder)
  const port = await freePort()
  const settings = {
    TESSERA_ISSUER: `http://127.0.0.1:${port}/id`,
    TESSERA_LISTEN: `127.0.0.1:${port}`,
    TESSERA_DATA_DIR: folder,
  }
  const before = fingerprint(folder)
  let faults = 0
  const complain = (what: string): void => {
    faults++
    run.say(`${damage.name}: ${what}`)
  }
  try {
    for (const args of [['serve'], ['user', 'add', 'somebody', '--type', 'SystemUserNoLogin'], ['db', 'migrate']]) {
      // What migrates needs no master key.
      if (damage.name.startsWith('the master key') && args[0] === 'db') continue
      const { child, ended } = startCommand(args, settings, stranger ? { uid: STRANGER } : {})
      const timer = setTimeout(() => child.kill('SIGKILL'), 5 * longest)
      const end = await ended
      clearTimeout(timer)
      const fault = faultOf(end, longest)
      if (fault) complain(`${args.join(' ')}: ${fault}`)
      else run.say(`${damage.name}: ${args[0]}: ${end.stderr.trim().replace(folder, '').slice(0, 150)}`)
    }
    if (fingerprint(folder) !== before) complain('something was overwritten')
  } finally {
    mend?.()
  }
  return faults
}

export const check = defineCheck({
  id: 'R-21',
  what: 'the database is corrupted, unreadable, read-only, missing, of a newer version, or the master key is the wrong one: serve and other commands',
  required: 'a clear message of a line or two, exit code other than 0 within 2 s, nothing overwritten',
  timed: true,
  async run(run, { longest }) {
    const site = await prepareSite(run, { people: 200 })
    const root = process.getuid?.() === 0
    let faulty = 0
    const tried = DAMAGES.filter(({ name }) => root || !name.includes('file system'))
    for (const damage of tried) if ((await tryOut(run, site.folder, damage, longest)) > 0) faulty++
    run.told('kinds of damage', tried.length)
    run.told('limit for each command', longest, 'ms')
    run.none('kinds that are not answered well', faulty)
  },
})

await whenStarted(import.meta.url, check)
