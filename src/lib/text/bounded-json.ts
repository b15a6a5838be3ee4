/** The deepest nesting that is read; what is sent, fetched or signed here has half of that. */
export const DEEPEST_JSON = 16

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT, COMMA] = [...'"\\[]{},'].map((sign) =>
  sign.charCodeAt(0),
)

/** Whether lists and objects of a JSON text lie deeper in one another than is read; counted, so that no depth costs a stack. */
export function isNestedTooDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const sign = text.charCodeAt(at)
    if (quoted && sign === BACKSLASH) at += 1
    else if (sign === QUOTE) quoted = !quoted
    else if (quoted) continue
    else if (sign === OPEN_LIST || sign === OPEN_OBJECT) depth += 1
    else if (sign === CLOSE_LIST || sign === CLOSE_OBJECT) depth -= 1
    if (depth > DEEPEST_JSON) return true
  }
  return false
}

/**
 * Whether an object of a JSON text names a member twice, so that two readers could take it for two things; where the text is no JSON
 * the answer means nothing.
 */
export function hasTwinNames(text: string): boolean {
  // For each open object the names in it; for a list nothing.
  const open: (Set<string> | undefined)[] = []
  let nameNext = false
  for (let at = 0; at < text.length; at++) {
    const sign = text.charCodeAt(at)
    if (sign === QUOTE) {
      const end = endOfText(text, at)
      const names = nameNext ? open.at(-1) : undefined
      if (names) {
        const name = nameIn(text.slice(at, end + 1))
        if (names.has(name)) return true
        names.add(name)
      }
      nameNext = false
      at = end
    } else if (sign === OPEN_OBJECT || sign === OPEN_LIST) {
      open.push(sign === OPEN_OBJECT ? new Set() : undefined)
      nameNext = sign === OPEN_OBJECT
    } else if (sign === CLOSE_OBJECT || sign === CLOSE_LIST) open.pop()
    else if (sign === COMMA) nameNext = open.at(-1) !== undefined
  }
  return false
}

/** Where the quote is that ends a text; the last sign where there is none. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const sign = text.charCodeAt(at)
    if (sign === BACKSLASH) at += 1
    else if (sign === QUOTE) return at
  }
  return text.length - 1
}

/** One name may be spelled in several ways. */
function nameIn(quoted: string): string {
  if (!quoted.includes('\\')) return quoted
  try {
    return JSON.stringify(JSON.parse(quoted))
  } catch {
    return quoted
  }
}

/**
 * Parses JSON that somebody else has written.
 * @throws SyntaxError for what is no JSON, names a member twice, or is nested too deep for everything that goes through it afterwards
 */
export function parseForeignJson(text: string): unknown {
  if (isNestedTooDeep(text)) throw new SyntaxError(`JSON is nested more than ${DEEPEST_JSON} levels deep`)
  const value: unknown = JSON.parse(text)
  if (hasTwinNames(text)) throw new SyntaxError('JSON names a member twice')
  return value
}
