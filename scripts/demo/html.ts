/** Text that is HTML already; everything else is escaped on its way into a page. */
export interface Html {
  readonly html: string
}

type Part = string | number | Html | readonly Html[]

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escapeText = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? character)

function write(part: Part): string {
  if (typeof part === 'string' || typeof part === 'number') return escapeText(String(part))
  return 'html' in part ? part.html : part.map(({ html }) => html).join('')
}

/** Template tag that escapes every value, so that no claim or error text can become markup. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  html: strings.reduce((page, string, index) => page + write(parts[index - 1] ?? '') + string),
})
