import { type Kysely, sql } from 'kysely'

// Administrators list where somebody is signed in, the newest first, and the reference tokens of one kind, at whichever app. Of the
// former, what has ended is not looked through.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('sign_in_sessions_newest')
    .on('sign_in_sessions')
    .columns(['user_id', 'created_at', 'sid'])
    .where(sql.ref('ended_at'), 'is', null)
    .execute()
  await db.schema.createIndex('reference_tokens_kind').on('reference_tokens').columns(['kind', 'id']).execute()
}
