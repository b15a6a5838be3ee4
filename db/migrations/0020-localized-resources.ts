import type { Kysely } from 'kysely'

// What an API is called in other languages; what its scopes are called stands among them. And the lists of apps and consents, newest first.
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .alterTable('api_resources')
    .addColumn('localized_names', 'text', (c) => c.notNull().defaultTo('{}'))
    .execute()
  const index = (name: string, table: string, columns: string[]): Promise<void> =>
    schema.createIndex(name).on(table).columns(columns).execute()
  await index('apps_newest', 'trusted_applications', ['created_at', 'application_uri'])
  await index('consents_newest', 'consents', ['granted_at', 'application_uri', 'user_id'])
  await index('consents_of_user', 'consents', ['user_id', 'granted_at', 'application_uri'])
  await schema.dropIndex('consents_app').execute()
  await index('consents_of_app', 'consents', ['application_uri', 'granted_at', 'user_id'])
}
