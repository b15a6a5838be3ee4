/** Columns of a line in the documents; no line may have more than 140. */
const WIDTH = 120

/**
 * Breaks a text into lines of the documents. A piece of `code` is never broken, so that it can be searched for.
 * @param indent put before every line but the first
 */
export function wrap(text: string, indent = '', width = WIDTH): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? []) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.trimStart().length + indent.length > width && line.trim() !== '') {
      lines.push(line)
      line = word
    } else {
      line = longer
    }
  }
  return [...lines, line].join(`\n${indent}`)
}
