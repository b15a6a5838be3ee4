import { renameSync, statSync } from 'node:fs'

/** The file of a database has lost its name, so that what is written into it is found by nobody. */
export class FileLost extends Error {}

/** Which file it is; nothing that was opened is opened again, for closing it would give up SQLite's locks on it. */
interface Identity {
  readonly dev: bigint
  readonly ino: bigint
}

export type FileWatch = ReturnType<typeof watchFile>

const isSame = (one: Identity, other: Identity): boolean => one.dev === other.dev && one.ino === other.ino

/** Tells which file has a name now; `undefined` where none has. */
export const identityOf = (path: string): Identity | undefined =>
  statSync(path, { bigint: true, throwIfNoEntry: false })

/**
 * Watches whether the file of an open database still has its name; one look costs some microseconds.
 * @param before which file had the name before it was opened, if any had
 * @throws FileLost when another one has it by now
 */
export function watchFile(path: string, before: Identity | undefined) {
  const opened = identityOf(path)
  if (!opened || (before && !isSame(before, opened)))
    throw new FileLost(`the database ${path} was replaced while it was being opened; start again`)
  const log = identityOf(`${path}-wal`)
  let lost: string | undefined

  function look(): string | undefined {
    let found: Identity | undefined
    try {
      found = identityOf(path)
    } catch {
      // What may not be looked at just now is not lost.
      return undefined
    }
    if (!found) return `the database ${path} was removed or renamed while it was open`
    if (isSame(found, opened as Identity)) return undefined
    leaveLog()
    return `the database ${path} was replaced by another file while it was open`
  }

  /** The log of the lost file would be taken for that of the one which has its name now. */
  function leaveLog(): void {
    try {
      const found = identityOf(`${path}-wal`)
      if (log && found && isSame(log, found)) renameSync(`${path}-wal`, `${path}-wal.replaced-${log.ino}`)
    } catch {
      // The database is lost all the same, and says so.
    }
  }

  /** Why the database is lost, once it is, or `undefined`. */
  function whyLost(): string | undefined {
    lost ??= look()
    return lost
  }

  return {
    whyLost,
    /** @throws FileLost */
    requireThere(): void {
      const reason = whyLost()
      if (reason !== undefined) throw new FileLost(reason)
    },
  }
}
