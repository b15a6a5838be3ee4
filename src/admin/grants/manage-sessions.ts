import type { Audit } from '../../domain/instance/audit.ts'
import type { Page, PageQuery } from '../../domain/records/paging.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, createOrders } from '../change/run-change.ts'
import { orSuggestion } from '../change/suggest.ts'
import { requireUser } from '../users/find-user.ts'
import { endApiSession, type SessionsWanted, type ShownApiSession, showApiSessions } from './api-sessions.ts'
import { readLicense, setLicense, showLicense } from './license.ts'

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'writeAlone'>
  readonly clock: Clock
  readonly audit: Pick<Audit, 'within'>
}

/** How many API sessions there may be, `null` for any number, and the logins of those who are sure of one. */
export interface LicenseInput {
  readonly slots: number | null
  readonly reserved: readonly string[]
}

export type ManageSessions = ReturnType<typeof createManageSessions>

/** API sessions and licence slots as the administration API handles them. */
export function createManageSessions({ store, clock, audit }: Dependencies) {
  const change = createOrders({ store, clock, audit })

  return {
    page: (wanted: SessionsWanted, query: PageQuery): Promise<Page<ShownApiSession>> =>
      orSuggestion(store.read, showApiSessions(store.read, wanted, clock(), query)),

    end: (id: string, withTokens: boolean, actor: Actor): Promise<void> =>
      change(actor, async (unit, context) => void (await endApiSession(unit, id, withTokens, context))),

    license: async () => showLicense(await readLicense(store.read, clock())),

    setLicense: ({ slots, reserved }: LicenseInput, actor: Actor) =>
      change(actor, async (unit, context) => {
        const logins: string[] = []
        for (const name of reserved) logins.push((await requireUser(unit, name)).login)
        const before = await readLicense(unit, context.now)
        const unreserve = before.reserved.filter((login) => !logins.includes(login))
        return showLicense(await setLicense(unit, { slots: slots ?? 'unlimited', reserve: logins, unreserve }, context))
      }),
  }
}
