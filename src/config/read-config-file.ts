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
const ASSIGNMENT = /^\s*(?:export\s+)?([\w.-]+)\s*=/

/** Reads a configuration file line by line. @throws ConfigurationFaults naming every line that is none */
export function readConfigFile(file: string): FileLine[] {
  const lines = readText(file).split(/\r?\n/)
  // The parser skips what it cannot read, and a setting in it would be missing without a word.
  const faults = lines
    .map((text, index) =>
      BLANK.test(text) || ASSIGNMENT.test(text) ? '' : `line ${index + 1} of ${file} is not NAME=value`,
    )
    .filter((fault) => fault !== '')
  if (faults.length > 0) throw new ConfigurationFaults(faults)
  return lines.flatMap((text, index) => {
    const [, name] = (BLANK.test(text) ? undefined : ASSIGNMENT.exec(text)) ?? []
    return name === undefined ? [] : [{ name, value: parseEnv(text)[name] ?? '', line: index + 1 }]
  })
}

/** Without the mark that some editors put before the first line. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '')
  } catch (error) {
    throw new ConfigurationFaults([`the configuration file ${file} cannot be read: ${(error as Error).message}`])
  }
}
