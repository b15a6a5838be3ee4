import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { StagedRecords } from '../../../domain/instance/staged-records.ts'
import { newId } from '../../../lib/crypto/secrets.ts'
import { toFlag } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { originRows, toColumns, toSecretRow } from '../apps/app-rows.ts'
import { identifierRows, toUserRow } from '../users/user-rows.ts'
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
// A multiple of that.
const PORTION = 1000

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

type Lists = Readonly<Record<Table | 'released' | 'ending', readonly object[]>>

const listsOf = (records: StagedRecords): Lists => ({
  ...rowsOf(records),
  released: records.released.map((id) => ({ user_id: id })),
  // Less may be allowed to an app than was.
  ending: records.apps.flatMap(({ isNew, registration: { applicationUri } }) =>
    isNew ? [] : [{ id: newId(), application_uri: applicationUri }],
  ),
})

/** The table whose columns a list has, and in which order they are laid down. */
const LIKE: readonly (readonly [name: keyof Lists, like: string])[] = [
  ...TABLES.map(([table]) => [table, table] as const),
  ['released', 'user_identifiers'],
  ['ending', 'token_notices'],
]

/**
 * Many records in tables of one connection alone, which no other waits for: what is laid down there is put in by a few statements,
 * each of which takes no more rows than a statement has time for.
 * @param untilCommit for a database whose connections are used again: nothing that was laid down outlives the transaction
 */
export function stagingOf(records: StagedRecords, untilCommit = false) {
  const lists = listsOf(records)
  const run = (db: Kysely<Schema>, statement: string) => sql.raw(statement).execute(db)

  async function layList(db: Kysely<Schema>, name: keyof Lists, like: string): Promise<void> {
    const rows = lists[name]
    const columns = ['0 as portion', ...columnsOf(rows)].join(', ')
    const ending = untilCommit ? 'on commit drop' : ''
    await run(db, `create temporary table staged_${name} ${ending} as select ${columns} from ${like} where 1 = 0`)
    await run(db, `create index staged_${name}_portion on staged_${name} (portion)`)
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
      const portion = Math.floor(from / PORTION)
      const some = rows.slice(from, from + ROWS_AT_ONCE).map((row) => ({ ...row, portion }))
      await db
        .insertInto(`staged_${name}` as 'users')
        .values(some as never)
        .execute()
      await nextTurn()
    }
  }

  async function eachPortion(name: keyof Lists, work: (some: string) => Promise<unknown>): Promise<void> {
    for (let portion = 0; portion * PORTION < lists[name].length; portion += 1)
      await work(`from staged_${name} where portion = ${portion}`)
  }

  return {
    /** Lays rows down beside the tables, while everybody else writes. */
    async lay(db: Kysely<Schema>): Promise<void> {
      for (const [name, like] of LIKE) await layList(db, name, like)
    },

    /** Puts them in, within a transaction. @param now milliseconds since 1970 */
    async putIn(db: Kysely<Schema>, now: number): Promise<void> {
      await eachPortion('released', (some) =>
        run(db, `delete from user_identifiers where user_id in (select user_id ${some})`),
      )
      await eachPortion('ending', (some) =>
        run(db, `delete from app_origins where application_uri in (select application_uri ${some})`),
      )
      for (const [table, onConflict] of TABLES) {
        const columns = columnsOf(lists[table]).join(', ')
        await eachPortion(table, (some) =>
          run(db, `insert into ${table} (${columns}) select ${columns} ${some} ${onConflict}`),
        )
      }
      await eachPortion('ending', (some) =>
        run(
          db,
          `insert into token_notices (id, noticed_at, application_uri) select id, ${Math.trunc(now)}, application_uri ${some}`,
        ),
      )
      await countChange(db)
    },
  }
}

/** All rows of a list have the same. */
const columnsOf = (rows: readonly object[]): readonly string[] => Object.keys(rows[0] ?? {})
