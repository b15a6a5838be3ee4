import type { Audit } from '../domain/instance/audit.ts'
import { newId } from '../lib/crypto/secrets.ts'
import { repeat } from '../lib/flow/repeat.ts'
import { isoTime, MINUTE, SECOND } from '../lib/time/clock.ts'
import type { Timekeeper } from '../lib/time/timekeeper.ts'
import { createCleanUp } from '../operations/maintenance/clean-up.ts'
import { createRotateKeys, type RotatedKeys } from '../operations/maintenance/rotate-keys.ts'
import { createWatchTime } from '../operations/maintenance/watch-time.ts'
import type { Store } from '../store/store.ts'

interface Dependencies {
  readonly store: Store
  readonly time: Timekeeper
  readonly keys: RotatedKeys
  readonly audit: Pick<Audit, 'within'>
  readonly log: {
    info(record: object, message: string): void
    warn(record: object, message: string): void
  }
  /** Milliseconds after which every sign-in session is over. */
  readonly longestSession: number
  /** Removes apps that registered themselves for nothing. */
  readonly forgetUnused: () => Promise<void>
  /** Sends what is due of each kind. */
  readonly rounds: readonly { readonly what: string; sendDue(): Promise<void> }[]
}

const CLEAN_UP_EVERY = 30 * SECOND
// Also how long an app waits to hear of what was changed with the command line.
const SEND_EVERY = 5 * SECOND
const FORGET_EVERY = MINUTE
const WATCH_EVERY = 5 * SECOND
const ROTATE_EVERY = MINUTE

/** Starts what a server does beside answering requests; each task goes on after an error, which is on the log. */
export function startMaintenance(dependencies: Dependencies) {
  const { store, time, keys, audit, log, longestSession, forgetUnused, rounds } = dependencies
  const { read, write, writeEnding, compact } = store
  store.keepReserve()
  const holder = newId()
  const cleanUp = createCleanUp({
    read,
    writeEnding,
    compact,
    time,
    timer: () => performance.now(),
    holder,
    longestSession,
  })
  const watchTime = createWatchTime({ writeEnding, time, audit, log })
  const rotateKeys = createRotateKeys({ write, time, keys, audit, holder })
  const complain = (what: string) => (err: unknown) => log.warn({ err }, `${what} failed; it will be tried again`)

  async function clean(): Promise<void> {
    const removed = await cleanUp.run()
    if (Object.keys(removed).length > 0) log.info({ removed }, 'cleaned up')
  }
  async function rotate(): Promise<void> {
    for (const { kid, algorithm, signsFrom } of await rotateKeys())
      log.info({ key: { kid, algorithm, signsFrom: isoTime(signsFrom) } }, 'published the next signing key')
  }
  const tasks = [
    repeat(WATCH_EVERY, watchTime, complain('writing the time down')),
    repeat(CLEAN_UP_EVERY, clean, complain('cleaning up')),
    repeat(FORGET_EVERY, forgetUnused, complain('removing unused apps')),
    // The first start leaves most keys to this.
    repeat(ROTATE_EVERY, rotate, complain('rotating keys'), 0),
    ...rounds.map(({ what, sendDue }) => repeat(SEND_EVERY, sendDue, complain(what))),
  ]

  return {
    /** Ends every task after the step it is at. */
    async stop(): Promise<void> {
      await cleanUp.stop().catch(complain('handing the clean-up over'))
      await Promise.all(tasks.map((task) => task.stop()))
    },
  }
}
