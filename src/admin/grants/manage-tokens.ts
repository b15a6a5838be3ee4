import type { GrantEpochs } from '../../domain/access/grant-status.ts'
import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import {
  type ReferenceToken,
  type ShownReferenceToken,
  showReferenceToken,
} from '../../domain/tokens/reference-token.ts'
import type { Random } from '../../lib/crypto/secrets.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { ReferenceTokenFilter } from '../../store/repositories/tokens/reference-tokens.ts'
import type { Repositories } from '../../store/store.ts'
import { requireApp } from '../apps/apps.ts'
import type { ChangeContext } from '../change/record-change.ts'
import { notThere } from '../change/refuse-change.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { orSuggestion } from '../change/suggest.ts'
import { requireUser } from '../users/find-user.ts'
import { epochsWhenAsked, issueReferenceToken, revokeReferenceToken, type WantedToken } from './reference-tokens.ts'

type Unit = Pick<Repositories, 'apps' | 'users' | 'settings' | 'referenceTokens' | 'sessionEpochs' | 'auditEvents'>

interface Dependencies {
  readonly read: Pick<Repositories, 'apps' | 'users' | 'sessionEpochs' | 'referenceTokens'>
  /** @throws Refused while nothing new may be stored */
  readonly requireDiskSpace: () => void
  readonly runChange: RunChange<keyof Unit>
  readonly clock: Clock
  readonly random: Random
}

/** Whose tokens are asked for: a user by login, e-mail or id, an app by its ApplicationUri. */
export type TokensWanted = ReferenceTokenFilter

export type ManageTokens = ReturnType<typeof createManageTokens>

/** Reference tokens as the APIs handle them: each change is checked, stored and audited in one unit of work. */
export function createManageTokens({ read, requireDiskSpace, runChange, clock, random }: Dependencies) {
  async function issue(unit: Unit, wanted: WantedToken, context: ChangeContext, asked: GrantEpochs | undefined) {
    const { token, value, app, user } = await issueReferenceToken(unit, wanted, random, context, asked)
    return { ...showReferenceToken(token, app, user, context.now), token: value }
  }

  async function page(filter: ReferenceTokenFilter, query: PageQuery): Promise<Page<ShownReferenceToken>> {
    const { items, next } = await readPage(
      query,
      (wanted) => read.referenceTokens.page(filter, wanted),
      ({ id }) => id,
    )
    return { items: await describeTokens(items, read, clock()), next }
  }

  return {
    /** The newest first. */
    page,

    /** The same for whoever names app and user as people do. @throws Refused `not_found` */
    async pageOf({ app, user, kind }: TokensWanted, query: PageQuery): Promise<Page<ShownReferenceToken>> {
      if (app !== undefined) await orSuggestion(read, requireApp(read, app))
      const id = user === undefined ? undefined : (await orSuggestion(read, requireUser(read, user))).id
      return page({ app, user: id, kind }, query)
    },

    /** @throws Refused `not_found` */
    requireApp: async (applicationUri: string): Promise<void> => {
      await orSuggestion(read, requireApp(read, applicationUri))
    },

    /** The token with its value, which is told this once. */
    async issue(wanted: WantedToken, actor: Actor) {
      requireDiskSpace()
      const asked = await epochsWhenAsked(read, wanted)
      return runChange(actor, (unit, context) => issue(unit, wanted, context, asked))
    },

    /** The same for somebody who is not to learn which apps there are. */
    async issueOwn(own: Omit<WantedToken, 'kind'>, actor: Actor) {
      requireDiskSpace()
      const wanted = { ...own, kind: 'PAT' as const }
      const asked = await epochsWhenAsked(read, wanted)
      return runChange(actor, async (unit, context) => {
        const reason = 'no app has this ApplicationUri'
        if (!(await unit.apps.find(wanted.app))) throw notThere([{ attribute: 'app', reason }])
        return issue(unit, wanted, context, asked)
      })
    },

    /** Ends a token that is one of these; of others the caller learns nothing. */
    revoke: (id: string, { app, user, kind }: ReferenceTokenFilter, actor: Actor) =>
      runChange(actor, async (unit, context) => {
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
