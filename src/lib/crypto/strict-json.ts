import { parseForeignJson } from '../text/bounded-json.ts'

/**
 * Parses JSON that leaves no room for two readings: no byte order mark, no member named twice, and no more levels than are read.
 * @returns `undefined` for anything else
 */
export function parseStrictJson(text: string): { readonly value: unknown } | undefined {
  try {
    const value = parseForeignJson(text)
    return hasTwins(text) ? undefined : { value }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],]/g

/** Looks for a name that one object has twice; the text is known to be JSON. */
function hasTwins(text: string): boolean {
  // For each open object the names in it; for an array nothing.
  const open: (Set<unknown> | undefined)[] = []
  let nameNext = false
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(token === '{' ? new Set() : undefined)
    else if (token === '}' || token === ']') open.pop()
    const names = open.at(-1)
    if (token.startsWith('"') && nameNext && names) {
      const name: unknown = JSON.parse(token)
      if (names.has(name)) return true
      names.add(name)
    }
    nameNext = (token === '{' || token === ',') && names !== undefined
  }
  return false
}
