import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const NONCE = 12
const TAG = 16

/** A 256-bit AES key that serves exactly one purpose. */
export type SealingKey = Buffer & { readonly brand: unique symbol }

/** Derives the key of one purpose, so that what is sealed for one can never be opened as another. @see RFC 5869 */
export const deriveKey = (secret: string | Buffer, purpose: string): SealingKey =>
  Buffer.from(hkdfSync('sha256', secret, '', `tessera:${purpose}`, 32)) as SealingKey

/**
 * Encrypts and authenticates a text (AES-256-GCM).
 * @param context what the box belongs to; opening it under another context fails
 * @returns base64url of nonce, tag and ciphertext
 */
export function seal(key: SealingKey, plaintext: string, context = ''): string {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG }).setAAD(Buffer.from(context))
  const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')
}

/** A box of a row: sealed within the unit of work that stores it, or read from there. */
export type SealedRow = string & { readonly brand: unique symbol }

/** Seals a text for a row; only for whoever knows that the key is in force until the row is stored. */
export const sealRow = (key: SealingKey, plaintext: string, context: string): SealedRow =>
  seal(key, plaintext, context) as SealedRow

/** Opens what `seal` made; `undefined` when the box was changed, or sealed under another key or context. */
export function open(key: SealingKey, box: string, context = ''): string | undefined {
  const bytes = Buffer.from(box, 'base64url')
  // Node reads base64url leniently; one box has one spelling.
  if (bytes.length < NONCE + TAG || bytes.toString('base64url') !== box) return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE), { authTagLength: TAG })
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes.subarray(NONCE, NONCE + TAG))
    return Buffer.concat([decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}
