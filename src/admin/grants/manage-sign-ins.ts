import type { Page, PageQuery } from '../../domain/records/paging.ts'
import type { SessionLimits } from '../../domain/sessions/sign-in-session.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { orSuggestion } from '../change/suggest.ts'
import { requireUser } from '../users/find-user.ts'
import { endSignIn, endSignInsOf, type ShownSignIn, showOneSignIn, showSignIns } from './sign-ins.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'apps' | 'users' | 'sessions' | 'sessionApps'>
  readonly runChange: RunChange<'users' | 'sessions' | 'families' | 'apiSessions' | 'auditEvents'>
  readonly clock: Clock
  readonly limits: SessionLimits
}

export type ManageSignIns = ReturnType<typeof createManageSignIns>

/** Sign-in sessions as the administration API handles them. */
export function createManageSignIns({ read, runChange, clock, limits }: Dependencies) {
  return {
    /** @param user login, e-mail or id */
    page: (user: string, query: PageQuery): Promise<Page<ShownSignIn>> =>
      orSuggestion(read, showSignIns(read, user, { limits, now: clock() }, query)),

    find: (sid: string): Promise<ShownSignIn> => showOneSignIn(read, sid, { limits, now: clock() }),

    end: (sid: string, actor: Actor): Promise<void> =>
      runChange(actor, async (unit, context) => void (await endSignIn(unit, sid, context))),

    /** @param user login, e-mail or id */
    endAllOf: (user: string, actor: Actor): Promise<void> =>
      runChange(actor, async (unit, context) => {
        await endSignInsOf(unit, await requireUser(unit, user), context)
      }),
  }
}
