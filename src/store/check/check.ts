import { type Kysely, SqliteAdapter } from 'kysely'
import type { Schema } from '../schema/schema.ts'

/** One thing that was looked at; where it is not as it should be, the detail ends with what mends it. */
export interface Check {
  readonly name: string
  readonly passed: boolean
  readonly detail: string
}

export const passed = (name: string, detail: string): Check => ({ name, passed: true, detail })
export const failed = (name: string, detail: string, remedy: string): Check => ({
  name,
  passed: false,
  detail: `${detail}; ${remedy}`,
})

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Bytes as people read them. */
export const inMebibytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(bytes < 10_485_760 ? 1 : 0)} MiB`

/** What mends that of which the database itself has nothing left. */
export const restoring = (db: Kysely<Schema>): string =>
  db.getExecutor().adapter instanceof SqliteAdapter
    ? 'restore a backup with tessera db restore FILE --replace'
    : 'restore a backup into an empty database with tessera db restore FILE'
