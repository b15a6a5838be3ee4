import { type Kysely, SqliteAdapter, sql } from 'kysely'
import type { SealedTable } from '../../../domain/instance/sealed-columns.ts'
import type { SealedRow } from '../../../lib/crypto/sealed-box.ts'
import type { Schema } from '../../schema/schema.ts'

/** The setting that knows the master key in force, by its mark. */
export const MASTER_KEY_MARK = 'master-key-mark'

// The marks of those that were in force before.
const FORMER = 'master-keys-before'

/** What a database knows of its master key. */
export interface MasterKeyRecord {
  /** Of the key in force. */
  readonly mark: string
  /** The keys that outlive a change of it, under the key in force; `undefined` while they are derived from it. */
  readonly lasting: SealedRow | undefined
}

export type MasterKeyStore = ReturnType<typeof masterKeyOn>

/** Which master key is in force; the key itself is elsewhere. */
export function masterKeyOn(db: Kysely<Schema>) {
  const row = db.selectFrom('settings').select(['value', 'sealed']).where('name', '=', MASTER_KEY_MARK)

  async function former(): Promise<readonly string[]> {
    const found = await db.selectFrom('settings').select('value').where('name', '=', FORMER).executeTakeFirst()
    return found === undefined ? [] : (JSON.parse(found.value) as string[])
  }

  return {
    /** @returns `undefined` for a database that no key was used with yet */
    async find(): Promise<MasterKeyRecord | undefined> {
      const found = await row.executeTakeFirst()
      return found && { mark: found.value, lasting: (found.sealed ?? undefined) as SealedRow | undefined }
    },

    /** The mark of the key in force, which stays so until the unit of work that asks has ended. */
    async markToSealUnder(): Promise<string | undefined> {
      const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter
      // In SQLite nobody else writes meanwhile.
      return (await (isSqlite ? row : row.forShare()).executeTakeFirst())?.value
    },

    /** The same for whoever is about to change it. */
    async markToReplace(): Promise<string | undefined> {
      const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter
      return (await (isSqlite ? row : row.forUpdate()).executeTakeFirst())?.value
    },

    /** Marks the first key that a database is used with. */
    async begin(mark: string): Promise<void> {
      await db.insertInto('settings').values({ name: MASTER_KEY_MARK, value: mark }).execute()
    },

    /** The marks of the keys that were in force before. */
    former,

    /** Puts another key in force: from the end of this unit of work on nothing is sealed under the one before. */
    async replace(from: string, { mark, lasting }: Required<MasterKeyRecord>): Promise<void> {
      await db
        .updateTable('settings')
        .set({ value: mark, sealed: lasting ?? null })
        .where('name', '=', MASTER_KEY_MARK)
        .where('value', '=', from)
        .execute()
      const value = JSON.stringify([...(await former()).filter((one) => one !== from && one !== mark), from])
      await db
        .insertInto('settings')
        .values({ name: FORMER, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute()
    },
  }
}

/** Where it is; each box belongs to the key of its row. */
const COLUMNS: Readonly<Record<SealedTable, { readonly key: string; readonly box: string }>> = {
  signing_keys: { key: 'kid', box: 'sealed_private_jwk' },
  app_secrets: { key: 'id', box: 'sealed_secret' },
}

/** A row with what is sealed in it. */
export interface Sealed {
  readonly id: string
  readonly box: string
}

// Others write between two pages.
const ROWS_AT_ONCE = 100

export type SealedRowStore = ReturnType<typeof sealedRowsOn>

/** What is sealed under the master key, wherever it is. */
export function sealedRowsOn(db: Kysely<Schema>) {
  /** The next rows in the order of their keys. */
  async function page(table: SealedTable, after: string): Promise<Sealed[]> {
    const [key, box] = [sql.ref(COLUMNS[table].key), sql.ref(COLUMNS[table].box)]
    const { rows } = await sql<Sealed>`select ${key} as id, ${box} as box from ${sql.table(table)}
      where ${key} > ${after} and ${box} is not null order by ${key} limit ${ROWS_AT_ONCE}`.execute(db)
    return rows
  }

  return {
    async count(table: SealedTable): Promise<number> {
      const { rows } = await sql<{ sealed: number }>`select cast(count(${sql.ref(COLUMNS[table].box)}) as int) as sealed
        from ${sql.table(table)}`.execute(db)
      return rows[0]?.sealed ?? 0
    },

    /** All rows, a hundred at a time. */
    async *pages(table: SealedTable): AsyncGenerator<Sealed[]> {
      for (let after = ''; ; ) {
        const rows = await page(table, after)
        if (rows.length > 0) yield rows
        if (rows.length < ROWS_AT_ONCE) return
        after = rows.at(-1)?.id ?? ''
      }
    },

    /** Takes another box in, if the one that was read is still there. @returns whether it was */
    async replace(table: SealedTable, { id, box }: Sealed, fresh: SealedRow): Promise<boolean> {
      const [key, column] = [sql.ref(COLUMNS[table].key), sql.ref(COLUMNS[table].box)]
      const { numAffectedRows } = await sql`update ${sql.table(table)} set ${column} = ${fresh}
        where ${key} = ${id} and ${column} = ${box}`.execute(db)
      return numAffectedRows === 1n
    },
  }
}
