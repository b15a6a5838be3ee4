import { type Kysely, sql } from 'kysely'

// What is done to one record takes as long as it takes for one, however much else there is: since when a record is removed whose grants
// are still being cleaned up, and an epoch for all that a user has granted, at whichever app.
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['users', 'trusted_applications']) {
    await db.schema.alterTable(table).addColumn('removed_at', 'bigint').execute()
    await db.schema
      .createIndex(`${table}_removed`)
      .on(table)
      .column('removed_at')
      .where(sql.ref('removed_at'), 'is not', null)
      .execute()
  }
  await db.schema
    .alterTable('users')
    .addColumn('grants_epoch', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
}
