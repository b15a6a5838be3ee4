import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const IN_MEMORY = '/dev/shm'
const LEAST_BYTES = 2 * 1024 ** 3

/**
 * A folder for what tests write, in memory where the machine has some: what they write need not outlive a power cut.
 * Tests of durability have a disk of their own.
 */
export function makeScratch(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(hasMemory() ? IN_MEMORY : tmpdir(), 'tessera-tests-'))
  // PostgreSQL does not run as root, and has to get to its data all the same.
  chmodSync(folder, 0o755)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

function hasMemory(): boolean {
  try {
    const { bavail, bsize } = statfsSync(IN_MEMORY)
    return bavail * bsize >= LEAST_BYTES
  } catch {
    return false
  }
}
