import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { StagedRecords } from '../../../domain/instance/staged-records.ts'
import { newId } from '../../../lib/crypto/secrets.ts'
import { toFlag } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { originRows, toColumns, toSecretRow } from '../apps/app-rows.ts'
import { noteSignOut } from '../sessions/session-apps.ts'
import { identifierRows, toUserRow } from '../users/user-rows.ts'
import { toAuditRow } from './audit-events.ts'
import { inPortions } from './names.ts'
import { countChange } from './settings.ts'

const taken = (...columns: readonly string[]) => columns.map((name) => `${name} = excluded.${name}`)

const changing = (key: string, ...set: readonly string[]): string =>
  `on conflict (${key}) do update set ${set.join(', ')}`

/** Tables that take rows, new and changed ones, in an order in which none needs a later one. What may change meanwhile is added to. */
const TABLES = [
  [
    'users',
    changing(
      'id',
      ...taken('name', 'email', 'email_verified', 'locale', 'profile', 'is_admin', 'is_enabled', 'updated_at'),
      'password_hash = coalesce(excluded.password_hash, users.password_hash)',
      'epoch = users.epoch + excluded.epoch',
    ),
  ],
  ['user_identifiers', ''],
  [
    'trusted_applications',
    changing(
      'application_uri',
      ...taken('registration', 'system_user_id', 'is_enabled', 'updated_at'),
      'epoch = trusted_applications.epoch + excluded.epoch',
    ),
  ],
  [
    'app_secrets',
    changing(
      'id',
      ...taken('label', 'expires_at'),
      'sealed_secret = coalesce(excluded.sealed_secret, app_secrets.sealed_secret)',
    ),
  ],
  ['app_origins', ''],
  ['audit_events', ''],
] as const

type Table = (typeof TABLES)[number][0]

const ROWS_AT_ONCE = 500
// A multiple of that.
const PORTION = 1000

function rowsOf({ users, released, apps, secrets, auditEvents }: StagedRecords): Record<Table, readonly object[]> {
  const free = new Set(released)
  return {
    users: users.map(toUserRow),
    user_identifiers: users
      .filter(({ isNew, user }) => isNew || free.has(user.id))
      .flatMap(({ user, heldNames }) => identifierRows(user, heldNames)),
    trusted_applications: apps.map(({ registration, isEnabled, epoch, updatedAt }) => ({
      ...toColumns(registration),
      is_enabled: toFlag(isEnabled),
      epoch,
      created_at: updatedAt,
      updated_at: updatedAt,
    })),
    app_secrets: secrets.kept.map(({ applicationUri, secret }) => toSecretRow(applicationUri, secret)),
    app_origins: apps.flatMap(({ registration }) => originRows(registration)),
    audit_events: auditEvents.map(toAuditRow),
  }
}

/** Whose tokens may have ended, or be good for less. */
const endingOf = ({ users, apps }: StagedRecords) => [
  ...apps
    .filter((app) => app.concernsTokens)
    .map(({ registration: { applicationUri } }) => ({ application_uri: applicationUri, user_id: null })),
  ...users
    .filter(({ isNew, user }) => !isNew && user.epoch > 0)
    .map(({ user }) => ({ application_uri: null, user_id: user.id })),
]

type Lists = Readonly<Record<Table | 'released' | 'changed' | 'dropped' | 'unsealed' | 'ending', readonly object[]>>

const listsOf = (records: StagedRecords): Lists => ({
  ...rowsOf(records),
  released: records.released.map((id) => ({ user_id: id })),
  changed: records.apps.flatMap(({ isNew, registration: { applicationUri } }) =>
    isNew ? [] : [{ application_uri: applicationUri }],
  ),
  dropped: records.secrets.dropped.map((id) => ({ id })),
  unsealed: records.secrets.unsealed.map((id) => ({ id })),
  ending: endingOf(records).map((row) => ({ id: newId(), ...row })),
})

/** The table whose columns a list has, and in which order they are laid down. */
const LIKE: readonly (readonly [name: keyof Lists, like: string])[] = [
  ...TABLES.map(([table]) => [table, table] as const),
  ['released', 'user_identifiers'],
  ['changed', 'trusted_applications'],
  ['dropped', 'app_secrets'],
  ['unsealed', 'app_secrets'],
  ['ending', 'token_notices'],
]

/** What makes room, and the column of a list by which rows are meant. */
const FIRST = [
  ['released', 'delete from user_identifiers where user_id', 'user_id'],
  ['changed', 'delete from app_origins where application_uri', 'application_uri'],
  ['dropped', 'delete from app_secrets where id', 'id'],
  ['unsealed', 'update app_secrets set sealed_secret = null where id', 'id'],
] as const

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

    /** Takes away what was laid down, where the connection is used again. */
    async sweep(db: Kysely<Schema>): Promise<void> {
      for (const [name] of LIKE) await run(db, `drop table temp.staged_${name}`)
    },

    /** Puts them in, within a transaction. @param now milliseconds since 1970 */
    async putIn(db: Kysely<Schema>, now: number): Promise<void> {
      for (const [name, change, key] of FIRST)
        await eachPortion(name, (some) => run(db, `${change} in (select ${key} ${some})`))
      for (const [table, onConflict] of TABLES) {
        const columns = columnsOf(lists[table]).join(', ')
        await eachPortion(table, (some) =>
          run(db, `insert into ${table} (${columns}) select ${columns} ${some} ${onConflict}`),
        )
      }
      await inPortions(records.signedOut, (users) => noteSignOut(db, { users }, now))
      const whose = 'id, application_uri, user_id'
      await eachPortion('ending', (some) =>
        run(db, `insert into token_notices (noticed_at, ${whose}) select ${Math.trunc(now)}, ${whose} ${some}`),
      )
      await countChange(db)
    },
  }
}

/** All rows of a list have the same. */
const columnsOf = (rows: readonly object[]): readonly string[] => Object.keys(rows[0] ?? {})
