import { nameIn } from '../../domain/apps/names-by-language.ts'
import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { readTimeKey, timeKeyOf } from '../../domain/records/time-key.ts'
import { cursorMalformed } from '../../domain/refusals/cursor-malformed.ts'
import type { Refused } from '../../domain/refusals/errors.ts'
import { isoTime } from '../../lib/time/clock.ts'
import type { ConsentKey } from '../../store/repositories/users/consents.ts'
import type { Repositories } from '../../store/store.ts'
import { requireApp } from '../apps/apps.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { notThere } from '../change/refuse-change.ts'
import { requireUser } from '../users/find-user.ts'
import { type EndedTokens, endTokens, type TokensUnit } from './end-tokens.ts'

/** Whose consents are asked for: a user by login, e-mail or id, an app by its ApplicationUri. */
export interface ConsentsWanted {
  readonly user?: string | undefined
  readonly app?: string | undefined
  /** In which the apps are to be called. */
  readonly language?: string | undefined
}

/** A consent as it is shown. */
export interface ShownConsent {
  readonly app: string
  readonly name: string
  readonly user: string
  readonly scope: string
  readonly granted_at: string
}

// An id holds no space, an ApplicationUri may.
const keyOf = ({ grantedAt, applicationUri, userId }: ConsentKey): string =>
  timeKeyOf({ at: grantedAt, id: `${applicationUri} ${userId}` })

function readKey(key: string): ConsentKey {
  const { at: grantedAt, id } = readTimeKey(key)
  const end = id.lastIndexOf(' ')
  if (end < 0) throw cursorMalformed()
  return { grantedAt, applicationUri: id.slice(0, end), userId: id.slice(end + 1) }
}

/** The next consents as they are shown, the one given last first. @throws Refused `not_found` */
export async function showConsents(
  { consents, apps, users }: Pick<Repositories, 'consents' | 'apps' | 'users'>,
  { user, app, language }: ConsentsWanted,
  query: PageQuery,
): Promise<Page<ShownConsent>> {
  const userId = user === undefined ? undefined : (await requireUser({ users }, user)).id
  if (app !== undefined) await requireApp({ apps }, app)
  const fetch = ({ after, limit }: PageQuery) =>
    consents.page({ userId, applicationUri: app }, { limit, after: after === undefined ? undefined : readKey(after) })
  const { items, next } = await readPage(query, fetch, keyOf)
  const names = await apps.namesOf(items.map(({ applicationUri }) => applicationUri))
  const logins = await users.loginsOf(items.map(({ userId }) => userId))
  const shown = items.map(({ applicationUri, userId, scope, grantedAt }) => ({
    app: applicationUri,
    name: nameIn(names.get(applicationUri) ?? { name: applicationUri, localizedNames: {} }, language),
    user: logins.get(userId) ?? userId,
    scope: scope.join(' '),
    granted_at: isoTime(grantedAt),
  }))
  return { items: shown, next }
}

/** Consent that was taken back, with what ended by it. */
export interface WithdrawnConsent extends EndedTokens {
  readonly scope: readonly string[]
}

/**
 * Takes back what a person has allowed an app, and ends everything that the app was issued to act as them.
 * @param user the id of the person
 * @throws Refused `not_found` where nothing was allowed
 */
export async function withdrawConsent(
  unit: TokensUnit & Pick<Repositories, 'consents' | 'auditEvents'>,
  { user, app }: { readonly user: string; readonly app: string },
  context: ChangeContext,
): Promise<WithdrawnConsent> {
  if (!(await unit.consents.find(user, app))) throw notGiven(app)
  // A consent that is being given right now is waited for, and goes as well.
  const ended = await endTokens(unit, { app, user }, context.now)
  const consent = await unit.consents.withdraw(user, app)
  if (!consent) throw notGiven(app)
  const detail = { scope: consent.scope.join(' '), ...ended }
  await recordChange(unit, { event: 'consent_withdrawn', app, user, detail }, context)
  return { scope: consent.scope, ...ended }
}

function notGiven(app: string): Refused {
  const reason = `no consent to ${app} is on record: it was never given, or was withdrawn`
  return notThere([{ attribute: 'app', reason }])
}
