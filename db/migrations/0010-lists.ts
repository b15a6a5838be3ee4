import { type Kysely, sql } from 'kysely'

// Indexes for everything that is asked while somebody waits, so that no request reads a table that grows with people, apps or tokens.
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db

  // The lists of people, and whether anybody else administers.
  await schema.createIndex('users_login').on('users').column('login').execute()
  await schema.createIndex('users_administrators').on('users').columns(['is_admin', 'is_enabled']).execute()

  // Who has allowed an app something; it is also asked when the app is removed.
  await schema.createIndex('consents_app').on('consents').columns(['application_uri', 'user_id']).execute()

  // What an app holds of a user: by either of the two alone SQLite reads everything of a large app.
  await schema.dropIndex('token_families_user').execute()
  await schema.createIndex('token_families_holder').on('token_families').columns(HOLDER).execute()
  await schema.dropIndex('authorization_codes_user').execute()
  await schema.createIndex('authorization_codes_holder').on('authorization_codes').columns(HOLDER).execute()
  await schema.createIndex('reference_tokens_holder').on('reference_tokens').columns(HOLDER).execute()

  // The few answers that can still be given again.
  await schema
    .createIndex('refresh_tokens_answers')
    .on('refresh_tokens')
    .columns(['family', 'rotated_at'])
    .where(sql.ref('sealed_answer'), 'is not', null)
    .execute()

  // The sessions that have not ended, the oldest first: all, those of an app, of a user, of a user at an app.
  const oldestFirst = ['ended_at', 'opened_at', 'id']
  await schema.createIndex('api_sessions_opened').on('api_sessions').columns(oldestFirst).execute()
  await schema.dropIndex('api_sessions_app').execute()
  await schema
    .createIndex('api_sessions_app')
    .on('api_sessions')
    .columns(['application_uri', ...oldestFirst])
    .execute()
  await schema
    .createIndex('api_sessions_user')
    .on('api_sessions')
    .columns(['user_id', ...oldestFirst])
    .execute()
  await schema.dropIndex('api_sessions_holder').execute()
  await schema
    .createIndex('api_sessions_holder')
    .on('api_sessions')
    .columns([...HOLDER, ...oldestFirst])
    .execute()

  // A service is shown the door some time after it was let in, however much it calls; people are not.
  await schema.createIndex('api_sessions_kind').on('api_sessions').columns(['kind', 'ended_at', 'opened_at']).execute()

  // What is still to be delivered, by app, with all that is asked of it; and since when everything else could be forgotten.
  await schema.dropIndex('logout_deliveries_due').execute()
  await schema
    .createIndex('logout_deliveries_waiting')
    .on('logout_deliveries')
    .columns(['application_uri', 'next_attempt_at', 'id', 'delivered_at', 'given_up_at'])
    .where(sql.ref('delivered_at'), 'is', null)
    .where(sql.ref('given_up_at'), 'is', null)
    .execute()
  await schema.createIndex('logout_deliveries_made').on('logout_deliveries').column('created_at').execute()
}

const HOLDER = ['user_id', 'application_uri']
