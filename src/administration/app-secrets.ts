import type { AppSecret } from '../domain/trusted-application.ts'
import { newId } from '../lib/secrets.ts'
import type { Repositories } from '../repositories/store.ts'
import { addAppSecret, requireApp } from './apps.ts'
import { type By, recordChange } from './record-change.ts'

type Unit = Pick<Repositories, 'apps' | 'users' | 'resources' | 'auditEvents'>

/** A secret as an administrator describes it. */
export type SecretDescription = Pick<AppSecret, 'hash' | 'label' | 'expiresAt'>

/** Does a secret open anything? @param now milliseconds since 1970 */
export const isValidAt = ({ expiresAt }: Pick<AppSecret, 'expiresAt'>, now: number): boolean =>
  expiresAt === undefined || expiresAt > now

/** Gives an app exactly these secrets; those that have ended count neither before nor after. @throws ChangeRefused */
export async function setAppSecrets(
  unit: Unit,
  applicationUri: string,
  wanted: readonly SecretDescription[],
  by: By,
): Promise<void> {
  const { secrets } = await requireApp(unit, applicationUri)
  const valid = wanted.filter((secret) => isValidAt(secret, by.now))
  for (const { id, hash } of secrets.filter((secret) => isValidAt(secret, by.now))) {
    if (valid.some((secret) => secret.hash === hash)) continue
    await unit.apps.removeSecret(applicationUri, id)
    await recordChange(unit, { event: 'app_secret_removed', app: applicationUri, detail: { secret: id } }, by)
  }
  for (const secret of valid) {
    const known = secrets.find(({ hash }) => hash === secret.hash)
    if (known) await describeSecret(unit, applicationUri, known, secret, by)
    else await addAppSecret(unit, applicationUri, { ...secret, id: newId(), createdAt: by.now }, by)
  }
}

async function describeSecret(
  unit: Unit,
  applicationUri: string,
  { id, label: oldLabel, expiresAt: oldEnd }: AppSecret,
  { label, expiresAt }: SecretDescription,
  by: By,
): Promise<void> {
  if (label === oldLabel && expiresAt === oldEnd) return
  await unit.apps.updateSecret(id, { label, expiresAt })
  const detail = { secret: id, label: label ?? null, expiresAt: expiresAt ?? null }
  await recordChange(unit, { event: 'app_secret_changed', app: applicationUri, detail }, by)
}
