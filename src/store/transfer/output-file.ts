import { randomBytes } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type Database from 'better-sqlite3'
import { loadSqlite } from '../engine/sqlite-library.ts'
import { COMPANIONS, publishFile, removeDatabaseFile } from './durable-file.ts'

/** A file that nothing is written over, by whatever name it is called. */
export interface Guarded {
  readonly path: string
  /** Completes "FILE ...". */
  readonly is: string
}

/** A file that a command was told to write. */
export interface Output {
  readonly path: string
  readonly guarded: readonly Guarded[]
  /** What may be there already and is replaced, or filled: nothing, an earlier backup, whatever is no database, or a database. */
  readonly over: 'nothing' | 'backup' | 'no database' | 'database'
}

/** Why a file is not written; one line. */
export class OutputRefused extends Error {}

const MAGIC = 'SQLite format 3\0'
// Where the header says which journal a database has: 1 is a rollback journal, as in every backup; 2 is a write-ahead log.
const JOURNAL_AT = 18
const COMPANION = new RegExp(`(${COMPANIONS.join('|')})$`)

/**
 * Sees to it that nothing is lost by writing a file. What is guarded is told by device and inode, so that no other name of it passes,
 * and is never opened here: closing it would give up the locks that this process has on it.
 * @throws OutputRefused
 */
export function requireFree({ path, guarded, over }: Output): void {
  const found = lookAt(path, lstatSync)
  const guard = guarded.find((each) => isSame(path, found, each.path))
  if (guard) throw new OutputRefused(`${path} ${guard.is}; choose another file`)
  const owner = path.replace(COMPANION, '')
  if (owner !== path && isDatabase(owner, guarded))
    throw new OutputRefused(`${path} belongs to the database ${owner}; choose another file`)
  if (!found) return
  if (found.isSymbolicLink()) throw new OutputRefused(`${path} is a symbolic link; give the path of the file itself`)
  if (!found.isFile()) throw new OutputRefused(`${path} is not a regular file; choose another one`)
  const reason = whyNotOver(path, found, over)
  if (reason !== undefined) throw new OutputRefused(`${path} ${reason}`)
}

function whyNotOver(path: string, found: BigIntStats, over: Output['over']): string | undefined {
  if (over === 'nothing')
    return `already exists; choose another file${isBackup(path) ? ', or replace it with --force' : ''}`
  if (over === 'backup')
    return isBackup(path)
      ? undefined
      : 'is not a Tessera backup, and --force replaces nothing else; choose another file'
  const holdsDatabase = headerOf(path).startsWith(MAGIC)
  if (over === 'database')
    return holdsDatabase || found.size === 0n ? undefined : 'is not a database; choose another file'
  return holdsDatabase ? 'is a database; choose another file' : undefined
}

/** Writes a text that only its owner can read, whole or not at all. @throws OutputRefused */
export function writeOutput(output: Output, text: string): void {
  const draft = `${output.path}.${randomBytes(6).toString('hex')}.new`
  requireFree(output)
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' })
    publishOutput(draft, output)
  } finally {
    removeDatabaseFile(draft)
  }
}

/** Gives a finished file its name, after another look at what is there by now. @throws OutputRefused */
export function publishOutput(draft: string, output: Output): void {
  requireFree(output)
  try {
    publishFile(draft, output.path, { replace: lookAt(output.path, lstatSync) !== undefined })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new OutputRefused(`${output.path} was created in the meantime; choose another file`)
  }
}

/** Whether two paths lead to one file, or would if it were there. */
export const isSameFile = (path: string, other: string): boolean => isSame(path, lookAt(path, statSync), other)

function isSame(path: string, found: BigIntStats | undefined, other: string): boolean {
  const there = lookAt(other, statSync)
  if (found && there && found.dev === there.dev && found.ino === there.ino) return true
  return placeOf(path) === placeOf(other)
}

function lookAt(
  path: string,
  look: (path: string, options: { bigint: true; throwIfNoEntry: false }) => BigIntStats | undefined,
): BigIntStats | undefined {
  try {
    return look(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    // Whoever writes there says why it cannot be.
    return undefined
  }
}

/** A name of its own for a file that may not be there, whatever links lead to its folder. */
function placeOf(path: string): string {
  const full = resolve(path)
  try {
    return join(realpathSync(dirname(full)), basename(full))
  } catch {
    return full
  }
}

function headerOf(path: string): string {
  const bytes = Buffer.alloc(100)
  const descriptor = openSync(path, 'r')
  try {
    return bytes.toString('latin1', 0, readSync(descriptor, bytes))
  } finally {
    closeSync(descriptor)
  }
}

function isDatabase(path: string, guarded: readonly Guarded[]): boolean {
  const found = lookAt(path, statSync)
  if (!found?.isFile()) return false
  return guarded.some((each) => isSame(path, found, each.path)) || headerOf(path).startsWith(MAGIC)
}

/** Whether `tessera db backup` made it; what is in use by a server is not opened. */
function isBackup(path: string): boolean {
  let database: Database.Database | undefined
  try {
    const header = headerOf(path)
    if (!header.startsWith(MAGIC) || header.charCodeAt(JOURNAL_AT) !== 1) return false
    database = new (loadSqlite())(path, { readonly: true, fileMustExist: true })
    return database.prepare("select 1 from move_state where name = 'backup'").get() !== undefined
  } catch {
    return false
  } finally {
    database?.close()
  }
}
