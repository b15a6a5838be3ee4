import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { COMPANIONS, createPrivateFile, removeDatabaseFile } from './durable-file.ts'
import { holdDatabase } from './in-use.ts'

/** A copy of a database that has no name of its own yet. */
export interface Draft {
  readonly path: string
  /** Removes what is left of it. */
  discard(): void
}

// Milliseconds after which what nobody has open was left by a machine that stopped.
const LEFT_BEHIND = 60_000

// Ends with its standard input, which ends with the process that holds the other end, whatever ends that.
const KEEPER = `for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
process.stdin.resume().on('close', () => {
  for (const path of process.argv.slice(1)) require('node:fs').rmSync(path, { recursive: true, force: true })
})`

/** Another process removes the files when this one has ended, as one that is killed removes nothing itself. @returns lets it go */
function keepWatch(paths: readonly string[]): () => void {
  const keeper = spawn(process.execPath, ['-e', KEEPER, ...paths], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: {},
  })
  // Without it the files stay after a kill, and the next run removes them.
  keeper.on('error', () => undefined)
  keeper.stdin.on('error', () => undefined)
  keeper.unref()
  return () => void keeper.stdin.destroy()
}

/**
 * Makes an empty file beside the one it is to become; its name is its own, so that two who write the same file do not meet before the end.
 * @param ending tells what it is of
 */
export function draftBeside(path: string, ending: string): Draft {
  removeLeftovers(path, ending)
  const draft = `${path}.${randomBytes(4).toString('hex')}.${ending}`
  // Before there is anything to remove, so that at no moment a kill leaves it.
  const letGo = keepWatch(['', ...COMPANIONS].map((companion) => draft + companion))
  made(() => createPrivateFile(draft), letGo)
  return {
    path: draft,
    discard: () => {
      removeDatabaseFile(draft)
      letGo()
    },
  }
}

/** The same in a folder of its own, for a copy that becomes no file. */
export function draftIn(parent: string): Draft {
  const folder = join(parent, `tessera-restore-${randomBytes(6).toString('hex')}`)
  const letGo = keepWatch([folder])
  made(() => mkdirSync(folder, { mode: 0o700 }), letGo)
  return {
    path: join(folder, 'tessera.db'),
    discard: () => {
      rmSync(folder, { recursive: true, force: true })
      letGo()
    },
  }
}

function made(make: () => void, letGo: () => void): void {
  try {
    make()
  } catch (error) {
    letGo()
    throw error
  }
}

/** What a machine that stopped left here; a draft that somebody is writing is open, or new. */
function removeLeftovers(path: string, ending: string): void {
  const pattern = new RegExp(`^\\.[0-9a-f]{8}\\.${ending}$`)
  for (const name of entriesOf(dirname(path))) {
    if (!name.startsWith(basename(path)) || !pattern.test(name.slice(basename(path).length))) continue
    const draft = join(dirname(path), name)
    if (Date.now() - statSync(draft).mtimeMs < LEFT_BEHIND) continue
    try {
      holdDatabase(draft)?.release()
      removeDatabaseFile(draft)
    } catch {
      // Somebody is at it.
    }
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Whoever writes there says why it cannot be.
    return []
  }
}
