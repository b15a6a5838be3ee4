import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { shellWord } from '../text/shell.ts'
import { type MasterKey, MasterKeyFault } from './master-key.ts'

/** The file of the master keys. Who writes it holds the mark in the database as well, which decides where a lock cannot. */
export interface HeldKeyFile {
  /** Makes it hold these keys, whole or not at all. @throws MasterKeyFault where it cannot be written */
  write(keys: readonly Pick<MasterKey, 'text'>[]): void
  release(): void
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code)

/**
 * Takes the file for one command at a time; what a killed one left is no obstacle.
 * @throws MasterKeyFault where another has it, or where nothing can be written beside it
 */
export function holdKeyFile(file: string): HeldKeyFile {
  const path = realpathSync(file)
  const lock = `${path}.lock`
  takeLock(lock, path)
  return {
    write: (keys) => writeKeys(path, keys),
    release: () => rmSync(lock, { force: true }),
  }
}

function takeLock(lock: string, path: string): void {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw notWritable(path, error)
    if (isAtWork(lock))
      throw new MasterKeyFault(
        `another command is at work on ${path}; if none is, remove what it left: rm ${shellWord(lock)}`,
      )
    rmSync(lock, { force: true })
    takeLock(lock, path)
  }
}

/** Whether the process that took the lock still runs; one that has only just made it has not signed it yet. */
function isAtWork(lock: string): boolean {
  try {
    const holder = readFileSync(lock, 'utf8')
    // In a container one killed process after the other has the same id.
    if (Number(holder) === process.pid) return false
    if (holder === '') return Date.now() - statSync(lock).mtimeMs < 1000
    process.kill(Number(holder), 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** Whoever could read the file can read it afterwards, and nobody else. */
function writeKeys(path: string, keys: readonly Pick<MasterKey, 'text'>[]): void {
  const draft = `${path}.${randomBytes(8).toString('hex')}.new`
  try {
    removeDrafts(path)
    const { uid, gid } = statSync(path)
    const descriptor = openSync(draft, 'wx', 0o600)
    try {
      writeSync(descriptor, keys.map(({ text }) => `${text}\n`).join(''))
      if (uid !== process.getuid?.()) chownSync(draft, uid, gid)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(draft, path)
    syncFolder(dirname(path))
  } catch (error) {
    throw notWritable(path, error)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Who writes here holds the mark, so that whatever draft there is was left by a killed one; it holds keys. */
function removeDrafts(path: string): void {
  const folder = dirname(path)
  const begin = `${basename(path)}.`
  for (const name of readdirSync(folder))
    if (name.startsWith(begin) && /^[0-9a-f]+\.new$/.test(name.slice(begin.length)))
      rmSync(join(folder, name), { force: true })
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** The master key is in a file that this process cannot replace. */
export class KeyFileNotWritable extends MasterKeyFault {}

const notWritable = (path: string, error: unknown): KeyFileNotWritable =>
  new KeyFileNotWritable(`${path} cannot be written (${codeOf(error)})`)
