import type { Command } from 'commander'
import stringWidth from 'string-width'
import { globalsOf } from './globals.ts'
import { type Terminal, terminalOf } from './terminal.ts'

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** JSON that does nothing to a terminal: strangers' values may hold control characters or turn the direction of text. */
export const jsonText = (document: unknown, indent?: number): string =>
  JSON.stringify(document, undefined, indent).replace(/[\x7f-\x9f\u2028\u2029\p{Bidi_Control}]/gu, escaped)

/** Prints the result: with --json exactly one document, else the text for people. */
export function print(command: Command, document: unknown, text: string): void {
  terminalOf(command).stdout.write(globalsOf(command).json ? `${jsonText(document, 2)}\n` : `${text}\n`)
}

/** Prints a part of a long result. @returns whether anybody takes more */
export const printPart = (command: Command, text: string): Promise<boolean> =>
  new Promise((resolve) => terminalOf(command).stdout.write(text, (error) => resolve(!error)))

/** Says something beside the result; scripts that read stdout never see it. */
export const note = (command: Command, line: string): void => noteAt(terminalOf(command), line)

const noteAt = ({ stderr }: Pick<Terminal, 'stderr'>, line: string): void => void stderr.write(`${visible(line)}\n`)

/** Says why nothing was done; with --json as one document for scripts. */
export function reportFailure(
  terminal: Pick<Terminal, 'stderr'>,
  lines: readonly string[],
  exitCode: number,
  json: boolean | undefined,
): void {
  if (json) terminal.stderr.write(`${JSON.stringify({ errors: withoutHelp(lines), exitCode }, undefined, 2)}\n`)
  else for (const line of lines) noteAt(terminal, line)
}

/** What is wrong, without the help that people get with it. */
function withoutHelp(lines: readonly string[]): string[] {
  const help = lines.findIndex((line) => line.startsWith('Usage:'))
  const said = (help < 0 ? lines : lines.slice(0, help)).filter((line) => line !== '')
  return said.length === 0 ? ['a command is missing; --help lists them all'] : said
}

/** Points at something unwise that was done all the same. */
export const warn = (command: Command, line: string): void => note(command, `warning: ${line}`)

/** Prints the result of a change, and beside it what is unwise about it; scripts find that in the document, too. */
export function printWarned(
  command: Command,
  document: Readonly<Record<string, unknown>>,
  text: string,
  warnings: readonly string[],
): void {
  print(command, { ...document, warnings }, text)
  for (const warning of warnings) warn(command, warning)
}

// What people typed elsewhere must neither move the cursor here nor turn the direction of the line.
const visible = (text: string): string => text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, '?')

/** Lines up rows of cells in columns, two spaces apart, whatever width their characters have on a terminal. */
export function columns(rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map(visible))
  const widths = (shown[0] ?? []).map((_, column) =>
    shown.reduce((widest, row) => Math.max(widest, stringWidth(row[column] ?? '')), 0),
  )
  const pad = (cell: string, column: number): string =>
    cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - stringWidth(cell)))
  return shown.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}

/** A table with a heading, or a sentence when there is nothing to list. */
export const table = (heading: readonly string[], rows: readonly (readonly string[])[], whenEmpty: string): string =>
  rows.length === 0 ? whenEmpty : columns([heading.map((title) => title.toUpperCase()), ...rows])

/** Names and values below one another; a value of several lines keeps its column. */
export const block = (entries: readonly (readonly [name: string, value: string | readonly string[]])[]): string =>
  columns(
    entries.flatMap(([name, value]) => {
      const [first = '-', ...more] = [value].flat().filter((line) => line !== '')
      return [[`  ${name}`, first], ...more.map((line) => ['', line])]
    }),
  )
