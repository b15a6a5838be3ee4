import type { Page, PageQuery } from '../../domain/records/paging.ts'
import type { Repositories } from '../../store/store.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { orSuggestion } from '../change/suggest.ts'
import { requireUser } from '../users/find-user.ts'
import { type ConsentsWanted, type ShownConsent, showConsents, withdrawConsent } from './consents.ts'
import type { TokensUnit } from './end-tokens.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'consents' | 'apps' | 'users'>
  readonly runChange: RunChange<keyof TokensUnit | 'consents' | 'users' | 'auditEvents'>
}

export type ManageConsents = ReturnType<typeof createManageConsents>

/** What people have allowed apps, as the APIs handle it. */
export function createManageConsents({ read, runChange }: Dependencies) {
  return {
    page: (wanted: ConsentsWanted, query: PageQuery): Promise<Page<ShownConsent>> =>
      orSuggestion(read, showConsents(read, wanted, query)),

    /** @param name login, e-mail or id of the person */
    withdraw: (name: string, app: string, actor: Actor): Promise<void> =>
      runChange(actor, async (unit, context) => {
        const { id: user } = await requireUser(unit, name)
        await withdrawConsent(unit, { user, app }, context)
      }),
  }
}
