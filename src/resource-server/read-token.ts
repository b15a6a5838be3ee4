import type { FastifyRequest } from 'fastify'
import { invalidRequest } from './refused.ts'

const HEADERS = ['authorization', 'x-api-key', 'api-key']

// What RFC 6750 §2.1 allows in a token.
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/

/**
 * Takes the token from the one header that may hold it.
 * @returns `undefined` where none was sent
 * @throws Refused `invalid_request` for two at once, or for something that is not one token
 * @see RFC 6750 §2.1
 */
export function readToken({ raw }: Pick<FastifyRequest, 'raw'>): string | undefined {
  // Of two equal headers Node would keep the first, and a proxy perhaps the second.
  const sent = pairsOf(raw.rawHeaders).filter(([name]) => HEADERS.includes(name))
  const [first, second] = sent
  if (second !== undefined)
    throw invalidRequest('a token was sent twice: use one of Authorization, X-Api-Key and Api-Key, once')
  if (first === undefined) return undefined
  const [name, value] = first
  if (name !== 'authorization') return wellFormed(value.trim(), name === 'api-key' ? 'Api-Key' : 'X-Api-Key')
  // Another scheme is no attempt with a token.
  const [, credentials] = /^bearer(?:\s+(.*))?$/i.exec(value.trim()) ?? []
  return /^bearer(\s|$)/i.test(value.trim()) ? wellFormed(credentials ?? '', 'Authorization') : undefined
}

function wellFormed(token: string, header: string): string {
  if (TOKEN.test(token)) return token
  throw invalidRequest(`the header ${header} does not contain exactly one token`)
}

const pairsOf = (raw: readonly string[]): [string, string][] =>
  raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? '']] : []))
