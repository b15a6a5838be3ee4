import { isValidSecret, needsReadableSecret } from '../../domain/apps/app-secret.ts'
import type { AppSecret, NewAppSecret, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { isoTime } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { notThere } from '../change/refuse-change.ts'
import { requireApp } from './apps.ts'
import { requireConfidential, requireRoomForSecret, requireSoundSecret } from './secret-rules.ts'

type Unit = Pick<Repositories, 'apps' | 'auditEvents'>

/** Takes an app from the secret it has to a new one. */
interface SecretRotation {
  readonly secret: NewAppSecret
  /** Milliseconds the present secret stays valid; 0 ends it at once. */
  readonly overlap: number
}

/** Gives an app one more secret. @throws Refused when the app can have none, or no more */
export async function addAppSecret(
  unit: Unit,
  applicationUri: string,
  secret: NewAppSecret,
  context: ChangeContext,
): Promise<void> {
  const app = await requireApp(unit, applicationUri)
  requireConfidential(app)
  requireSoundSecret(app, secret, context.now)
  requireRoomForSecret(app, context.now)
  await unit.apps.dropExpiredSecrets(applicationUri, context.now)
  await unit.apps.addSecret(applicationUri, asKept(secret, app))
  await recordChange(unit, { event: 'app_secret_added', app: applicationUri, detail: describeSecret(secret) }, context)
}

/**
 * Gives an app a new secret and the present ones an end.
 * @returns until when the previous secret is valid; `undefined` when there was none
 * @throws Refused when the app can have none, or when two are valid already and shall stay so
 */
export async function rotateAppSecret(
  unit: Unit,
  applicationUri: string,
  { secret, overlap }: SecretRotation,
  context: ChangeContext,
): Promise<number | undefined> {
  const app = await requireApp(unit, applicationUri)
  requireConfidential(app)
  requireSoundSecret(app, secret, context.now)
  if (overlap > 0) requireRoomForSecret(app, context.now)
  const previous = app.secrets.filter((known) => isValidSecret(known, context.now))
  await unit.apps.expireSecrets(applicationUri, context.now + overlap)
  await unit.apps.dropExpiredSecrets(applicationUri, context.now)
  await unit.apps.addSecret(applicationUri, asKept(secret, app))
  const ends = previous.map(({ expiresAt }) => Math.min(expiresAt ?? Infinity, context.now + overlap))
  const until = ends.length === 0 ? undefined : Math.max(...ends)
  const detail = {
    ...describeSecret(secret),
    previous: previous.map(({ id }) => id),
    previousExpiresAt: until === undefined ? null : isoTime(until),
  }
  await recordChange(unit, { event: 'app_secret_added', app: applicationUri, detail }, context)
  return until
}

/** Nothing but the hash is kept, unless the app makes MACs with the secret. */
const asKept = (secret: NewAppSecret, app: TrustedApplication): NewAppSecret =>
  needsReadableSecret(app) ? secret : { ...secret, sealed: undefined }

/** Ends one secret of an app for good. @throws Refused when the app has no such secret */
export async function removeAppSecret(
  unit: Unit,
  applicationUri: string,
  id: string,
  context: ChangeContext,
): Promise<AppSecret> {
  const app = await requireApp(unit, applicationUri)
  const secret = app.secrets.find((known) => known.id === id)
  if (!secret) {
    const reason = `${applicationUri} has no secret with the id ${JSON.stringify(id)}`
    throw notThere([{ attribute: 'Id', reason }])
  }
  await unit.apps.removeSecret(applicationUri, id)
  await recordChange(
    unit,
    { event: 'app_secret_removed', app: applicationUri, detail: describeSecret(secret) },
    context,
  )
  return secret
}

/** What may be told of a secret: never the secret, nor its hash. */
export const describeSecret = ({ id, label, expiresAt }: NewAppSecret) => ({
  secret: id,
  label: label ?? null,
  expiresAt: expiresAt === undefined ? null : isoTime(expiresAt),
})
