import type { Audit } from '../../domain/instance/audit.ts'
import type { Delivery, Outcome } from '../../domain/outbox/delivery.ts'
import type { Sender } from '../../domain/outbox/sender.ts'
import { type AtMost, createAtMost } from '../../lib/flow/at-most.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories, Write } from '../../store/store.ts'
import { isLast, waitAfter } from './schedule.ts'

export interface Dependencies {
  readonly read: Pick<Repositories, 'outbox'>
  readonly writeEnding: Write<'outbox' | 'auditEvents'>
  readonly clock: Clock
  readonly audit: Pick<Audit, 'within'>
  readonly log: { warn(record: object, message: string): void }
}

/** Attempts that wait or are under way for one destination. */
interface Lane {
  readonly atMost: AtMost
  inLine: number
}

// Attempts of a kind under way at once, in all and to one destination: a few that never answer leave room for the others.
const AT_ONCE = 8
const AT_ONCE_TO_ONE = 2
const IN_A_ROUND = 100
// What nobody gets to at once is found by the next round.
const MOST_IN_LINE = 1000

const UNREADABLE = 'what was to be sent cannot be read: the row is damaged; see: tessera db check'

export type Deliver = ReturnType<typeof createDeliver>

/** Sends what is in the outbox of one kind, until it is delivered or given up. Kinds share nothing, so none waits for another. */
export function createDeliver(sender: Sender, { read, writeEnding, clock, audit, log }: Dependencies) {
  const { kind, words } = sender
  const atOnce = createAtMost(AT_ONCE)
  const lanes = new Map<string, Lane>()
  const underWay = new Set<Promise<boolean>>()
  const tally = { delivered: 0, failed: 0, refused: 0, given_up: 0 }
  let stopped = false

  async function giveUp(delivery: Delivery, attempts: number, error: string): Promise<void> {
    const event = sender.givenUp(delivery, { delivery: delivery.id, attempts, error })
    const decided = await writeEnding(async (unit) => {
      if (!(await unit.outbox.giveUp(delivery.id, error, clock()))) return false
      await audit.within(unit, event)
      return true
    })
    if (decided) tally.given_up += 1
  }

  /** One attempt, unless another node makes it or it is not due. */
  async function attempt(id: string): Promise<void> {
    if (stopped) return
    const delivery = await read.outbox.find(id)
    const now = clock()
    if (!delivery || delivery.nextAttemptAt > now) return
    const { expiresAt = Number.POSITIVE_INFINITY, attempts: before, lastError = 'it was not sent in time' } = delivery
    if (delivery.payload === undefined) return giveUp(delivery, before, UNREADABLE)
    if (expiresAt <= now) return giveUp(delivery, before, lastError)
    const attempts = before + 1
    const next = now + waitAfter(attempts)
    if (!(await writeEnding(({ outbox }) => outbox.claim(id, before, now, next)))) return
    const outcome = await sender.send(delivery).catch(toFailure)
    if (outcome.kind === 'delivered') {
      tally.delivered += 1
      return writeEnding(({ outbox }) => outbox.markDelivered(id, clock()))
    }
    tally[outcome.kind === 'refused' ? 'refused' : 'failed'] += 1
    const { error } = outcome
    log.warn({ ...sender.about(delivery), delivery: id, attempts, error }, words.undone)
    if (isLast(outcome, attempts) || next >= expiresAt) return giveUp(delivery, attempts, error)
    return writeEnding(({ outbox }) => outbox.markFailed(id, error))
  }

  /** Lets work wait until few others are under way to the destination. */
  async function inLaneOf<T>(destination: string, work: () => Promise<T>): Promise<T> {
    const lane = lanes.get(destination) ?? { atMost: createAtMost(AT_ONCE_TO_ONE), inLine: 0 }
    lanes.set(destination, lane)
    lane.inLine += 1
    try {
      return await lane.atMost(work)
    } finally {
      lane.inLine -= 1
      if (lane.inLine === 0) lanes.delete(destination)
    }
  }

  /** @returns false where this node cannot do it now */
  function enqueue({ id, destination }: Pick<Delivery, 'id' | 'destination'>): Promise<boolean> {
    const work = inLaneOf(destination, () => atOnce(() => attempt(id))).then(
      () => true,
      (err: unknown) => {
        log.warn({ err, delivery: id }, `${words.one} failed; it will be tried again`)
        return false
      },
    )
    underWay.add(work)
    return work.finally(() => underWay.delete(work))
  }

  return {
    /** What is due, in words. */
    what: words.all,

    /** @see SendNow */
    sendNow: (put: readonly Pick<Delivery, 'id' | 'destination'>[]): readonly Promise<unknown>[] =>
      put.flatMap((each) => (underWay.size >= MOST_IN_LINE ? [] : [enqueue(each)])),

    /** Makes every attempt that is due. */
    async sendDue(): Promise<void> {
      while (!stopped) {
        const due = await read.outbox.due(kind.name, clock(), AT_ONCE_TO_ONE * 2, IN_A_ROUND)
        const done = await Promise.all(due.map(enqueue))
        if (done.length === 0 || done.includes(false)) return
      }
    },

    /** What this process has done so far, and what is left to do. */
    figures: async () => ({ tally: { ...tally }, waiting: await read.outbox.countWaiting(kind.name) }),

    /** Begins nothing any more; resolves when what was under way is over. */
    async stop(): Promise<void> {
      stopped = true
      await Promise.all(underWay)
    },
  }
}

const toFailure = (error: unknown): Outcome => ({
  kind: 'failed',
  error: error instanceof Error ? error.message : String(error),
})
