import { isoTime } from '../lib/clock.ts'
import type { Repositories } from '../repositories/store.ts'
import { requireApp } from './apps.ts'
import { type EndedTokens, endTokens } from './end-tokens.ts'
import { ChangeRefused } from './fault.ts'
import { requireUser } from './find-user.ts'
import { type By, recordChange } from './record-change.ts'

/** Whose consents are asked for: a user by login, e-mail or id, an app by its ApplicationUri. */
export interface ConsentsWanted {
  readonly user?: string | undefined
  readonly app?: string | undefined
}

/** Consents as they are shown, by app and by login. @throws ChangeRefused `not found` */
export async function showConsents(
  { consents, apps, users }: Pick<Repositories, 'consents' | 'apps' | 'users'>,
  { user, app }: ConsentsWanted,
) {
  const userId = user === undefined ? undefined : (await requireUser({ users }, user)).id
  if (app !== undefined) await requireApp({ apps }, app)
  const names = new Map((await apps.list()).map(({ applicationUri, name }) => [applicationUri, name]))
  const logins = new Map((await users.list()).map(({ id, login }) => [id, login]))
  const found = await consents.list({ userId, applicationUri: app })
  return found.map(({ applicationUri, userId, scope, grantedAt }) => ({
    app: applicationUri,
    name: names.get(applicationUri) ?? applicationUri,
    user: logins.get(userId) ?? userId,
    scope: scope.join(' '),
    granted_at: isoTime(grantedAt),
  }))
}

/** Consent that was taken back, with what ended by it. */
export interface WithdrawnConsent extends EndedTokens {
  readonly scope: readonly string[]
}

/**
 * Takes back what a person has allowed an app, and ends everything that the app was issued to act as them.
 * @param user the id of the person
 * @throws ChangeRefused `not found` where nothing was allowed
 */
export async function withdrawConsent(
  unit: Repositories,
  { user, app }: { readonly user: string; readonly app: string },
  by: By,
): Promise<WithdrawnConsent> {
  const consent = await unit.consents.withdraw(user, app)
  if (!consent) {
    const reason = `no consent to ${app} is on record: it was never given, or has been taken back`
    throw new ChangeRefused('not found', [{ attribute: 'app', reason }])
  }
  const ended = await endTokens(unit, { app, user }, by.now)
  await unit.apiSessions.endAllOf({ applicationUri: app, userId: user }, by.now)
  const detail = { scope: consent.scope.join(' '), ...ended }
  await recordChange(unit, { event: 'consent_withdrawn', app, user, detail }, by)
  return { scope: consent.scope, ...ended }
}
