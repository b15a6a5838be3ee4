import { execFileSync } from 'node:child_process'
import { appendFileSync, closeSync, mkdirSync, openSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from './run.ts'
import { cannot, requireRoot } from './tools.ts'

function mount(run: Run, folder: string, args: readonly string[]): void {
  mkdirSync(folder, { recursive: true })
  try {
    execFileSync('mount', [...args, folder], { stdio: 'pipe' })
  } catch (error) {
    cannot(
      `mount ${args.join(' ')} is not possible here: ${error instanceof Error ? error.message.split('\n')[1] : error}`,
    )
  }
  run.defer(() => execFileSync('umount', ['-l', folder]))
}

/** A small disk in memory. @returns its folder */
export function mountMemory(run: Run, mebibytes: number): string {
  requireRoot('mounting a small disk')
  const folder = join(run.scratch(), 'disk')
  mount(run, folder, ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs'])
  return folder
}

/** A disk with a file system of its own in an image, so that what has reached it can be seen from below. */
export function mountImage(run: Run, mebibytes: number): { folder: string; image: string } {
  requireRoot('mounting an image')
  const above = run.scratch()
  const image = join(above, 'image')
  closeSync(openSync(image, 'w'))
  truncateSync(image, mebibytes * 2 ** 20)
  execFileSync('mkfs.ext4', ['-q', image], { stdio: 'pipe' })
  const folder = join(above, 'disk')
  mount(run, folder, ['-o', 'loop', image])
  return { folder, image }
}

/** Mounts a copy of an image, which mends itself as after a power cut. @returns its folder, and how to take it away */
export function mountCopy(run: Run, image: string): { folder: string; unmount: () => void } {
  const folder = join(run.scratch(), 'disk')
  mkdirSync(folder)
  execFileSync('mount', ['-o', 'loop', image, folder], { stdio: 'pipe' })
  let mounted = true
  const unmount = (): void => {
    if (mounted) execFileSync('umount', ['-l', folder])
    mounted = false
  }
  run.defer(unmount)
  return { folder, unmount }
}

/** Writes to a file until nothing more fits. */
export function fillWith(file: string): void {
  for (const size of [1 << 20, 1 << 16, 1 << 12, 1]) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(size, 1))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
}
