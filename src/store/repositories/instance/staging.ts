import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { StagedRecords } from '../../../domain/instance/staged-records.ts'
import { newId } from '../../../lib/crypto/secrets.ts'
import { toFlag } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { originRows, toColumns, toSecretRow } from '../apps/app-rows.ts'
import { identifierRows, toUserRow } from '../users/users.ts'
import { toAuditRow } from './audit-events.ts'
import { countChange } from './settings.ts'

// What an existing user keeps is left out: password, state and epoch.
const DETAILS = ['name', 'email', 'email_verified', 'locale', 'profile', 'is_admin', 'updated_at']

const DECLARED = ['registration', 'system_user_id', 'updated_at']

const changing = (key: string, columns: readonly string[]): string =>
  `on conflict (${key}) do update set ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`

/** Tables that take new rows, in an order in which none needs a later one. */
const TABLES = [
  ['users', changing('id', DETAILS)],
  ['user_identifiers', ''],
  ['trusted_applications', changing('application_uri', DECLARED)],
  ['app_secrets', ''],
  ['app_origins', ''],
  ['audit_events', ''],
] as const

type Table = (typeof TABLES)[number][0]

const ROWS_AT_ONCE = 500

function rowsOf({ users, apps, auditEvents }: StagedRecords): Record<Table, readonly object[]> {
  return {
    users: users.map(toUserRow),
    user_identifiers: users.flatMap(({ user }) => identifierRows(user)),
    trusted_applications: apps.map(({ registration, isEnabled, epoch, updatedAt }) => ({
      ...toColumns(registration),
      is_enabled: toFlag(isEnabled),
      epoch,
      created_at: updatedAt,
      updated_at: updatedAt,
    })),
    app_secrets: apps.flatMap(({ registration: { applicationUri }, secrets }) =>
      secrets.map((secret) => toSecretRow(applicationUri, secret)),
    ),
    app_origins: apps.flatMap(({ registration }) => originRows(registration)),
    audit_events: auditEvents.map(toAuditRow),
  }
}

/** Tables of one connection alone, which no other waits for: what is laid down there is put in by a few statements. */
export function stagingOn(db: Kysely<Schema>) {
  const run = (statement: string) => sql.raw(statement).execute(db)

  async function layList(name: string, like: string, rows: readonly object[]): Promise<void> {
    // What was laid down before, and not put in, is no more use.
    await run(`drop table if exists staged_${name}`)
    await run(`create temporary table staged_${name} as ${like} where 1 = 0`)
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
      const some = rows.slice(from, from + ROWS_AT_ONCE)
      await db
        .insertInto(`staged_${name}` as 'users')
        .values(some as never)
        .execute()
      await nextTurn()
    }
  }

  return {
    /** Lays rows down beside the tables, while everybody else writes. */
    async lay(records: StagedRecords): Promise<void> {
      const rows = rowsOf(records)
      for (const [table] of TABLES) await layList(table, `select * from ${table}`, rows[table])
      await layList(
        'released',
        'select user_id from user_identifiers',
        records.released.map((id) => ({ user_id: id })),
      )
      // Less may be allowed to an app than was.
      const ending = records.apps.flatMap(({ isNew, registration: { applicationUri } }) =>
        isNew ? [] : [{ id: newId(), application_uri: applicationUri }],
      )
      await layList('ending', 'select id, application_uri from token_notices', ending)
    },

    /** Puts them in, within a transaction. @param now milliseconds since 1970 */
    async putIn(now: number): Promise<void> {
      await run('delete from user_identifiers where user_id in (select user_id from staged_released)')
      await run('delete from app_origins where application_uri in (select application_uri from staged_ending)')
      for (const [table, onConflict] of TABLES)
        await run(`insert into ${table} select * from staged_${table} where true ${onConflict}`)
      await sql`insert into token_notices (id, noticed_at, application_uri)
        select id, ${now}, application_uri from staged_ending`.execute(db)
      await countChange(db)
      for (const table of [...TABLES.map(([name]) => name), 'released', 'ending'])
        await run(`drop table staged_${table}`)
    },
  }
}
