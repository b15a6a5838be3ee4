import type { Refusal } from '../../domain/refusals/refusal.ts'
import { createBatches } from '../../lib/flow/batches.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Write } from '../../store/store.ts'
import type { ServerLog } from '../audit/log.ts'
import { createRefusalQuota } from './refusal-quota.ts'
import { shortenRefusal } from './shorten-refusal.ts'

interface Dependencies {
  readonly write: Write<'refusals'>
  readonly clock: Clock
  readonly log: ServerLog
  /** Whether an app of this name is registered, as far as that is known without a look. */
  readonly isKnownApp: (applicationUri: string) => boolean
}

// A flood of refusals must not fill the memory; each of them is on the log in any case.
const MOST_WAITING = 2000
// Of those that name no registered app, so that they keep no others out.
const MOST_NAMELESS = 200

export type RefusalLog = ReturnType<typeof createRefusalLog>

/** How often something was refused by a rule with a status, or why that is on the log alone. */
export interface RefusalCounts {
  readonly refused: readonly { readonly status: number; readonly rule: string; readonly count: number }[]
  /** The same by the code that the client was told. */
  readonly errors: Readonly<Record<string, number>>
  readonly unrecorded: Readonly<Record<string, number>>
}

/** Notes every refusal for the operator: a line on the log at once and, where it is worth one, a row under its id right after. */
export function createRefusalLog({ write, clock, log, isKnownApp }: Dependencies) {
  const whyUnrecorded = createRefusalQuota(clock)
  const refused = new Map<string, { status: number; rule: string; count: number }>()
  const errors: Record<string, number> = {}
  const unrecorded: Record<string, number> = {}
  const countUnrecorded = (reason: string, count: number): void => {
    unrecorded[reason] = (unrecorded[reason] ?? 0) + count
  }
  const batchesOf = (most: number) =>
    createBatches<Refusal>({
      write: (refusals) => write((unit) => unit.refusals.add(refusals)),
      most,
      onLost: (count, err) => {
        countUnrecorded('lost', count)
        log.error({ count, err }, 'refusals could not be stored; they are only in this log')
      },
    })
  const [named, nameless] = [batchesOf(MOST_WAITING), batchesOf(MOST_NAMELESS)]

  function count({ status, error, detail }: Refusal): void {
    errors[error] = (errors[error] ?? 0) + 1
    const rule: string = detail.rule ?? 'none'
    const key = `${status} ${rule}`
    const counted = refused.get(key) ?? { status, rule, count: 0 }
    counted.count += 1
    refused.set(key, counted)
  }

  return {
    keep(refusal: Refusal): void {
      const short = shortenRefusal(refusal)
      const { id, at, detail, ...rest } = short
      const level = short.status >= 500 ? 'error' : 'info'
      log[level]({ refusal: id, ...rest, cause: detail }, 'refused')
      count(short)
      const app = refusal.app !== undefined && isKnownApp(refusal.app) ? refusal.app : undefined
      const reason = whyUnrecorded({
        app,
        namesApp: refusal.app !== undefined,
        address: short.address,
        rule: detail.rule,
      })
      if (reason !== undefined) countUnrecorded(reason, 1)
      else if (app === undefined) nameless.add(short)
      else named.add(short)
    },

    counts: (): RefusalCounts => ({
      refused: [...refused.values()],
      errors: { ...errors },
      unrecorded: { ...unrecorded },
    }),

    flush: async (): Promise<void> => {
      await Promise.all([named.flush(), nameless.flush()])
    },
  }
}
