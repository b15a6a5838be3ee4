import type { GrantEpochs } from '../../domain/access/grant-status.ts'
import type { Audit } from '../../domain/instance/audit.ts'
import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import {
  type ReferenceToken,
  type ShownReferenceToken,
  showReferenceToken,
} from '../../domain/tokens/reference-token.ts'
import type { Random } from '../../lib/crypto/secrets.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { ReferenceTokenFilter } from '../../store/repositories/tokens/reference-tokens.ts'
import type { Repositories, Store } from '../../store/store.ts'
import { requireApp } from '../apps/apps.ts'
import type { ChangeContext } from '../change/record-change.ts'
import { notThere } from '../change/refuse-change.ts'
import { type Actor, createOrders } from '../change/run-change.ts'
import { orSuggestion } from '../change/suggest.ts'
import { epochsWhenAsked, issueReferenceToken, revokeReferenceToken, type WantedToken } from './reference-tokens.ts'

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'writeAlone'>
  readonly clock: Clock
  readonly random: Random
  readonly audit: Pick<Audit, 'within'>
}

export type ManageTokens = ReturnType<typeof createManageTokens>

/** Reference tokens as the APIs handle them: each change is checked, stored and audited in one unit of work. */
export function createManageTokens({ store, clock, random, audit }: Dependencies) {
  const change = createOrders({ store, clock, audit })

  async function issue(
    unit: Repositories,
    wanted: WantedToken,
    context: ChangeContext,
    asked: GrantEpochs | undefined,
  ) {
    const { token, value, app, user } = await issueReferenceToken(unit, wanted, random, context, asked)
    return { ...showReferenceToken(token, app, user, context.now), token: value }
  }

  return {
    /** The oldest first. */
    async page(filter: ReferenceTokenFilter, query: PageQuery): Promise<Page<ShownReferenceToken>> {
      const { items, next } = await readPage(
        query,
        (wanted) => store.read.referenceTokens.page(filter, wanted),
        ({ id }) => id,
      )
      return { items: await describeTokens(items, store.read, clock()), next }
    },

    /** @throws Refused `not_found` */
    requireApp: async (applicationUri: string): Promise<void> => {
      await orSuggestion(store.read, requireApp(store.read, applicationUri))
    },

    /** The token with its value, which is told this once. */
    async issue(wanted: WantedToken, actor: Actor) {
      const asked = await epochsWhenAsked(store.read, wanted)
      return change(actor, (unit, context) => issue(unit, wanted, context, asked))
    },

    /** The same for somebody who is not to learn which apps there are. */
    async issueOwn(own: Omit<WantedToken, 'kind'>, actor: Actor) {
      const wanted = { ...own, kind: 'PAT' as const }
      const asked = await epochsWhenAsked(store.read, wanted)
      return change(actor, async (unit, context) => {
        const reason = 'no app has this ApplicationUri'
        if (!(await unit.apps.find(wanted.app))) throw notThere([{ attribute: 'app', reason }])
        return issue(unit, wanted, context, asked)
      })
    },

    /** Ends a token that is one of these; of others the caller learns nothing. */
    revoke: (id: string, { app, user, kind }: ReferenceTokenFilter, actor: Actor) =>
      change(actor, async (unit, context) => {
        const token = await unit.referenceTokens.findById(id)
        const isOne =
          token !== undefined &&
          (app === undefined || token.applicationUri === app) &&
          (user === undefined || token.userId === user) &&
          (kind === undefined || token.kind === kind)
        if (!isOne) throw notThere([{ attribute: 'id', reason: 'no token here has this id' }])
        await revokeReferenceToken(unit, token, context)
      }),
  }
}

/** Tokens as people and scripts are shown them; of one whose app or user was removed meanwhile there is nothing to tell. */
export async function describeTokens(
  tokens: readonly ReferenceToken[],
  { apps, users }: Pick<Repositories, 'apps' | 'users'>,
  now: number,
): Promise<ShownReferenceToken[]> {
  const appOf = await apps.findEach(tokens.map(({ applicationUri }) => applicationUri))
  const userOf = await users.findEach(tokens.map(({ userId }) => userId))
  return tokens.flatMap((token) => {
    const [app, user] = [appOf.get(token.applicationUri), userOf.get(token.userId)]
    return app && user ? [showReferenceToken(token, app, user, now)] : []
  })
}
