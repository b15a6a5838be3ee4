import { type Kysely, type Migration, Migrator, PostgresAdapter, sql } from 'kysely'
import * as foundation from '../../../db/migrations/0001-foundation.ts'
import * as operations from '../../../db/migrations/0002-operations.ts'
import * as storage from '../../../db/migrations/0003-storage.ts'
import * as moves from '../../../db/migrations/0004-moves.ts'
import * as referenceTokens from '../../../db/migrations/0005-reference-tokens.ts'
import * as requestedClaims from '../../../db/migrations/0006-requested-claims.ts'
import * as openidConnect from '../../../db/migrations/0007-openid-connect.ts'
import * as signInThrottle from '../../../db/migrations/0008-sign-in-throttle.ts'
import * as grantsInFlight from '../../../db/migrations/0009-grants-in-flight.ts'
import * as lists from '../../../db/migrations/0010-lists.ts'
import * as outbox from '../../../db/migrations/0011-outbox.ts'
import * as signOuts from '../../../db/migrations/0012-sign-outs.ts'
import * as bounded from '../../../db/migrations/0013-bounded.ts'
import * as masterKey from '../../../db/migrations/0014-master-key.ts'
import * as seats from '../../../db/migrations/0015-seats.ts'
import * as newestFirst from '../../../db/migrations/0016-newest-first.ts'
import * as resourceSites from '../../../db/migrations/0017-resource-sites.ts'
import * as foldedNames from '../../../db/migrations/0018-folded-names.ts'
import * as openResources from '../../../db/migrations/0019-open-resources.ts'
import * as localizedResources from '../../../db/migrations/0020-localized-resources.ts'
import * as signIns from '../../../db/migrations/0021-sign-ins.ts'
import type { Schema } from '../schema/schema.ts'
import { tablesOf } from '../schema/tables.ts'

/** Every migration in order; a new one is one file and one line. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-foundation': foundation,
  '0002-operations': operations,
  '0003-storage': storage,
  '0004-moves': moves,
  '0005-reference-tokens': referenceTokens,
  '0006-requested-claims': requestedClaims,
  '0007-openid-connect': openidConnect,
  '0008-sign-in-throttle': signInThrottle,
  '0009-grants-in-flight': grantsInFlight,
  '0010-lists': lists,
  '0011-outbox': outbox,
  '0012-sign-outs': signOuts,
  '0013-bounded': bounded,
  '0014-master-key': masterKey,
  '0015-seats': seats,
  '0016-newest-first': newestFirst,
  '0017-resource-sites': resourceSites,
  '0018-folded-names': foldedNames,
  '0019-open-resources': openResources,
  '0020-localized-resources': localizedResources,
  '0021-sign-ins': signIns,
}

/** The database was written by a newer Tessera than this one. */
export class NewerSchema extends Error {
  constructor(unknown: readonly string[]) {
    super(
      `the database was migrated by a newer version of Tessera (${unknown.join(', ')}); start that version, or restore a backup`,
    )
  }
}

/** The database is another program's. */
export class ForeignDatabase extends Error {
  /** Completes the sentence that names the database. */
  readonly reason: string

  constructor(found: string) {
    const reason = `holds ${found} of another program and no Tessera instance, and is left as it is; give Tessera a database of its own`
    super(`the database ${reason}`)
    this.reason = reason
  }
}

/** The database is older than this version, and whoever asked only reads. */
export class NotMigrated extends Error {
  constructor(pending: readonly string[]) {
    super(
      `the database is of an older version (pending: ${pending.join(', ')}), and commands that only read change nothing; restart the server with this version, or run tessera db migrate`,
    )
  }
}

/** The migrator makes these two before the first migration. */
const BEFORE_THE_FIRST = ['kysely_migration', 'kysely_migration_lock']

/** Whether any migration was ever run here; other schemas of a PostgreSQL database are none of ours. */
async function hasRun(db: Kysely<Schema>): Promise<boolean> {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  const tables = isPostgres
    ? sql`select 1 from pg_tables where schemaname = current_schema() and tablename = 'kysely_migration'`
    : sql`select 1 from sqlite_master where type = 'table' and name = 'kysely_migration'`
  return (await tables.execute(db)).rows.length > 0
}

export function migrationsOf(db: Kysely<Schema>) {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })

  async function applied(): Promise<string[]> {
    if (!(await hasRun(db))) return []
    const rows = await db
      .withTables<{ kysely_migration: { name: string } }>()
      .selectFrom('kysely_migration')
      .select('name')
      .orderBy('name')
      .execute()
    return rows.map((row) => row.name)
  }

  /** @throws NewerSchema, ForeignDatabase */
  async function status(): Promise<{ applied: string[]; pending: string[] }> {
    const done = await applied()
    const unknown = done.filter((name) => !Object.hasOwn(MIGRATIONS, name))
    // A newer Tessera has every migration of this one.
    if (unknown.length > 0 && unknown.length === done.length) throw new ForeignDatabase(`the migration ${unknown[0]}`)
    if (unknown.length > 0) throw new NewerSchema(unknown)
    if (done.length === 0) {
      const foreign = (await tablesOf(db)).find((name) => !BEFORE_THE_FIRST.includes(name))
      if (foreign !== undefined) {
        // Another node may have made an instance between the two looks.
        if ((await applied()).length > 0) return status()
        throw new ForeignDatabase(`the table ${foreign}`)
      }
    }
    return { applied: done, pending: Object.keys(MIGRATIONS).filter((name) => !done.includes(name)) }
  }

  return {
    status,
    /** @param upTo the last one to apply; all of them unless given */
    async migrate(upTo?: string): Promise<string[]> {
      if ((await status()).pending.length === 0) return []
      const { error, results } = await (upTo === undefined ? migrator.migrateToLatest() : migrator.migrateTo(upTo))
      if (error) throw error
      return (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName)
    },
  }
}
