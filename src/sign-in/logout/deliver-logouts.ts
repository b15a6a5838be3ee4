import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { Audit } from '../../domain/instance/audit.ts'
import type { User } from '../../domain/users/user.ts'
import { type AtMost, createAtMost } from '../../lib/flow/at-most.ts'
import { TooManyWaiting, type WhileOutside } from '../../lib/flow/outside.ts'
import { type Clock, SECOND } from '../../lib/time/clock.ts'
import type { LogoutDelivery } from '../../store/repositories/sessions/logout-deliveries.ts'
import type { LeftApp } from '../../store/repositories/sessions/session-apps.ts'
import type { Repositories, Write } from '../../store/store.ts'
import { isLast, judgeAnswer, type Outcome, waitAfter } from './delivery-outcome.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'apps' | 'users' | 'logoutDeliveries'>
  readonly writeEnding: Write<'logoutDeliveries' | 'auditEvents'>
  readonly clock: Clock
  /** Makes the logout token for an app; without the person where they are forgotten. */
  readonly sign: (app: TrustedApplication, user: User | undefined, sid: string) => Promise<string>
  readonly post: (url: string, form: URLSearchParams) => Promise<{ readonly status: number }>
  readonly whileOutside: WhileOutside
  readonly audit: Pick<Audit, 'within'>
  readonly log: { warn(record: object, message: string): void }
}

// Requests under way at once, in all and to one app: a few that never answer leave room for the others.
const AT_ONCE = 8
const AT_ONCE_OF_AN_APP = 2
const IN_A_ROUND = 100
// What nobody gets to at once is found by the next round.
const MOST_IN_LINE = 1000
// Milliseconds that a person who signs out waits for apps.
const PATIENCE = 1.5 * SECOND

export type DeliverLogouts = ReturnType<typeof createDeliverLogouts>

/** Tells apps that a sign-in session has ended, until they have heard it or a day is over. @see OIDC Back-Channel Logout §2.5 */
export function createDeliverLogouts(dependencies: Dependencies) {
  const { read, writeEnding, clock, sign, post, whileOutside, audit, log } = dependencies
  const atOnce = createAtMost(AT_ONCE)
  const lanes = new Map<string, AtMost>()
  const underWay = new Set<Promise<boolean>>()
  const tally = { delivered: 0, failed: 0, refused: 0, given_up: 0 }
  let stopped = false

  function laneOf(app: string): AtMost {
    const lane = lanes.get(app) ?? createAtMost(AT_ONCE_OF_AN_APP)
    lanes.set(app, lane)
    return lane
  }

  async function send({ applicationUri, userId, sid }: LogoutDelivery): Promise<Outcome> {
    const app = await read.apps.find(applicationUri)
    if (!app?.isEnabled) return { kind: 'pointless', error: 'the app is disabled' }
    if (app.backchannelLogoutUri === undefined)
      return { kind: 'pointless', error: 'the app has no BackchannelLogoutUri any more' }
    const user = userId === undefined ? undefined : await read.users.find(userId)
    try {
      const token = await sign(app, user, sid)
      return judgeAnswer((await post(app.backchannelLogoutUri, new URLSearchParams({ logout_token: token }))).status)
    } catch (error) {
      return { kind: 'failed', error: error instanceof Error ? error.message : String(error) }
    }
  }

  async function giveUp({ id, applicationUri, userId, sid }: LogoutDelivery, error: string, attempts: number) {
    const about = { app: applicationUri, ...(userId === undefined ? {} : { user: userId }) }
    const detail = { delivery: id, session: sid, attempts, error }
    const event = { event: 'logout_notice_given_up', actor: 'server', ...about, detail } as const
    const decided = await writeEnding(async (unit) => {
      if (!(await unit.logoutDeliveries.giveUp(id, error, clock()))) return false
      await audit.within(unit, event)
      return true
    })
    if (decided) tally.given_up += 1
  }

  /** One attempt, unless another node makes it or it is not due. */
  async function attempt(id: string): Promise<void> {
    if (stopped) return
    const delivery = await read.logoutDeliveries.find(id)
    if (!delivery || delivery.nextAttemptAt > clock()) return
    const attempts = delivery.attempts + 1
    const [now, next] = [clock(), clock() + waitAfter(attempts)]
    if (!(await writeEnding((unit) => unit.logoutDeliveries.take(id, delivery.attempts, now, next)))) return
    const outcome = await send(delivery)
    if (outcome.kind === 'delivered') {
      tally.delivered += 1
      return writeEnding(({ logoutDeliveries }) => logoutDeliveries.markDelivered(id, clock()))
    }
    tally[outcome.kind === 'refused' ? 'refused' : 'failed'] += 1
    const { error } = outcome
    log.warn({ app: delivery.applicationUri, delivery: id, attempts, error }, 'an app was not told of a sign-out')
    if (isLast(outcome, attempts)) return giveUp(delivery, error, attempts)
    return writeEnding(({ logoutDeliveries }) => logoutDeliveries.markFailed(id, error))
  }

  /** @returns false where this node cannot do it now */
  function enqueue(id: string, app: string): Promise<boolean> {
    const work = laneOf(app)(() => atOnce(() => attempt(id))).then(
      () => true,
      (err: unknown) => {
        log.warn({ err, delivery: id }, 'telling an app of a sign-out failed; it is tried again')
        return false
      },
    )
    underWay.add(work)
    return work.finally(() => underWay.delete(work))
  }

  return {
    /** Tells apps at once what was put down for them; comes back when all have heard it, or when a person has waited enough. */
    async tell(left: readonly LeftApp[]): Promise<void> {
      const told = left.flatMap(({ applicationUri, delivery }) =>
        delivery === undefined || underWay.size >= MOST_IN_LINE ? [] : [enqueue(delivery, applicationUri)],
      )
      if (told.length === 0) return
      try {
        await whileOutside('apps that are told of sign-outs', () => patiently(told))
      } catch (error) {
        // The apps are told all the same; the person waits for none of them.
        if (!(error instanceof TooManyWaiting)) throw error
      }
    },

    /** Makes every attempt that is due. */
    async sendDue(): Promise<void> {
      while (!stopped) {
        const due = await read.logoutDeliveries.due(clock(), AT_ONCE_OF_AN_APP * 2, IN_A_ROUND)
        const done = await Promise.all(due.map(({ id, applicationUri }) => enqueue(id, applicationUri)))
        if (done.length === 0 || done.includes(false)) return
      }
    },

    /** What this process has done so far, and what is left to do. */
    figures: async () => ({ tally: { ...tally }, waiting: await read.logoutDeliveries.countWaiting() }),

    /** Begins nothing any more; resolves when what was under way is over. */
    async stop(): Promise<void> {
      stopped = true
      await Promise.all(underWay)
    },
  }
}

/** Comes back when all of it is done, or when a person has waited enough. */
async function patiently(work: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE)
  })
  await Promise.race([Promise.all(work), enough])
  clearTimeout(timer)
}
