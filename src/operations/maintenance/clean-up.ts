import { setTimeout as delay } from 'node:timers/promises'
import { LONGEST_ACCESS_TOKEN, LONGEST_REPLAY_WINDOW } from '../../domain/apps/trusted-application.ts'
import { LONGEST_IDLE } from '../../domain/sessions/api-session.ts'
import { type Clock, DAY, HOUR, MINUTE } from '../../lib/time/clock.ts'
import type { Timekeeper } from '../../lib/time/timekeeper.ts'
import type { LeftoverKind } from '../../store/repositories/instance/leftovers.ts'
import type { Repositories, Write } from '../../store/store.ts'
import { findExcessRefusals } from './excess-refusals.ts'
import { readSetting } from './read-setting.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'settings' | 'refusals'>
  readonly writeEnding: Write<'leases' | 'leftovers' | 'refusals'>
  /** Gives some of the space of removed rows back to the disk. @returns whether there is more */
  readonly compact: () => Promise<boolean>
  /** A clock that was set forward by mistake may be set back; what was forgotten for it would not come back. */
  readonly time: Pick<Timekeeper, 'floor'>
  /** Milliseconds at an even pace, to measure how long a batch takes. */
  readonly timer: Clock
  /** Names this process among the nodes. */
  readonly holder: string
  /** Milliseconds after which every sign-in session is over. */
  readonly longestSession: number
}

/** What is forgotten, and from which time back, milliseconds since 1970. */
interface Task {
  readonly kind: LeftoverKind
  readonly before: () => Promise<number>
}

/** @returns how many rows went, of so many at most */
type Remove = (unit: Pick<Repositories, 'leftovers' | 'refusals'>, limit: number) => Promise<number>

export type Removed = Partial<Record<LeftoverKind, number>>

const LEASE = MINUTE
// Rows.
const FIRST_BATCH = 100
const SHORTEST_BATCH = 50
const LONGEST_BATCH = 2000
// Milliseconds a batch should take, so that nobody who writes waits for long.
const AIM = 10
// For each millisecond of work so many are left to everybody else.
const REST = 4
// Of refusals so many are looked through with each clean-up; of more, once in so many milliseconds for each.
const WALKED_EACH_TIME = 10_000
const WALK_PER_REFUSAL = 3

/** Every kind of leftover, in the order it is looked after. */
function tasksOf({ read, clock, longestSession }: Sizing): readonly Task[] {
  const { settings } = read
  // Whoever comes late with a code is told that it expired, rather than that it is unknown.
  const overAnHourAgo = async () => clock() - HOUR
  return [
    // What was removed is dead already, and all that it had goes bit by bit.
    { kind: 'trusted_applications', before: async () => clock() },
    { kind: 'users', before: async () => clock() },
    // An old token and a copy of the database would open the answer to its refresh.
    { kind: 'refresh_answers', before: async () => clock() - LONGEST_REPLAY_WINDOW },
    { kind: 'authorization_codes', before: overAnHourAgo },
    { kind: 'client_assertions', before: overAnHourAgo },
    { kind: 'token_families', before: overAnHourAgo },
    { kind: 'revoked_access_tokens', before: overAnHourAgo },
    { kind: 'opaque_access_tokens', before: overAnHourAgo },
    // Whose token ended can still read when it was last used.
    { kind: 'reference_tokens', before: async () => clock() - 30 * DAY },
    { kind: 'token_notices', before: async () => clock() - LONGEST_ACCESS_TOKEN - HOUR },
    { kind: 'api_sessions', before: async () => clock() - Math.max(DAY, LONGEST_IDLE + HOUR) },
    { kind: 'sign_in_sessions', before: async () => clock() - longestSession - HOUR },
    // Nothing is sent any more after a day and a bit.
    { kind: 'outbox', before: async () => clock() - 7 * DAY },
    { kind: 'sign_in_attempts', before: async () => clock() },
    {
      kind: 'refusals',
      before: async () => {
        const beyond = await read.refusals.timeOfNewestBeyond(await readSetting(settings, 'RefusalLimit'))
        return Math.max(clock() - (await readSetting(settings, 'RefusalRetention')), (beyond ?? -1) + 1)
      },
    },
    // Until then an administrator sees what became of it.
    { kind: 'signing_keys', before: async () => clock() - 30 * DAY },
    { kind: 'audit_events', before: async () => clock() - (await readSetting(settings, 'AuditRetention')) },
  ]
}

type Sizing = Pick<Dependencies, 'read' | 'longestSession'> & { readonly clock: Clock }

/** For how long the oldest row that could be forgotten has been waiting, by table; milliseconds. */
export async function cleanUpLags(
  sizing: Sizing & { readonly read: Pick<Repositories, 'leftovers'> },
): Promise<Readonly<Record<string, number>>> {
  const { leftovers } = sizing.read
  const lags = tasksOf(sizing).map(async ({ kind, before }) => {
    const [time, oldest] = [await before(), await leftovers.oldest(kind)]
    return [kind, Math.max(0, time - (oldest ?? time))] as const
  })
  return Object.fromEntries(await Promise.all(lags))
}

export type CleanUp = ReturnType<typeof createCleanUp>

/** Forgets what is over: in small batches with pauses between them, and on one node at a time. */
export function createCleanUp(dependencies: Dependencies) {
  const { read, writeEnding, compact, timer, holder } = dependencies
  const clock = dependencies.time.floor
  const tasks = tasksOf({ ...dependencies, clock })
  let limit = FIRST_BATCH
  let stopped = false
  let walked = Number.NEGATIVE_INFINITY

  /** Whether this node has the task, which it then keeps for as long as it goes on. */
  const acquireLease = () => writeEnding(({ leases }) => leases.acquire('clean-up', holder, clock(), clock() + LEASE))

  /** @returns whether there is more */
  async function removeBatch(remove: Remove, count: (rows: number) => void): Promise<boolean> {
    const asked = limit
    let took = 0
    const removed = await writeEnding(async (unit) => {
      const started = timer()
      if (!(await unit.leases.acquire('clean-up', holder, clock(), clock() + LEASE))) return 0
      const rows = await remove(unit, asked)
      took = timer() - started
      return rows
    })
    count(removed)
    // Larger batches while they are quick, smaller ones when they are not.
    limit = Math.round(Math.min(LONGEST_BATCH, Math.max(SHORTEST_BATCH, took > AIM ? limit / 2 : limit * 1.2)))
    await delay(took * REST)
    return removed >= asked
  }

  /** A long list is walked through less often, as it takes longer to be filled. */
  async function findExcess(): Promise<readonly string[]> {
    const most = await readSetting(read.settings, 'RefusalLimit')
    if (timer() - walked < WALK_PER_REFUSAL * (most - WALKED_EACH_TIME)) return []
    walked = timer()
    return findExcessRefusals(read.refusals, most)
  }

  return {
    /**
     * Goes through everything once; does nothing while another node is at it.
     * @returns how many rows went
     */
    async run(): Promise<Removed> {
      const removed: Removed = {}
      if (!(await acquireLease())) return removed
      for (const { kind, before } of tasks) {
        const count = (rows: number): void => {
          if (rows > 0) removed[kind] = (removed[kind] ?? 0) + rows
        }
        if (kind === 'refusals') {
          const excess = [...(await findExcess())]
          const forget: Remove = ({ refusals }, limit) => refusals.forget(excess.slice(0, limit))
          while (!stopped && excess.length > 0) {
            const asked = limit
            await removeBatch(forget, count)
            excess.splice(0, asked)
          }
        }
        const time = await before()
        const remove: Remove = ({ leftovers }, limit) => leftovers.remove(kind, time, limit)
        while (!stopped && (await removeBatch(remove, count)));
      }
      while (!stopped && (await compact())) await delay(AIM * REST)
      return removed
    },

    /** Ends a run after its batch, and lets another node take over. */
    async stop(): Promise<void> {
      stopped = true
      await writeEnding(({ leases }) => leases.release('clean-up', holder))
    },
  }
}
