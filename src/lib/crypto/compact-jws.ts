import { decodeUtf8 } from '../text/utf8.ts'
import { parseStrictJson } from './strict-json.ts'

/** What a compact JWS says, before anything of it is proved. */
export interface CompactJws {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
}

/**
 * Reads a compact JWS whose payload is a JSON object. One JWS has one spelling: canonical base64url, sound UTF-8, unambiguous JSON.
 * An unsigned one has an empty last part.
 * @param longest characters
 * @returns `undefined` for anything else
 * @see RFC 7515 §7.1
 */
export function readCompactJws(text: string, longest: number): CompactJws | undefined {
  // Told apart by length before it is split: a million dots cost nothing.
  if (text.length > longest || !/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(text)) return undefined
  const parts = text.split('.')
  if (!parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)) return undefined
  const [header, payload] = parts.slice(0, 2).map(readObject)
  return header && payload && { header, payload }
}

function readObject(part: string): Readonly<Record<string, unknown>> | undefined {
  const text = decodeUtf8(Buffer.from(part, 'base64url'))
  const value = text === undefined ? undefined : parseStrictJson(text)?.value
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
}
