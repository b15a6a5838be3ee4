import { existsSync, realpathSync } from 'node:fs'
import { bringBack, keepAside, publishFile } from './durable-file.ts'
import { isSameFile } from './output-file.ts'
import { TransferRefused } from './refused.ts'

/** Gives the new file the place of the old one, or leaves everything as it was. */
export function exchange(draft: string, path: string, aside: string, takeBack: () => void): void {
  try {
    keepAside(path, aside)
    publishFile(draft, path, { replace: true })
  } catch (error) {
    // After the new file has its name there is nothing to take back.
    if (!existsSync(aside) || isSameFile(path, aside)) {
      bringBack(path, aside)
      takeBack()
    }
    throw error
  }
}

/** A link to the database stays one, and the file behind it is replaced. */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** @throws TransferRefused where somebody else made a database there meanwhile */
export function publishNew(draft: string, path: string): void {
  try {
    publishFile(draft, path, { replace: false })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new TransferRefused(`${path} was created in the meantime and is left alone; --replace puts it aside`)
  }
}
