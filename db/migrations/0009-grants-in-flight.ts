import { type Kysely, sql } from 'kysely'

// What a person grants an app hangs on the epoch of the two together as well; what lives at this moment lives on.
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['authorization_codes', 'token_families', 'reference_tokens']) {
    await db.schema
      .alterTable(table)
      .addColumn('session_epoch', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute()
    const present = sql`select epoch from session_epochs where session_epochs.application_uri = ${sql.ref(`${table}.application_uri`)}
      and session_epochs.user_id = ${sql.ref(`${table}.user_id`)}`
    await sql`update ${sql.table(table)} set session_epoch = (${present}) where exists (${present})`.execute(db)
  }
}
