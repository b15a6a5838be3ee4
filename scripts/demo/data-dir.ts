import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DemoProblem } from './problem.ts'

/** What an app was registered with; a Public app has no secret. */
export interface AppRecord {
  readonly clientSecret: string | undefined
  readonly redirectUri: string | undefined
}

/** What must be known again at the next start: passwords by login, apps by client_id. */
export interface DemoRecords {
  readonly passwords: Record<string, string>
  readonly apps: Record<string, AppRecord>
}

const recordsFile = (dataDir: string): string => join(dataDir, 'demo.json')

/**
 * Makes the data directory ready, empty if `reset` is asked for; a directory that is not the demo's is left alone.
 * @throws DemoProblem when the directory holds something else
 */
export function prepareDataDir(dataDir: string, reset: boolean): void {
  const isOurs = existsSync(recordsFile(dataDir))
  // A mistyped --data-dir must neither delete files nor put demo users into a real database.
  if (!isOurs && existsSync(dataDir) && readdirSync(dataDir).length > 0)
    throw new DemoProblem(
      `${dataDir} holds files that are not the demo's; name another directory with --data-dir <dir>.`,
    )
  if (reset) rmSync(dataDir, { recursive: true, force: true })
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  if (reset || !isOurs) saveRecords(dataDir, { passwords: {}, apps: {} })
}

/** Reads what earlier starts noted. */
export function loadRecords(dataDir: string): DemoRecords {
  try {
    const { passwords, apps } = JSON.parse(readFileSync(recordsFile(dataDir), 'utf8')) as Partial<DemoRecords>
    return { passwords: passwords ?? {}, apps: apps ?? {} }
  } catch {
    throw new DemoProblem(`${recordsFile(dataDir)} cannot be read; start afresh with --reset.`)
  }
}

/** Notes passwords and secrets, readable by their owner only; whole or not at all. */
export function saveRecords(dataDir: string, records: DemoRecords): void {
  const fresh = `${recordsFile(dataDir)}.new`
  writeFileSync(fresh, `${JSON.stringify(records, null, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, recordsFile(dataDir))
}
