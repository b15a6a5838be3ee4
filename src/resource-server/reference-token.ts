import { crc32 } from 'node:zlib'

export const looksLikeReferenceToken = (token: string): boolean => token.startsWith('enrt_')

export const looksLikeOpaqueToken = (token: string): boolean => token.startsWith('enat_')

/** Whether a reference token is whole: its last 8 digits are the CRC-32 of the 56 before; a typo costs no question. */
export function isWholeReferenceToken(token: string): boolean {
  const [, digits = '', checksum] = /^enrt_([0-9A-F]{56})([0-9A-F]{8})$/.exec(token) ?? []
  return checksum !== undefined && checksum === crc32(digits).toString(16).toUpperCase().padStart(8, '0')
}
