import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** How a test file went. */
export interface Done {
  readonly file: string
  readonly ok: boolean
  readonly seconds: number
  /** Of the process that ran it and of those that it started. */
  readonly cpuSeconds: number
}

/** Files that wait for a lane, in a folder that all lanes see. */
export interface Queue {
  /** @returns a file that no other lane takes, or nothing when none waits */
  take(): string | undefined
  report(done: Done): void
  done(): Done[]
}

/** Lays out a queue anew. @param files in the order in which they are to be taken */
export function makeQueue(folder: string, files: readonly string[]): Queue {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'files.json'), JSON.stringify(files))
  return openQueue(folder)
}

/** The queue that another process has laid out. */
export function openQueue(folder: string): Queue {
  const files = JSON.parse(readFileSync(join(folder, 'files.json'), 'utf8')) as readonly string[]
  const reports = join(folder, 'done.jsonl')
  let next = 0

  function isMine(index: number): boolean {
    try {
      closeSync(openSync(join(folder, `${index}.taken`), 'wx'))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  return {
    take() {
      while (next < files.length) {
        const index = next++
        if (isMine(index)) return files[index]
      }
      return undefined
    },
    report: (done) => appendFileSync(reports, `${JSON.stringify(done)}\n`),
    done: () =>
      existsSync(reports)
        ? readFileSync(reports, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as Done)
        : [],
  }
}
