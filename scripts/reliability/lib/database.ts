import pg from 'pg'
import { loadSqlite } from '../../../src/store/engine/sqlite-library.ts'
import type { Site } from './site.ts'

const Sqlite = loadSqlite()

type Row = Record<string, unknown>

/** Looks into the database from outside the server. */
export async function ask({ databaseUrl }: Pick<Site, 'databaseUrl'>, sql: string): Promise<Row[]> {
  if (databaseUrl.startsWith('file:')) {
    // What a killed process left half done is rolled back first, which takes a connection that may write.
    const database = new Sqlite(databaseUrl.slice('file:'.length), { fileMustExist: true, timeout: 5000 })
    try {
      database.pragma('query_only = ON')
      return database.prepare(sql).all() as Row[]
    } finally {
      database.close()
    }
  }
  const client = new pg.Client({ connectionString: databaseUrl })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** Families with more than one refresh token that was never rotated: a code or a token that was spent twice. */
export async function familiesWithTwoTips(site: Pick<Site, 'databaseUrl'>): Promise<number> {
  const rows = await ask(
    site,
    'select family from refresh_tokens where rotated_at is null group by family having count(*) > 1',
  )
  return rows.length
}

/** What SQLite says of its own file; PostgreSQL checks its pages itself. */
export async function integrityOf(site: Pick<Site, 'databaseUrl'>): Promise<string> {
  if (!site.databaseUrl.startsWith('file:')) return 'ok'
  return String((await ask(site, 'pragma integrity_check'))[0]?.['integrity_check'])
}
