import { createHmac } from 'node:crypto'
import type { Sector } from '../../../domain/apps/sector.ts'
import type { User } from '../../../domain/users/user.ts'
import type { LastingKeys } from '../../../lib/crypto/lasting-keys.ts'
import type { SealingKey } from '../../../lib/crypto/sealed-box.ts'

/** What an instance's tokens have in common. */
export interface TokenProfile {
  readonly issuer: string
  /** Name of the instance's database, the `db` claim. */
  readonly instance: string
  /** Compatibility: `scope` as an array instead of one string. */
  readonly scopeAsArray: boolean
  /** Compatibility: `sub` is the login instead of the stable id. */
  readonly subjectAsLogin: boolean
  /** Compatibility: `profile` brings the e-mail too. */
  readonly profileWithEmail: boolean
  /** What makes the subjects of pairwise apps; nobody else can compute them. */
  readonly pairwiseKey: SealingKey
}

/** Adds to the configuration what the instance has for good. */
export const completeProfile = <T>(tokens: T, lastingKeys: LastingKeys): T & Pick<TokenProfile, 'pairwiseKey'> => ({
  ...tokens,
  pairwiseKey: lastingKeys['pairwise-subjects'],
})

/** The `sub` of a person's tokens, which a sector has for itself. @see OIDC Core §2, §8.1 */
export function subjectOf(
  user: User,
  sector: Sector,
  { subjectAsLogin, pairwiseKey }: Pick<TokenProfile, 'subjectAsLogin' | 'pairwiseKey'>,
): string {
  if (sector !== undefined) return pairwiseSubject(user.id, sector, pairwiseKey)
  return subjectAsLogin ? user.login : user.id
}

/** Written as a UUID (RFC 9562 §5.8), as the ids of users are: no `client_id` may look like one. @see OIDC Core §8.1 */
function pairwiseSubject(id: string, sector: string, key: SealingKey): string {
  const mac = createHmac('sha256', key)
    .update(JSON.stringify([sector, id]))
    .digest()
  mac[6] = ((mac[6] ?? 0) & 0x0f) | 0x80
  mac[8] = ((mac[8] ?? 0) & 0x3f) | 0x80
  return mac.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Who found out who the person is: this server itself. */
export const IDP = 'local'
