import { type Kysely, sql } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import { type Check, failed, passed } from './check.ts'

/** What only a PostgreSQL server can get wrong. */
export async function checkPostgres(db: Kysely<Schema>): Promise<Check[]> {
  const { rows } = await sql<{
    version: string
    encoding: string
    fsync: string
    synchronous: string
    standby: boolean
  }>`
    select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
      current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous,
      pg_is_in_recovery() as standby`.execute(db)
  const [server] = rows
  if (!server) return []
  const durable = server.fsync === 'on' && server.synchronous !== 'off'
  const found = `fsync ${server.fsync}, synchronous_commit ${server.synchronous}`
  return [
    passed('server', `PostgreSQL ${server.version}`),
    server.standby
      ? failed('primary', 'the server is a standby, which accepts no writes', 'set TESSERA_DATABASE_URL to the primary')
      : passed('primary', 'the server accepts writes'),
    server.encoding === 'UTF8'
      ? passed('encoding', 'UTF8')
      : failed(
          'encoding',
          server.encoding,
          "move to a database created with: create database NAME encoding 'UTF8' template template0",
        ),
    durable
      ? passed('durability', found)
      : failed('durability', found, 'set both to on; otherwise a crash loses acknowledged writes'),
  ]
}
