import { showRegistration } from '../domain/app-attributes.ts'
import { fieldChanges } from '../domain/field-changes.ts'
import { didYouMean } from '../domain/nearest.ts'
import type { AppRegistration, NewAppSecret, TrustedApplication } from '../domain/trusted-application.ts'
import type { Repositories } from '../repositories/store.ts'
import { ChangeRefused } from './fault.ts'
import { judgeApp } from './judge-app.ts'
import { type By, recordChange } from './record-change.ts'

// While a secret is rotated the old and the new one are valid.
const MOST_SECRETS = 2

type Unit = Pick<Repositories, 'apps' | 'users' | 'resources' | 'auditEvents'>

/** @throws ChangeRefused `not found` */
export async function requireApp({ apps }: Pick<Unit, 'apps'>, applicationUri: string): Promise<TrustedApplication> {
  const app = await apps.find(applicationUri)
  if (app) return app
  const known = (await apps.list()).map((other) => other.applicationUri)
  const reason = `no app has the ApplicationUri ${JSON.stringify(applicationUri)}${didYouMean(applicationUri, known)}`
  throw new ChangeRefused('not found', [{ attribute: 'ApplicationUri', reason }])
}

/** The declarative part alone; what is counted and timed is not for an update to store. */
export function registrationOf({
  secrets,
  isEnabled,
  epoch,
  createdAt,
  updatedAt,
  ...registration
}: TrustedApplication): AppRegistration {
  return registration
}

/** Registers an app. @throws ChangeRefused `invalid`, or `conflict` when the ApplicationUri is taken */
export async function registerApp(unit: Unit, wanted: AppRegistration, by: By): Promise<AppRegistration> {
  const app = await judgeApp(wanted, unit)
  if (!(await unit.apps.add(app, by.now))) {
    const reason = `${app.applicationUri} is registered already`
    throw new ChangeRefused('conflict', [{ attribute: 'ApplicationUri', reason }])
  }
  const detail = { fields: fieldChanges({}, showRegistration(app)) }
  await recordChange(unit, { event: 'app_registered', app: app.applicationUri, detail }, by)
  return app
}

/** Stores a changed record. @throws ChangeRefused */
export async function updateApp(
  unit: Unit,
  wanted: AppRegistration,
  by: By,
): Promise<{ before: TrustedApplication; after: TrustedApplication }> {
  const before = await requireApp(unit, wanted.applicationUri)
  const registration = await judgeApp(wanted, unit)
  const fields = fieldChanges(showRegistration(before), showRegistration(registration))
  if (Object.keys(fields).length === 0) return { before, after: before }
  await unit.apps.update(registration, by.now)
  await recordChange(unit, { event: 'app_updated', app: wanted.applicationUri, detail: { fields } }, by)
  return { before, after: await requireApp(unit, wanted.applicationUri) }
}

/** The kill switch of an app. @throws ChangeRefused */
export async function setAppEnabled(
  unit: Unit,
  applicationUri: string,
  enabled: boolean,
  by: By,
): Promise<{ before: TrustedApplication; after: TrustedApplication }> {
  const before = await requireApp(unit, applicationUri)
  if (before.isEnabled === enabled) return { before, after: before }
  await unit.apps.setEnabled(applicationUri, enabled, by.now)
  await recordChange(unit, { event: enabled ? 'app_enabled' : 'app_disabled', app: applicationUri }, by)
  return { before, after: await requireApp(unit, applicationUri) }
}

/** Gives an app one more secret. @throws ChangeRefused when the app can have none */
export async function addAppSecret(unit: Unit, applicationUri: string, secret: NewAppSecret, by: By): Promise<void> {
  const app = await requireApp(unit, applicationUri)
  if (app.clientType !== 'Confidential') {
    const reason = `${applicationUri} is of ClientType ${app.clientType}; only a Confidential app has a secret`
    throw new ChangeRefused('invalid', [{ attribute: 'ApplicationSecretHash', reason }])
  }
  const valid = app.secrets.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > by.now)
  if (valid.length >= MOST_SECRETS) {
    const reason = `${applicationUri} has ${MOST_SECRETS} valid secrets already; remove one of them first`
    throw new ChangeRefused('conflict', [{ attribute: 'ApplicationSecretHash', reason }])
  }
  await unit.apps.dropExpiredSecrets(applicationUri, by.now)
  await unit.apps.addSecret(applicationUri, secret)
  const detail = { secret: secret.id, label: secret.label ?? null, expiresAt: secret.expiresAt ?? null }
  await recordChange(unit, { event: 'app_secret_added', app: applicationUri, detail }, by)
}

/** Ends one secret of an app, at once. @throws ChangeRefused */
export async function removeAppSecret(unit: Unit, applicationUri: string, id: string, by: By): Promise<void> {
  const app = await requireApp(unit, applicationUri)
  if (!app.secrets.some((secret) => secret.id === id)) {
    const reason = `${applicationUri} has no secret with the id ${JSON.stringify(id)}`
    throw new ChangeRefused('not found', [{ attribute: 'Id', reason }])
  }
  await unit.apps.removeSecret(applicationUri, id)
  await recordChange(unit, { event: 'app_secret_removed', app: applicationUri, detail: { secret: id } }, by)
}

/** Forgets an app with everything issued to it. @throws ChangeRefused */
export async function removeApp(unit: Unit, applicationUri: string, by: By): Promise<void> {
  const app = await requireApp(unit, applicationUri)
  await unit.apps.remove(applicationUri)
  const detail = { fields: fieldChanges(showRegistration(app), {}) }
  await recordChange(unit, { event: 'app_removed', app: applicationUri, detail }, by)
}
