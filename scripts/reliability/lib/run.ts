import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from './random.ts'
import { createVerdict, type Verdict } from './verdict.ts'

export type Form = 'quick' | 'long'

/** One run of one check: its form, its luck, its figures, and what is put away at its end. */
export interface Run extends Verdict {
  readonly form: Form
  readonly random: () => number
  /** Says what is going on, for whoever watches. */
  say(line: string): void
  /** Done at the end whatever happens, the last first. */
  defer(work: () => unknown): void
  /** A folder of its own, removed at the end. */
  scratch(): string
}

/** Thrown by a check that cannot be carried out here. */
export class Skip extends Error {}

export interface OpenRun extends Run {
  close(): Promise<void>
}

export function openRun(form: Form, seed: number, say: (line: string) => void): OpenRun {
  const deferred: (() => unknown)[] = []
  const defer = (work: () => unknown): void => void deferred.push(work)
  return {
    ...createVerdict(say),
    form,
    random: seededRandom(seed),
    say,
    defer,
    scratch() {
      const folder = mkdtempSync(join(tmpdir(), 'tessera-reliability-'))
      defer(() => rmSync(folder, { recursive: true, force: true }))
      return folder
    },
    async close() {
      for (const work of deferred.reverse()) {
        try {
          await work()
        } catch (error) {
          say(`while putting away: ${String(error)}`)
        }
      }
    },
  }
}
