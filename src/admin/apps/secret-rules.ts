import { isValidSecret, MOST_VALID_SECRETS, whyBadSecretHash } from '../../domain/apps/app-secret.ts'
import type { NewAppSecret, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { whyBadName } from '../../domain/records/readable-name.ts'
import type { Fault, Refused } from '../../domain/refusals/errors.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { isoTime } from '../../lib/time/clock.ts'
import { conflict, invalidChange } from '../change/refuse-change.ts'

const inTheWay = (reason: string): Refused => conflict([{ attribute: 'ApplicationSecretHash', reason }])

/** Only what proves itself with a secret has one. @throws Refused `conflict` */
export function requireConfidential({ applicationUri, clientType }: TrustedApplication): void {
  if (clientType === 'Confidential') return
  throw inTheWay(`${applicationUri} has ClientType ${clientType}; only a Confidential app has a secret`)
}

/** Checks one more secret by itself, and beside the ones the app has. @throws Refused */
export function requireSoundSecret(app: TrustedApplication, secret: NewAppSecret, now: number): void {
  const badHash = whyBadSecretHash(secret.hash)
  const badLabel = secret.label === undefined ? undefined : whyBadName(secret.label)
  const faults: Fault[] = [
    ...(badHash ? [{ attribute: 'ApplicationSecretHash', reason: badHash }] : []),
    ...(badLabel ? [{ attribute: 'Label', reason: badLabel }] : []),
    ...(isValidSecret(secret, now) ? [] : [{ attribute: 'ExpiresAt', reason: 'is not in the future' }]),
  ]
  if (faults.length > 0) throw invalidChange(faults)
  if (app.secrets.some(({ hash }) => hash === secret.hash))
    throw inTheWay(`${app.applicationUri} already has this secret`)
}

/** @throws Refused `conflict` when the app has as many valid secrets as it may have */
export function requireRoomForSecret({ applicationUri, secrets }: TrustedApplication, now: number): void {
  const valid = secrets.filter((secret) => isValidSecret(secret, now))
  if (valid.length < MOST_VALID_SECRETS) return
  const ends = valid.map(({ expiresAt }) => expiresAt).filter((end) => end !== undefined)
  const wait = ends.length === 0 ? '' : `wait until ${isoTime(Math.min(...ends))}, `
  const remedy = `${wait}remove one, or end both at once with: tessera app rotate-secret ${shellWord(applicationUri)} --overlap 0`
  throw inTheWay(`${applicationUri} already has two valid secrets; ${remedy}`)
}
