import { type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseDatabaseUrl } from '../lib/net/database-url.ts'
import { ForeignDatabase } from './engine/migrations.ts'
import { MASTER_KEY_MARK } from './repositories/instance/master-key.ts'
import { settingsOn } from './repositories/instance/settings.ts'
import { openPlace, shownPlace } from './transfer/place.ts'
import { TransferRefused } from './transfer/refused.ts'

/** What there is where an instance is looked for. */
export interface Found {
  /** Where that is, without password. */
  readonly shown: string
  /** What is missing, in a few words; `undefined` where there is an instance. */
  readonly missing: string | undefined
  /** Whether the database was used with a master key, so that no other one is of use. */
  readonly keyed: boolean
}

/**
 * Looks whether a database holds an instance; it makes nothing, and changes nothing but what a killed process left half done.
 * @throws TransferRefused for a database of another program
 */
export async function findInstance(url: string): Promise<Found> {
  const shown = shownPlace(url)
  const missing = missingFile(url)
  // A folder in its place is for whoever opens it to complain about.
  if (missing !== undefined || isFolder(url)) return { shown, missing, keyed: false }
  const place = openPlace(url, 'look')
  try {
    const { applied } = await place.migrations.status()
    if (applied.length === 0)
      return {
        shown,
        missing: `the ${isFile(url) ? 'file' : 'database'} does not hold a Tessera instance`,
        keyed: false,
      }
    const mark = await settingsOn(place.db).get(MASTER_KEY_MARK)
    return { shown, missing: undefined, keyed: mark !== undefined }
  } catch (error) {
    if (error instanceof ForeignDatabase) throw new TransferRefused(`${shown} ${error.reason}`)
    throw error
  } finally {
    await place.close()
  }
}

function isFolder(url: string): boolean {
  const address = parseDatabaseUrl(url)
  return address.kind === 'file' && lookAt(resolve(address.path))?.isDirectory() === true
}

const isFile = (url: string): boolean => parseDatabaseUrl(url).kind === 'file'

function missingFile(url: string): string | undefined {
  const address = parseDatabaseUrl(url)
  if (address.kind !== 'file') return undefined
  const path = resolve(address.path)
  if (!isMissing(path)) return undefined
  const folder = dirname(path)
  return isMissing(folder)
    ? `the folder ${folder} does not exist`
    : `the folder ${folder} does not hold the file ${path.slice(folder.length).replace(/^\//, '')}`
}

const isMissing = (path: string): boolean => lookAt(path) === undefined

/** What may not be looked at is no reason to call it missing. */
function lookAt(path: string): Pick<Stats, 'isDirectory'> | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return { isDirectory: () => false }
  }
}
