import { setTimeout as delay } from 'node:timers/promises'
import { createRelyingParty } from '../../../test/fixtures/clients/relying-party.ts'
import { createJournal, type Journal } from './journal.ts'
import type { Run } from './run.ts'
import { type Site, WEB } from './site.ts'
import { type Action, createWorker, type Ending, type Mix, type Result, USUAL_MIX } from './worker.ts'

interface Options {
  readonly mix?: Mix
  /** Steps a second of all workers together; as many as they can unless given. */
  readonly perSecond?: number
  /** Whether a worker stops at a broken connection rather than trying again. */
  readonly endWhenBroken?: boolean
  /** Told of every step. */
  readonly onResult?: (result: Result) => void
}

export interface Load {
  readonly journal: Journal
  readonly results: Result[]
  /** Starts the workers; resolves when they have ended. */
  drive(options?: Options): Promise<void>
  /** Lets each worker end after its step. */
  stop(): void
  /** Does once more what had no answer, for each worker; what remains open after that is told. */
  settle(): Promise<number>
}

// A worker that got no answer does not come back at once.
const PAUSE = 20
const PATIENCE = 20_000

/** Apps that do as they should, one worker for each person of the site. */
export function createLoad(run: Run, site: Site, mix: Mix = USUAL_MIX): Load {
  const journal = createJournal()
  const results: Result[] = []
  const workers = site.logins.map((login) =>
    createWorker({ party: createRelyingParty(site, { clientId: WEB, login }), journal, random: run.random, mix }),
  )
  let stopped = false

  async function work(worker: (typeof workers)[number], pace: number, options: Options): Promise<void> {
    let next = performance.now() + pace * run.random()
    while (!stopped) {
      if (pace > 0) {
        await delay(Math.max(0, next - performance.now()))
        // Who is late does not catch up: this is people, not a queue.
        next = Math.max(next + pace, performance.now())
      }
      const result = await worker.step()
      results.push(result)
      options.onResult?.(result)
      if (result.ending === 'wrong') run.say(result.detail)
      if (result.ending === 'broken' && options.endWhenBroken) return
      if (result.ending !== 'ok') await delay(PAUSE)
    }
  }

  return {
    journal,
    results,
    async drive(options = {}) {
      stopped = false
      const pace = options.perSecond === undefined ? 0 : (1000 * workers.length) / options.perSecond
      await Promise.all(workers.map((worker) => work(worker, pace, options)))
    },
    stop() {
      stopped = true
    },
    async settle() {
      const until = performance.now() + PATIENCE
      await Promise.all(
        workers.map(async (worker) => {
          while (worker.hasUnfinished() && performance.now() < until) {
            const result = await worker.step()
            results.push(result)
            if (result.ending === 'wrong') run.say(result.detail)
            if (result.ending !== 'ok') await delay(PAUSE)
          }
        }),
      )
      return workers.filter((worker) => worker.hasUnfinished()).length
    },
  }
}

/** How many ended so. */
export const countOf = (results: readonly Result[], ending: Ending, action?: Action): number =>
  results.filter((each) => each.ending === ending && (action === undefined || each.action === action)).length

/** Why connections broke, and how often. */
export function breaksOf(results: readonly Result[]): Record<string, number> {
  const reasons: Record<string, number> = {}
  for (const { ending, detail, action } of results) {
    const reason = `${detail} at ${action}`
    if (ending === 'broken') reasons[reason] = (reasons[reason] ?? 0) + 1
  }
  return reasons
}

/** Lets a load run for some time. */
export async function driveFor(load: Load, milliseconds: number, options: Options = {}): Promise<void> {
  const driven = load.drive(options)
  await delay(milliseconds)
  load.stop()
  await driven
}
