import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseDatabaseUrl } from '../../lib/net/database-url.ts'
import { isOutOfReach } from '../engine/postgres-pool.ts'
import { openPlace } from '../transfer/place.ts'
import { type Check, failed, messageOf } from './check.ts'
import { checkPostgres } from './check-postgres.ts'
import type { AtHand } from './check-sealed.ts'
import { checkSqlite } from './check-sqlite.ts'
import { checkContents } from './contents.ts'
import { checkFile } from './sqlite-file.ts'

/**
 * Looks at a database from the outside in, and stops where going on makes no sense. It works on one that cannot be served, and
 * makes or mends nothing.
 * @param master what everything sealed has to open under
 */
export async function checkDatabase(url: string, now: number, master: AtHand): Promise<Check[]> {
  const address = parseDatabaseUrl(url)
  if (address.kind === 'postgres') return look([], url, now, master)
  const path = resolve(address.path)
  const outside = checkFile(path)
  if (!existsSync(path)) return outside
  const checks = [...outside, ...checkSqlite(path)]
  const isReadable = !checks.some(({ name, passed }) => !passed && ['opens', 'instance', 'integrity'].includes(name))
  return isReadable ? look(checks, url, now, master) : checks
}

async function look(before: readonly Check[], url: string, now: number, master: AtHand): Promise<Check[]> {
  const place = openPlace(url, 'read')
  try {
    const own = parseDatabaseUrl(url).kind === 'postgres' ? await checkPostgres(place.db) : []
    return [...before, ...own, ...(await checkContents(place.db, now, master))]
  } catch (error) {
    const remedy = isOutOfReach(error)
      ? 'check that the database server runs, and TESSERA_DATABASE_URL'
      : 'check the rights of its user'
    return [...before, failed('opens', messageOf(error), remedy)]
  } finally {
    await place.close()
  }
}
