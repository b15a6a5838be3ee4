import { showRegistration } from '../../domain/apps/app-attributes.ts'
import { needsReadableSecret } from '../../domain/apps/app-secret.ts'
import { decidedBetween } from '../../domain/apps/decided-attributes.ts'
import type { AppRegistration, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { type FieldChanges, fieldChanges, shortenChanges } from '../../domain/records/field-changes.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { conflict, invalidChange, notThere } from '../change/refuse-change.ts'
import { leaveResources } from './resources.ts'
import { validateApp } from './validate-app.ts'

type Recorded = Pick<Repositories, 'apps' | 'auditEvents'>
type Unit = Recorded & Pick<Repositories, 'users' | 'resources' | 'settings'>

/** @throws Refused `not_found` */
export async function requireApp({ apps }: Pick<Unit, 'apps'>, applicationUri: string): Promise<TrustedApplication> {
  const app = await apps.find(applicationUri)
  if (app) return app
  const reason = `no app has the ApplicationUri ${JSON.stringify(applicationUri)}`
  const missing = { kind: 'app', name: applicationUri } as const
  throw notThere([{ attribute: 'ApplicationUri', reason }], missing)
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

/** What is kept in the audit log of a change: all of it, but of an app that strangers make and change no more than a person reads. */
const recordable = ({ selfRegistered }: AppRegistration, fields: FieldChanges): FieldChanges =>
  selfRegistered ? shortenChanges(fields) : fields

const IS_LEAVING =
  'was removed, and is free again once the server has cleaned up what was issued to it; try again in a few minutes'

/** Registers an app. @throws Refused `invalid_change`, or `conflict` when the ApplicationUri is taken */
export async function registerApp(
  unit: Unit,
  wanted: AppRegistration,
  context: ChangeContext,
): Promise<AppRegistration> {
  const app = await validateApp(wanted, unit, context)
  if (!(await unit.apps.add(app, context.now))) {
    const isLeaving = (await unit.apps.beingRemoved([app.applicationUri])).has(app.applicationUri)
    const reason = `${app.applicationUri} ${isLeaving ? IS_LEAVING : 'is already registered'}`
    throw conflict([{ attribute: 'ApplicationUri', reason }])
  }
  const detail = { fields: recordable(app, fieldChanges({}, showRegistration(app))) }
  await recordChange(unit, { event: 'app_registered', app: app.applicationUri, detail }, context)
  return app
}

interface Changed {
  readonly before: TrustedApplication
  readonly after: TrustedApplication
}

/** Stores a record that an administrator changed; an app that registered itself does not undo that. @throws Refused */
export async function updateApp(
  unit: Unit & Pick<Repositories, 'selfRegistrations'>,
  wanted: AppRegistration,
  context: ChangeContext,
): Promise<Changed> {
  const { before, after } = await storeChange(unit, wanted, context)
  const own = after.selfRegistered ? await unit.selfRegistrations.find(after.applicationUri) : undefined
  if (own !== undefined) {
    const decided = [...new Set([...own.decided, ...decidedBetween(before, after)])]
    await unit.selfRegistrations.update(after.applicationUri, { ...own, decided })
  }
  return { before, after }
}

/** Stores a changed record, whoever changed it. @throws Refused */
export async function storeChange(unit: Unit, wanted: AppRegistration, context: ChangeContext): Promise<Changed> {
  const before = await requireApp(unit, wanted.applicationUri)
  if (wanted.selfRegistered !== before.selfRegistered)
    throw invalidChange([{ attribute: 'SelfRegistered', reason: 'can never change' }])
  const registration = await validateApp(wanted, unit, context, before)
  const fields = fieldChanges(showRegistration(before), showRegistration(registration))
  if (Object.keys(fields).length === 0) return { before, after: before }
  await unit.apps.update(registration, context.now)
  if (!needsReadableSecret(registration)) await unit.apps.forgetSealedSecrets(wanted.applicationUri)
  const secretsEnded = registration.clientType === 'Confidential' ? [] : await endSecrets(before, unit, context)
  const detail = { fields: recordable(before, fields), ...(secretsEnded.length > 0 ? { secretsEnded } : {}) }
  await recordChange(unit, { event: 'app_updated', app: wanted.applicationUri, detail }, context)
  return { before, after: await requireApp(unit, wanted.applicationUri) }
}

/** Only a Confidential app has secrets; old ones must not work again should it become one. @returns their ids */
async function endSecrets(
  { applicationUri, secrets }: TrustedApplication,
  { apps }: Unit,
  context: ChangeContext,
): Promise<string[]> {
  await apps.expireSecrets(applicationUri, context.now)
  await apps.dropExpiredSecrets(applicationUri, context.now)
  return secrets.map(({ id }) => id)
}

/** The kill switch of an app. @throws Refused */
export async function setAppEnabled(
  unit: Recorded,
  applicationUri: string,
  enabled: boolean,
  context: ChangeContext,
): Promise<{ before: TrustedApplication; after: TrustedApplication }> {
  const before = await requireApp(unit, applicationUri)
  if (before.isEnabled === enabled) return { before, after: before }
  await unit.apps.setEnabled(applicationUri, enabled, context.now)
  await recordChange(unit, { event: enabled ? 'app_enabled' : 'app_disabled', app: applicationUri }, context)
  return { before, after: await requireApp(unit, applicationUri) }
}

/** Forgets an app with everything issued to it. @throws Refused */
export async function removeApp(
  unit: Recorded & Pick<Unit, 'resources'>,
  applicationUri: string,
  context: ChangeContext,
): Promise<void> {
  const app = await requireApp(unit, applicationUri)
  await leaveResources(unit, applicationUri, context)
  await unit.apps.remove(applicationUri, context.now)
  const detail = { fields: recordable(app, fieldChanges(showRegistration(app), {})) }
  await recordChange(unit, { event: 'app_removed', app: applicationUri, detail }, context)
}
