import { parseForeignJson } from '../text/bounded-json.ts'

/**
 * Parses JSON that leaves no room for two readings: no byte order mark, no member named twice, and no more levels than are read.
 * @returns `undefined` for anything else
 */
export function parseStrictJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseForeignJson(text) }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
