import { isValidSecret, needsReadableSecret } from '../../domain/apps/app-secret.ts'
import type { AppSecret, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { SealedRow } from '../../lib/crypto/sealed-box.ts'
import { newId } from '../../lib/crypto/secrets.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { requireApp } from './apps.ts'
import { addAppSecret, describeSecret, removeAppSecret } from './secrets.ts'

type Unit = Pick<Repositories, 'apps' | 'users' | 'resources' | 'settings' | 'auditEvents'>

/** A secret as an administrator describes it. */
export type SecretDescription = Pick<AppSecret, 'hash' | 'label' | 'expiresAt'> & {
  /** Seals the secret for an id, where more is known of it than its hash. */
  readonly sealFor?: ((id: string) => SealedRow) | undefined
}

/** Gives an app exactly these secrets; those that have ended count neither before nor after. @throws Refused */
export async function setAppSecrets(
  unit: Unit,
  applicationUri: string,
  wanted: readonly SecretDescription[],
  context: ChangeContext,
): Promise<void> {
  const app = await requireApp(unit, applicationUri)
  const { secrets } = app
  const valid = wanted.filter((secret) => isValidSecret(secret, context.now))
  for (const { id, hash } of secrets.filter((secret) => isValidSecret(secret, context.now))) {
    if (valid.some((secret) => secret.hash === hash)) continue
    await removeAppSecret(unit, applicationUri, id, context)
  }
  for (const secret of valid) {
    const known = secrets.find(({ hash }) => hash === secret.hash)
    if (known) await changeSecret(unit, app, known, secret, context)
    else await addAppSecret(unit, applicationUri, describedSecret(newId(), secret, context.now), context)
  }
}

const describedSecret = (id: string, { hash, label, expiresAt, sealFor }: SecretDescription, now: number) => ({
  ...{ id, hash, label, expiresAt, createdAt: now },
  sealed: sealFor?.(id),
})

async function changeSecret(
  unit: Unit,
  app: TrustedApplication,
  known: AppSecret,
  { label, expiresAt, sealFor }: SecretDescription,
  context: ChangeContext,
): Promise<void> {
  const { applicationUri } = app
  if (known.sealed === undefined && sealFor && needsReadableSecret(app))
    await unit.apps.sealSecret(known.id, sealFor(known.id))
  if (label === known.label && expiresAt === known.expiresAt) return
  await unit.apps.updateSecret(known.id, { label, expiresAt })
  const detail = describeSecret({ ...known, label, expiresAt })
  await recordChange(unit, { event: 'app_secret_changed', app: applicationUri, detail }, context)
}
