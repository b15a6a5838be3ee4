import type { Page, PageQuery } from '../../domain/records/paging.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { orSuggestion } from '../change/suggest.ts'
import { requireUser } from '../users/find-user.ts'
import {
  endApiSession,
  endSessionsOfUser,
  type SessionsWanted,
  type ShownApiSession,
  showApiSessions,
} from './api-sessions.ts'
import type { TokensUnit } from './end-tokens.ts'
import { readLicense, setLicense, showLicense } from './license.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'apps' | 'users' | 'settings' | 'apiSessions' | 'reservedUsers'>
  readonly runChange: RunChange<
    | keyof TokensUnit
    | 'apps'
    | 'users'
    | 'sessions'
    | 'sessionApps'
    | 'settings'
    | 'apiSessions'
    | 'reservedUsers'
    | 'auditEvents'
  >
  readonly clock: Clock
}

/** How many API sessions there may be, `null` for any number, and the logins of those who are sure of one. */
export interface LicenseInput {
  readonly slots: number | null
  readonly reserved: readonly string[]
}

export type ManageSessions = ReturnType<typeof createManageSessions>

/** API sessions and licence slots as the administration API handles them. */
export function createManageSessions({ read, runChange, clock }: Dependencies) {
  return {
    page: (wanted: SessionsWanted, query: PageQuery): Promise<Page<ShownApiSession>> =>
      orSuggestion(read, showApiSessions(read, wanted, clock(), query)),

    end: (id: string, withTokens: boolean, actor: Actor): Promise<void> =>
      runChange(actor, async (unit, context) => void (await endApiSession(unit, id, withTokens, context))),

    /** @param user login, e-mail or id */
    endAllOf: (user: string, withTokens: boolean, actor: Actor): Promise<void> =>
      runChange(actor, async (unit, context) => {
        await endSessionsOfUser(unit, await requireUser(unit, user), withTokens, context)
      }),

    license: async () => showLicense(await readLicense(read, clock())),

    setLicense: ({ slots, reserved }: LicenseInput, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const logins: string[] = []
        for (const name of reserved) logins.push((await requireUser(unit, name)).login)
        const before = await readLicense(unit, context.now)
        const unreserve = before.reserved.filter((login) => !logins.includes(login))
        return showLicense(await setLicense(unit, { slots: slots ?? 'unlimited', reserve: logins, unreserve }, context))
      }),
  }
}
