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
import { setTimeout as delay } from 'node:timers/promises'

// Milliseconds; a file of another lane ends by then, one way or the other.
const LONGEST_WAIT = 660_000
const LOOK_EVERY = 200

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
  /** Waits until everything else is done. @returns the files that measure time, for one lane alone */
  takeTimed(): Promise<readonly string[]>
  report(done: Done): void
  done(): Done[]
}

/** What a run is about. */
export interface Planned {
  /** In the order in which they are to be taken. */
  readonly files: readonly string[]
  /** Those that measure time, and for which nothing else may run. */
  readonly timed: readonly string[]
}

/** Lays out a queue anew. */
export function makeQueue(folder: string, planned: Planned): Queue {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'files.json'), JSON.stringify(planned))
  return openQueue(folder)
}

/** The queue that another process has laid out. */
export function openQueue(folder: string): Queue {
  const { files, timed } = JSON.parse(readFileSync(join(folder, 'files.json'), 'utf8')) as Planned
  const reports = join(folder, 'done.jsonl')
  let next = 0

  function isMine(name: number | 'timed'): boolean {
    try {
      closeSync(openSync(join(folder, `${name}.taken`), 'wx'))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  const done = (): Done[] =>
    existsSync(reports)
      ? readFileSync(reports, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Done)
      : []

  return {
    take() {
      while (next < files.length) {
        const index = next++
        if (isMine(index)) return files[index]
      }
      return undefined
    },
    async takeTimed() {
      if (timed.length === 0 || !isMine('timed')) return []
      for (let waited = 0; done().length < files.length && waited < LONGEST_WAIT; waited += LOOK_EVERY)
        await delay(LOOK_EVERY)
      return timed
    },
    report: (one) => appendFileSync(reports, `${JSON.stringify(one)}\n`),
    done,
  }
}
