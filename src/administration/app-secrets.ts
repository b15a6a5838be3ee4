import { isValidSecret } from '../domain/app-secret.ts'
import type { AppSecret } from '../domain/trusted-application.ts'
import { newId } from '../lib/secrets.ts'
import type { Repositories } from '../repositories/store.ts'
import { requireApp } from './apps.ts'
import { type By, recordChange } from './record-change.ts'
import { addAppSecret, describeSecret, removeAppSecret } from './secrets.ts'

type Unit = Pick<Repositories, 'apps' | 'users' | 'resources' | 'settings' | 'auditEvents'>

/** A secret as an administrator describes it. */
export type SecretDescription = Pick<AppSecret, 'hash' | 'label' | 'expiresAt'>

/** Gives an app exactly these secrets; those that have ended count neither before nor after. @throws ChangeRefused */
export async function setAppSecrets(
  unit: Unit,
  applicationUri: string,
  wanted: readonly SecretDescription[],
  by: By,
): Promise<void> {
  const { secrets } = await requireApp(unit, applicationUri)
  const valid = wanted.filter((secret) => isValidSecret(secret, by.now))
  for (const { id, hash } of secrets.filter((secret) => isValidSecret(secret, by.now))) {
    if (valid.some((secret) => secret.hash === hash)) continue
    await removeAppSecret(unit, applicationUri, id, by)
  }
  for (const secret of valid) {
    const known = secrets.find(({ hash }) => hash === secret.hash)
    if (known) await changeSecret(unit, applicationUri, known, secret, by)
    else await addAppSecret(unit, applicationUri, { ...secret, id: newId(), createdAt: by.now }, by)
  }
}

async function changeSecret(
  unit: Unit,
  applicationUri: string,
  known: AppSecret,
  { label, expiresAt }: SecretDescription,
  by: By,
): Promise<void> {
  if (label === known.label && expiresAt === known.expiresAt) return
  await unit.apps.updateSecret(known.id, { label, expiresAt })
  const detail = describeSecret({ ...known, label, expiresAt })
  await recordChange(unit, { event: 'app_secret_changed', app: applicationUri, detail }, by)
}
