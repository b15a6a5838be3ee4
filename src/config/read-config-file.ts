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
    const more = linesToQuote(value, lines.slice(line))
    if (more === undefined) unclosed = line
    // A value of another program is its own affair.
    if (more === undefined && OWN.test(text)) faults.push(`line ${line} of ${file} opens a quote that is not closed`)
    const whole = lines.slice(index, line + (more ?? 0)).join('\n')
    read.push({ name, value: parseEnv(whole)[name] ?? '', line })
    index += more ?? 0
  }
  if (faults.length > 0) throw new ConfigurationFaults(faults)
  return read
}

/** How many further lines a value has, or `undefined` for a quote that nothing closes before the next setting. */
function linesToQuote(value: string, following: readonly string[]): number | undefined {
  const quote = QUOTES.find((one) => value.startsWith(one))
  if (quote === undefined || value.includes(quote, 1)) return 0
  const closing = following.findIndex((text) => text.includes(quote) || OWN.test(text))
  return closing < 0 || OWN.test(following[closing] ?? '') ? undefined : closing + 1
}

/** Without the mark that some editors put before the first line. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '')
  } catch (error) {
    throw new ConfigurationFaults([`the configuration file ${file} cannot be read: ${(error as Error).message}`])
  }
}
