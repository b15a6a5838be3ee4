import { nameIn } from '../../domain/apps/names-by-language.ts'
import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { cursorMalformed } from '../../domain/refusals/cursor-malformed.ts'
import {
  type ReferenceToken,
  type ShownReferenceToken,
  showReferenceToken,
} from '../../domain/tokens/reference-token.ts'
import { REFRESH_GRANT, type RefreshGrant, showRefreshGrant } from '../../domain/tokens/refresh-grant.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { notThere } from '../change/refuse-change.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { revokeReferenceToken } from './reference-tokens.ts'

type Unit = Pick<Repositories, 'families' | 'referenceTokens' | 'auditEvents'>

interface Dependencies {
  readonly read: Pick<Repositories, 'apps' | 'users' | 'referenceTokens' | 'families' | 'sessions'>
  readonly runChange: RunChange<keyof Unit>
  readonly clock: Clock
  /** Whether a sign-in session has neither been ended nor run out. */
  readonly isSessionOpen: (sid: string) => Promise<boolean>
}

/** With what the app is called. */
export type ShownOwnToken = (ShownReferenceToken | ReturnType<typeof showRefreshGrant>) & { readonly app_name: string }
type OwnToken = { readonly token: ReferenceToken } | { readonly grant: RefreshGrant }

export type ManageOwnTokens = ReturnType<typeof createManageOwnTokens>

/** What acts as a person without them: their PATs, and what apps may refresh for them. */
export function createManageOwnTokens({ read, runChange, clock, isSessionOpen }: Dependencies) {
  /** PATs first, then grants; each the newest first. */
  async function fetchOwn(user: string, { after, limit }: PageQuery): Promise<OwnToken[]> {
    const afterGrant = after === undefined ? undefined : readGrantKey(after)
    const tokens =
      afterGrant === undefined ? await read.referenceTokens.page({ user, kind: 'PAT' }, { after, limit }) : []
    const left = limit - tokens.length
    const grants = left > 0 ? await read.families.refreshable(user, clock(), { after: afterGrant, limit: left }) : []
    return [...tokens.map((token) => ({ token })), ...grants.map((grant) => ({ grant }))]
  }

  /** Of what an app can use no more, or was removed with, there is nothing to tell. */
  async function describeOwn(items: readonly OwnToken[], language: string | undefined): Promise<ShownOwnToken[]> {
    const records = items.map((item) => ('token' in item ? item.token : item.grant))
    const appOf = await read.apps.findEach(records.map(({ applicationUri }) => applicationUri))
    const userOf = await read.users.findEach(records.map(({ userId }) => userId))
    const shown: ShownOwnToken[] = []
    for (const item of items) {
      const { applicationUri, userId } = 'token' in item ? item.token : item.grant
      const [app, user] = [appOf.get(applicationUri), userOf.get(userId)]
      if (!app || !user) continue
      const name = nameIn(app, language)
      if ('token' in item) shown.push({ ...showReferenceToken(item.token, app, user, clock()), app_name: name })
      else if (!app.refreshEndsWithSession || (await isSessionOpen(item.grant.sid)))
        shown.push({ ...showRefreshGrant(item.grant, app, user, name), app_name: name })
    }
    return shown
  }

  return {
    /** @param language in which the apps are to be called */
    async page(user: string, query: PageQuery, language?: string): Promise<Page<ShownOwnToken>> {
      const { items, next } = await readPage(query, (wanted) => fetchOwn(user, wanted), keyOf)
      return { items: await describeOwn(items, language), next }
    },

    /** Ends a PAT, or what an app may refresh with all that grew from it; of what is others' the caller learns nothing. */
    revoke: (id: string, user: string, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const token = await unit.referenceTokens.findById(id)
        if (token?.userId === user && token.kind === 'PAT')
          return void (await revokeReferenceToken(unit, token, context))
        if (!(await endGrant(unit, id, user, context)))
          throw notThere([{ attribute: 'id', reason: 'no token here has this id' }])
      }),
  }
}

// The id of a reference token holds no space.
const keyOf = (item: OwnToken): string =>
  'token' in item ? item.token.id : `${REFRESH_GRANT} ${item.grant.startedAt} ${item.grant.family}`

function readGrantKey(key: string): Pick<RefreshGrant, 'startedAt' | 'family'> | undefined {
  if (!key.startsWith(`${REFRESH_GRANT} `)) return undefined
  const [, startedAt, family] = /^\S+ (\d{1,16}) (\S+)$/.exec(key) ?? []
  if (startedAt === undefined || family === undefined) throw cursorMalformed()
  return { startedAt: Number(startedAt), family }
}

/** Ends the whole family, once. @returns false where this user has no such grant */
async function endGrant(unit: Unit, id: string, user: string, context: ChangeContext): Promise<boolean> {
  const family = await unit.families.find(id)
  if (family?.userId !== user) return false
  if (await unit.families.revoke(id, context.now)) {
    const detail = { kind: REFRESH_GRANT, family: id }
    await recordChange(unit, { event: 'token_revoked', app: family.applicationUri, user, detail }, context)
  }
  return true
}
