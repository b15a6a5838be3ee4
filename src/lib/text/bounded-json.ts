/** The deepest nesting that is read; what is sent, fetched or signed here has half of that. */
export const DEEPEST_JSON = 16

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [...'"\\[]{}'].map((sign) =>
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
 * Parses JSON that somebody else has written.
 * @throws SyntaxError for what is no JSON, and for what is nested too deep for everything that goes through it afterwards
 */
export function parseForeignJson(text: string): unknown {
  if (isNestedTooDeep(text)) throw new SyntaxError(`JSON is nested more than ${DEEPEST_JSON} levels deep`)
  return JSON.parse(text)
}
