import type { Kysely } from 'kysely'

// One schema for SQLite and PostgreSQL: times are bigint milliseconds, flags are smallint, lists and records are JSON text.
export async function up(db: Kysely<unknown>): Promise<void> {
  const schema = db.schema

  await schema
    .createTable('users')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('login', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('password_hash', 'text')
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('email', 'text')
    .addColumn('email_verified', 'smallint', (c) => c.notNull())
    .addColumn('locale', 'text')
    .addColumn('profile', 'text', (c) => c.notNull())
    .addColumn('is_admin', 'smallint', (c) => c.notNull())
    .addColumn('is_enabled', 'smallint', (c) => c.notNull())
    .addColumn('epoch', 'bigint', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute()

  // Logins and e-mails share one namespace, so that nobody's login is somebody else's e-mail.
  await schema
    .createTable('user_identifiers')
    .addColumn('identifier', 'text', (c) => c.primaryKey())
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .execute()
  await schema.createIndex('user_identifiers_user').on('user_identifiers').column('user_id').execute()

  await schema
    .createTable('trusted_applications')
    .addColumn('application_uri', 'text', (c) => c.primaryKey())
    .addColumn('registration', 'text', (c) => c.notNull())
    .addColumn('system_user_id', 'text', (c) => c.references('users.id'))
    .addColumn('is_enabled', 'smallint', (c) => c.notNull())
    .addColumn('epoch', 'bigint', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute()
  await schema
    .createIndex('trusted_applications_system_user')
    .on('trusted_applications')
    .column('system_user_id')
    .execute()

  await schema
    .createTable('app_secrets')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('application_uri', 'text', (c) =>
      c.notNull().references('trusted_applications.application_uri').onDelete('cascade'),
    )
    .addColumn('hash', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .execute()
  await schema.createIndex('app_secrets_app').on('app_secrets').column('application_uri').execute()

  await schema
    .createTable('app_origins')
    .addColumn('origin', 'text', (c) => c.notNull())
    .addColumn('application_uri', 'text', (c) =>
      c.notNull().references('trusted_applications.application_uri').onDelete('cascade'),
    )
    .addPrimaryKeyConstraint('app_origins_key', ['origin', 'application_uri'])
    .execute()
  await schema.createIndex('app_origins_app').on('app_origins').column('application_uri').execute()

  await schema
    .createTable('sign_in_sessions')
    .addColumn('sid', 'text', (c) => c.primaryKey())
    .addColumn('cookie_digest', 'text', (c) => c.notNull().unique())
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('user_epoch', 'bigint', (c) => c.notNull())
    .addColumn('auth_time', 'bigint', (c) => c.notNull())
    .addColumn('amr', 'text', (c) => c.notNull())
    .addColumn('acr', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('last_seen_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint')
    .execute()
  await schema.createIndex('sign_in_sessions_user').on('sign_in_sessions').column('user_id').execute()

  await schema
    .createTable('consents')
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('application_uri', 'text', (c) =>
      c.notNull().references('trusted_applications.application_uri').onDelete('cascade'),
    )
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('granted_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('consents_key', ['user_id', 'application_uri'])
    .execute()

  await schema
    .createTable('authorization_codes')
    .addColumn('digest', 'text', (c) => c.primaryKey())
    .addColumn('interaction', 'text', (c) => c.notNull().unique())
    .addColumn('application_uri', 'text', (c) =>
      c.notNull().references('trusted_applications.application_uri').onDelete('cascade'),
    )
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('app_epoch', 'bigint', (c) => c.notNull())
    .addColumn('user_epoch', 'bigint', (c) => c.notNull())
    .addColumn('sid', 'text', (c) => c.notNull())
    .addColumn('auth_time', 'bigint', (c) => c.notNull())
    .addColumn('amr', 'text', (c) => c.notNull())
    .addColumn('acr', 'text', (c) => c.notNull())
    .addColumn('redirect_uri', 'text', (c) => c.notNull())
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('nonce', 'text')
    .addColumn('code_challenge', 'text')
    .addColumn('family', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addColumn('spent_at', 'bigint')
    .execute()
  await schema.createIndex('authorization_codes_app').on('authorization_codes').column('application_uri').execute()
  await schema.createIndex('authorization_codes_user').on('authorization_codes').column('user_id').execute()

  await schema
    .createTable('token_families')
    .addColumn('family', 'text', (c) => c.primaryKey())
    .addColumn('application_uri', 'text', (c) =>
      c.notNull().references('trusted_applications.application_uri').onDelete('cascade'),
    )
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('app_epoch', 'bigint', (c) => c.notNull())
    .addColumn('user_epoch', 'bigint', (c) => c.notNull())
    .addColumn('sid', 'text', (c) => c.notNull())
    .addColumn('auth_time', 'bigint', (c) => c.notNull())
    .addColumn('amr', 'text', (c) => c.notNull())
    .addColumn('acr', 'text', (c) => c.notNull())
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute()
  await schema.createIndex('token_families_app').on('token_families').column('application_uri').execute()
  await schema.createIndex('token_families_user').on('token_families').column('user_id').execute()

  await schema
    .createTable('refresh_tokens')
    .addColumn('digest', 'text', (c) => c.primaryKey())
    .addColumn('family', 'text', (c) => c.notNull().references('token_families.family').onDelete('cascade'))
    .addColumn('issued_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addColumn('rotated_at', 'bigint')
    .addColumn('rotated_by', 'text')
    .addColumn('sealed_answer', 'text')
    .execute()
  await schema.createIndex('refresh_tokens_family').on('refresh_tokens').column('family').execute()

  await schema
    .createTable('revoked_access_tokens')
    .addColumn('jti_digest', 'text', (c) => c.primaryKey())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute()

  await schema
    .createTable('signing_keys')
    .addColumn('kid', 'text', (c) => c.primaryKey())
    .addColumn('algorithm', 'text', (c) => c.notNull())
    .addColumn('public_jwk', 'text', (c) => c.notNull())
    .addColumn('sealed_private_jwk', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('signs_from', 'bigint', (c) => c.notNull())
    .addColumn('retires_at', 'bigint')
    .execute()

  await schema
    .createTable('settings')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('value', 'text', (c) => c.notNull())
    .execute()
}
