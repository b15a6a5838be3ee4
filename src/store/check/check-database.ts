import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseDatabaseUrl } from '../../lib/net/database-url.ts'
import { isOutOfReach } from '../engine/postgres-pool.ts'
import { settingsOn } from '../repositories/instance/settings.ts'
import { type StoredSigningKey, signingKeysOn } from '../repositories/tokens/signing-keys.ts'
import { openPlace, type Place } from '../transfer/place.ts'
import { type Check, failed, messageOf } from './check.ts'
import { checkPostgres } from './check-postgres.ts'
import { checkSqlite } from './check-sqlite.ts'
import { checkContents } from './contents.ts'
import { checkFile } from './sqlite-file.ts'

/** What the master key has to fit. */
export interface Sealed {
  readonly mark: string | undefined
  readonly keys: readonly StoredSigningKey[]
}

/**
 * Looks at a database from the outside in, and stops where going on makes no sense. It works on one that cannot be served, and
 * makes or mends nothing.
 * @returns the checks, and what is sealed where it could be read
 */
export async function checkDatabase(
  url: string,
  now: number,
): Promise<{ checks: Check[]; sealed: Sealed | undefined }> {
  const address = parseDatabaseUrl(url)
  if (address.kind === 'postgres') return look([], url, now)
  const path = resolve(address.path)
  const outside = checkFile(path)
  if (!existsSync(path)) return { checks: outside, sealed: undefined }
  const checks = [...outside, ...checkSqlite(path)]
  const isReadable = !checks.some(({ name, passed }) => !passed && ['opens', 'instance', 'integrity'].includes(name))
  return isReadable ? look(checks, url, now) : { checks, sealed: undefined }
}

async function look(before: readonly Check[], url: string, now: number) {
  const place = openPlace(url, 'read')
  try {
    const own = parseDatabaseUrl(url).kind === 'postgres' ? await checkPostgres(place.db) : []
    const contents = await checkContents(place.db, now)
    const schema = contents.some(({ name, passed }) => name === 'schema' && !passed)
    return { checks: [...before, ...own, ...contents], sealed: schema ? undefined : await readSealed(place) }
  } catch (error) {
    const remedy = isOutOfReach(error)
      ? 'check that the database server runs, and TESSERA_DATABASE_URL'
      : 'check the rights of its user'
    return { checks: [...before, failed('opens', messageOf(error), remedy)], sealed: undefined }
  } finally {
    await place.close()
  }
}

const readSealed = async ({ db }: Place): Promise<Sealed> => ({
  mark: await settingsOn(db).get('master-key-mark'),
  keys: await signingKeysOn(db).list(),
})
