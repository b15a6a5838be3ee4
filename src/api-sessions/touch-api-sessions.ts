import { requireStillEnabled } from '../domain/access/authenticated-app.ts'
import { type ReadCatalogue, servesApiOf } from '../domain/access/resource-indicators.ts'
import type { TrustedApplication } from '../domain/apps/trusted-application.ts'
import type { ApiSession } from '../domain/sessions/api-session.ts'
import { type Clock, SECOND } from '../lib/time/clock.ts'
import type { AsOf } from '../store/repositories/sessions/live-api-sessions.ts'
import type { Repositories, Write } from '../store/store.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'settings' | 'apiSessions' | 'apps'>
  readonly write: Write<'apps' | 'apiSessions'>
  readonly clock: Clock
  readonly readCatalogue: ReadCatalogue
}

/** That an API was called with a session, some time ago. */
export interface Touch {
  readonly id: string
  /** Milliseconds. */
  readonly ago: number
}

// A session in use is written at most this often.
const TOUCH_EVERY = SECOND

export type TouchApiSessions = ReturnType<typeof createTouchApiSessions>

/** Takes what APIs report late and in one go about the use of sessions. */
export function createTouchApiSessions({ read, write, clock, readCatalogue }: Dependencies) {
  /** The live ones among these sessions that the caller may know of. */
  async function findKnown(ids: readonly string[], caller: TrustedApplication, asOf: AsOf): Promise<ApiSession[]> {
    const sessions = await read.apiSessions.findLiveByIds(ids, asOf)
    const apps = await read.apiSessions.appsOf(sessions.map(({ id }) => id))
    const catalogue = await readCatalogue()
    const mayKnow = new Set<string>()
    for (const uri of new Set([...apps.values()].flat())) {
      const app = await read.apps.find(uri)
      if (uri === caller.applicationUri || (app && servesApiOf(caller, app, catalogue))) mayKnow.add(uri)
    }
    return sessions.filter(({ id }) => apps.get(id)?.some((uri) => mayKnow.has(uri)))
  }

  /** One statement for all that were used at one time; it decides. @returns the ids of those that live */
  function slide(
    times: ReadonlyMap<number, readonly string[]>,
    caller: TrustedApplication,
    asOf: AsOf,
  ): Promise<string[]> {
    return write(async ({ apps, apiSessions }) => {
      requireStillEnabled(caller, await apps.find(caller.applicationUri))
      const alive: string[] = []
      for (const [at, ids] of times) alive.push(...(await apiSessions.touch(ids, at, asOf)))
      return alive
    })
  }

  /**
   * Keeps sessions alive that were used.
   * @returns the ids of those that are over, or none of the caller's business
   */
  return async function touchApiSessions(touches: readonly Touch[], caller: TrustedApplication): Promise<string[]> {
    const asOf = { rules: await read.settings.apiSessionRules(), now: clock() }
    const usedAt = new Map<string, number>()
    for (const { id, ago } of touches) usedAt.set(id, Math.max(asOf.now - ago, usedAt.get(id) ?? 0))
    const alive = new Set<string>()
    const stale = new Map<number, string[]>()
    for (const { id, lastSeenAt } of await findKnown([...usedAt.keys()], caller, asOf)) {
      const at = usedAt.get(id) ?? 0
      if (at - lastSeenAt < TOUCH_EVERY) alive.add(id)
      else stale.set(at, [...(stale.get(at) ?? []), id])
    }
    const slid = stale.size === 0 ? [] : await slide(stale, caller, asOf)
    for (const id of slid) alive.add(id)
    return [...usedAt.keys()].filter((id) => !alive.has(id))
  }
}
