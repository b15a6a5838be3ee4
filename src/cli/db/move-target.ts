import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Config } from '../../config/read-config.ts'
import { DatabaseUrlFault, parseDatabaseUrl } from '../../lib/net/database-url.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { wrongUsage } from '../kit/problem.ts'

/** Where a move goes, by a flag, a file or the environment. */
export interface TargetFlags {
  readonly to?: string
  readonly toUrlFile?: string
}

/**
 * The URL of the target, from the one place that names it. An argument is read by everybody on the machine, so it holds no password.
 * @throws Problem
 */
export function targetOf({ to, toUrlFile }: TargetFlags, { database }: Pick<Config, 'database'>): string {
  if (to !== undefined && toUrlFile !== undefined) throw wrongUsage('give either --to or --to-url-file')
  if (to !== undefined) {
    requireUrl(to, '--to')
    const address = parseDatabaseUrl(to)
    if (address.kind === 'postgres' && address.password !== undefined)
      throw wrongUsage(
        '--to: every user of this machine can read a password among the arguments of a process; leave it out and ' +
          'put the whole URL into a file of your own (--to-url-file) or into TESSERA_MOVE_TO',
      )
    return to
  }
  if (toUrlFile !== undefined) return fromFile(toUrlFile)
  if (database.moveTo === '') throw wrongUsage('--to, --to-url-file, TESSERA_MOVE_TO or --undo is expected')
  return database.moveTo
}

/** The fault of a URL never repeats the URL. */
function requireUrl(text: string, source: string): void {
  try {
    parseDatabaseUrl(text)
  } catch (error) {
    if (error instanceof DatabaseUrlFault) throw wrongUsage(`${source} ${error.message}`)
    throw error
  }
}

function fromFile(file: string): string {
  const text = readPrivate(file).trim()
  requireUrl(text, `${file}:`)
  return text
}

function readPrivate(file: string): string {
  try {
    if ((statSync(file).mode & 0o077) === 0) return readFileSync(file, 'utf8')
  } catch (error) {
    throw wrongUsage(`--to-url-file: ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw wrongUsage(
    `--to-url-file: users other than the owner can read ${file}; fix it with: chmod 600 ${shellWord(resolve(file))}`,
  )
}
