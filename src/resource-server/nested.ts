/** The deepest nesting of JSON that is read. */
const DEEPEST = 16

/** Whether lists and objects of a JSON text lie deeper in one another than is read. */
export function isNestedTooDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const sign = text.charAt(at)
    if (quoted && sign === '\\') at += 1
    else if (sign === '"') quoted = !quoted
    else if (quoted) continue
    else if (sign === '[' || sign === '{') depth += 1
    else if (sign === ']' || sign === '}') depth -= 1
    if (depth > DEEPEST) return true
  }
  return false
}

/** Whether an object of a JSON text names a member twice, so that two readers could take it for two things. */
export function hasTwinNames(text: string): boolean {
  // For each open object the names in it; for a list nothing.
  const open: (Set<string> | undefined)[] = []
  let nameNext = false
  for (let at = 0; at < text.length; at++) {
    const sign = text.charAt(at)
    if (sign === '"') {
      const end = endOfText(text, at)
      const names = nameNext ? open.at(-1) : undefined
      const name = names && nameIn(text.slice(at, end + 1))
      if (name !== undefined && names?.has(name)) return true
      if (name !== undefined) names?.add(name)
      nameNext = false
      at = end
    } else if (sign === '{' || sign === '[') {
      open.push(sign === '{' ? new Set() : undefined)
      nameNext = sign === '{'
    } else if (sign === '}' || sign === ']') open.pop()
    else if (sign === ',') nameNext = open.at(-1) !== undefined
  }
  return false
}

function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const sign = text.charAt(at)
    if (sign === '\\') at += 1
    else if (sign === '"') return at
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
