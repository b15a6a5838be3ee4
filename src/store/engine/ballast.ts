import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// Bytes: enough to end and remove a great deal with, small enough to be spared.
const BALLAST = 4 * 1024 * 1024
// Milliseconds between two looks at the disk.
const LOOK_EVERY = 1000

export type Ballast = ReturnType<typeof createBallast>

/**
 * Space kept back on the disk of the database. On a full disk not even a removal can be written; then this space is given back, and
 * until there is room again it is there for what ends or removes something.
 * @param folder of the database
 */
export function createBallast(folder: string) {
  const file = join(folder, 'ballast')
  let kept = false
  let released = false
  let looked = 0

  /** In bytes; `undefined` where the file system does not say. */
  function room(): number | undefined {
    try {
      const { bavail, bsize } = statfsSync(folder)
      return bavail * bsize
    } catch {
      return undefined
    }
  }

  function remove(path: string): void {
    try {
      rmSync(path, { force: true })
    } catch {
      // Where it cannot be removed it is in nobody's way.
    }
  }

  /** @returns false while there is no room for it */
  function put(): boolean {
    if (existsSync(file) || !kept) return true
    if ((room() ?? 0) < 3 * BALLAST) return false
    try {
      // What is all zeros takes no space on some file systems.
      writeFileSync(`${file}.new`, randomBytes(BALLAST), { mode: 0o600 })
      renameSync(`${file}.new`, file)
      return true
    } catch {
      remove(`${file}.new`)
      return false
    }
  }

  return {
    /** Puts the space aside, where there is enough of it. */
    keep(): void {
      kept = true
      if (!released) put()
    },

    /** Gives the space back if the disk is full. @returns whether it is */
    releaseIfFull(): boolean {
      released ||= (room() ?? Number.POSITIVE_INFINITY) < BALLAST / 4
      if (released) remove(file)
      return released
    },

    /** Whether the disk was full and still has no room. */
    isReleased(): boolean {
      if (!released || performance.now() - looked < LOOK_EVERY) return released
      looked = performance.now()
      released = (room() ?? 0) < 3 * BALLAST || !put()
      return released
    },
  }
}
