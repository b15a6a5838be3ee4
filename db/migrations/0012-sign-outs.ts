import { type Kysely, sql } from 'kysely'

// A sign-out ends the access tokens of its session; an answer to a refresh is forgotten once nobody may be given it again.
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema.alterTable('token_families').addColumn('signed_out_at', 'bigint').execute()
  await schema.createIndex('token_families_session').on('token_families').column('sid').execute()
  await schema
    .createIndex('refresh_tokens_answered')
    .on('refresh_tokens')
    .column('rotated_at')
    .where(sql.ref('sealed_answer'), 'is not', null)
    .execute()
}
