import { isoTime } from '../lib/clock.ts'
import { onceEach } from '../lib/once-each.ts'
import type { Repositories } from '../repositories/store.ts'
import { requireApp } from './apps.ts'
import { type EndedTokens, endTokens, type TokensUnit } from './end-tokens.ts'
import { ChangeRefused } from './fault.ts'
import { requireUser } from './find-user.ts'
import { type By, recordChange } from './record-change.ts'

/** Whose consents are asked for: a user by login, e-mail or id, an app by its ApplicationUri. */
export interface ConsentsWanted {
  readonly user?: string | undefined
  readonly app?: string | undefined
}

/** Consents as they are shown, by app. @throws ChangeRefused `not found` */
export async function showConsents(
  { consents, apps, users }: Pick<Repositories, 'consents' | 'apps' | 'users'>,
  { user, app }: ConsentsWanted,
) {
  const userId = user === undefined ? undefined : (await requireUser({ users }, user)).id
  if (app !== undefined) await requireApp({ apps }, app)
  const [findApp, findUser] = [onceEach(apps.find), onceEach(users.find)]
  const found = await consents.list({ userId, applicationUri: app })
  return Promise.all(
    found.map(async ({ applicationUri, userId, scope, grantedAt }) => ({
      app: applicationUri,
      name: (await findApp(applicationUri))?.name ?? applicationUri,
      user: (await findUser(userId))?.login ?? userId,
      scope: scope.join(' '),
      granted_at: isoTime(grantedAt),
    })),
  )
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
  unit: TokensUnit & Pick<Repositories, 'consents' | 'apiSessions' | 'auditEvents'>,
  { user, app }: { readonly user: string; readonly app: string },
  by: By,
): Promise<WithdrawnConsent> {
  if (!(await unit.consents.find(user, app))) throw notGiven(app)
  // A consent that is being given right now is waited for, and goes as well.
  const ended = await endTokens(unit, { app, user }, by.now)
  const consent = await unit.consents.withdraw(user, app)
  if (!consent) throw notGiven(app)
  await unit.apiSessions.endAllOf({ applicationUri: app, userId: user }, by.now)
  const detail = { scope: consent.scope.join(' '), ...ended }
  await recordChange(unit, { event: 'consent_withdrawn', app, user, detail }, by)
  return { scope: consent.scope, ...ended }
}

function notGiven(app: string): ChangeRefused {
  const reason = `no consent to ${app} is on record: it was never given, or has been taken back`
  return new ChangeRefused('not found', [{ attribute: 'app', reason }])
}
