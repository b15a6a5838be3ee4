import { newSecret, type Random } from '../../../lib/crypto/secrets.ts'

const PREFIX = 'enat_'

/** A new access token that says nothing by itself. */
export const newOpaqueToken = (random: Random): string => `${PREFIX}${newSecret(random)}`

export const looksLikeOpaqueToken = (value: string): boolean => /^enat_[A-Za-z0-9_-]{43}$/.test(value)
