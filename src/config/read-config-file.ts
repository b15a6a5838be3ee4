import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigurationFaults } from './configuration-faults.ts'

/** A `NAME=value` of a configuration file. */
export interface FileLine {
  readonly name: string
  readonly value: string
  /** Counted from 1. */
  readonly line: number
}

const BLANK = /^\s*(#|$)/
const ASSIGNMENT = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*)$/
const OWN = /^\s*(?:export\s+)?TESSERA_\w*\s*=/
// What may stand behind `=` at the end of a line of base64 is no setting.
const ANY_SETTING = /^\s*(?:export\s+[A-Z_][A-Z0-9_]*=|[A-Z_][A-Z0-9_]*=(?!=?["'`]?\s*(?:#|$)))/
const QUOTES: readonly string[] = ['"', "'", '`']

/** Reads a configuration file; what is in quotes may go over several lines. @throws ConfigurationFaults naming every line that is none */
export function readConfigFile(file: string): FileLine[] {
  const lines = readText(file).split(/\r?\n/)
  const faults: string[] = []
  const read: FileLine[] = []
  let unclosed: number | undefined
  for (let index = 0; index < lines.length; index++) {
    const text = lines[index] ?? ''
    if (BLANK.test(text)) continue
    const [, name, value = ''] = ASSIGNMENT.exec(text) ?? []
    const line = index + 1
    if (name === undefined) {
      // The parser skips what it cannot read, and a setting in it would be missing without a word.
      const why = unclosed === undefined ? '' : `; the quote that line ${unclosed} opens is not closed`
      faults.push(`line ${line} of ${file} is not NAME=value${why}`)
      continue
    }
    const isOwn = OWN.test(text)
    const more = linesToQuote(value, lines.slice(line), isOwn)
    if (more === undefined) unclosed = line
    const whole = lines.slice(index, line + (more ?? 0)).join('\n')
    // A value of another program is its own affair.
    if (isOwn && more === undefined) faults.push(`line ${line} of ${file} opens a quote that is not closed`)
    else if (isOwn && hasTextBehindQuote(whole))
      faults.push(`line ${line + (more ?? 0)} of ${file} has more than a comment behind the closing quote`)
    read.push({ name, value: parseEnv(whole)[name] ?? '', line })
    index += more ?? 0
  }
  if (faults.length > 0) throw new ConfigurationFaults(faults)
  return read
}

/** How many further lines a value has, or `undefined` for a quote that nothing closes before the next setting. */
function linesToQuote(value: string, following: readonly string[], isOwn: boolean): number | undefined {
  const quote = QUOTES.find((one) => value.startsWith(one))
  if (quote === undefined || value.includes(quote, 1)) return 0
  const begins = (text: string): boolean => OWN.test(text) || (isOwn && ANY_SETTING.test(text))
  const closing = following.findIndex((text) => text.includes(quote) || begins(text))
  return closing < 0 || begins(following[closing] ?? '') ? undefined : closing + 1
}

/** Whether the parser would drop something without a word. */
function hasTextBehindQuote(assignment: string): boolean {
  const value = assignment.slice(assignment.indexOf('=') + 1).trimStart()
  const quote = QUOTES.find((one) => value.startsWith(one))
  return quote !== undefined && !/^\s*(?:#|$)/.test(value.slice(value.indexOf(quote, 1) + 1))
}

/** Without the mark that some editors put before the first line. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '')
  } catch (error) {
    throw new ConfigurationFaults([`the configuration file ${file} cannot be read: ${(error as Error).message}`])
  }
}
