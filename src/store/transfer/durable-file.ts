import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { TransferRefused } from './refused.ts'

/** SQLite keeps these beside a database. */
export const COMPANIONS = ['-wal', '-shm', '-journal']

/** Makes an empty file that only its owner can read, in the place of what an interrupted run left there. */
export function createPrivateFile(path: string): void {
  removeDatabaseFile(path)
  closeSync(openSync(path, 'wx', 0o600))
}

export function removeDatabaseFile(path: string): void {
  for (const each of ['', ...COMPANIONS]) rmSync(path + each, { force: true })
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Gives a finished file its name; it is there whole or not at all, also after a power cut.
 * @param replace whether a file of that name may be lost; else it is an error (EEXIST)
 */
export function publishFile(draft: string, path: string, { replace }: { replace: boolean }): void {
  sync(draft)
  if (replace) renameSync(draft, path)
  else takeName(draft, path)
  sync(dirname(path))
}

// What file systems without hard links answer: FAT, some network shares, some that containers mount.
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']
const isWithoutLinks = (error: unknown): boolean => NO_LINKS.includes(String((error as NodeJS.ErrnoException).code))

/** Whoever is first has the name. */
function takeName(draft: string, path: string): void {
  try {
    linkSync(draft, path)
    rmSync(draft)
  } catch (error) {
    if (!isWithoutLinks(error)) throw error
    // An empty file takes the name, and is replaced in one step.
    closeSync(openSync(path, 'wx', 0o600))
    renameSync(draft, path)
  }
}

/** Keeps a database under a second name, with what belongs to it, so that its place can be taken. */
export function keepAside(path: string, aside: string): void {
  try {
    linkSync(path, aside)
  } catch (error) {
    if (!isWithoutLinks(error)) throw error
    throw new TransferRefused(
      `the file system of ${path} has no hard links, which --replace needs to keep the present database; move it away by hand, and restore without --replace`,
    )
  }
  moveCompanions(path, aside)
  sync(dirname(path))
}

/** Undoes that while the database still has its own name. */
export function bringBack(path: string, aside: string): void {
  moveCompanions(aside, path)
  rmSync(aside, { force: true })
}

function moveCompanions(from: string, to: string): void {
  for (const companion of COMPANIONS) {
    try {
      renameSync(from + companion, to + companion)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}
