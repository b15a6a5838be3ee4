import type { Audit } from '../../domain/instance/audit.ts'
import type { Page, PageQuery } from '../../domain/records/paging.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, createOrders } from '../change/run-change.ts'
import { orSuggestion } from '../change/suggest.ts'
import { requireUser } from '../users/find-user.ts'
import { type ConsentsWanted, type ShownConsent, showConsents, withdrawConsent } from './consents.ts'

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'writeAlone'>
  readonly clock: Clock
  readonly audit: Pick<Audit, 'within'>
}

export type ManageConsents = ReturnType<typeof createManageConsents>

/** What people have allowed apps, as the APIs handle it. */
export function createManageConsents({ store, clock, audit }: Dependencies) {
  const change = createOrders({ store, clock, audit })

  return {
    page: (wanted: ConsentsWanted, query: PageQuery): Promise<Page<ShownConsent>> =>
      orSuggestion(store.read, showConsents(store.read, wanted, query)),

    /** @param name login, e-mail or id of the person */
    withdraw: (name: string, app: string, actor: Actor): Promise<void> =>
      change(actor, async (unit, context) => {
        const { id: user } = await requireUser(unit, name)
        await withdrawConsent(unit, { user, app }, context)
      }),
  }
}
