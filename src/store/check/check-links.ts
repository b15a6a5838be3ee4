import { type Kysely, SqliteAdapter, sql } from 'kysely'
import { originOf } from '../../domain/protocol/redirect-uri.ts'
import { formerIdentifierOf, identifierOf } from '../../domain/users/user.ts'
import { counted } from '../../lib/text/counted.ts'
import type { Schema } from '../schema/schema.ts'
import type { Row, Table } from '../transfer/plan.ts'
import { type Check, failed, passed, restoring } from './check.ts'
import { pagesOf } from './pages.ts'
import { modelOf } from './shape.ts'

const MIGRATE = 'tessera db migrate puts back what is missing'

/** Whether rows that belong together agree; what is wrong with each by itself is said before. */
export async function checkLinks(db: Kysely<Schema>, plan: readonly Table[], level: string): Promise<Check[]> {
  const table = (name: keyof Schema): Table => plan.find((each) => each.name === name) as Table
  return [
    ...(await checkReferences(db, level)),
    await checkIdentifiers(db, table('users'), table('user_identifiers')),
    await checkOrigins(db, table('trusted_applications')),
    await checkFamilies(db, table('token_families')),
  ]
}

type Identifier = Schema['user_identifiers']

/**
 * The names by which these are to be found who sign in: that of before only where another account has the present one. Whoever was
 * removed is found by none.
 */
export async function namesWanted(db: Kysely<Schema>, rows: readonly Row[]): Promise<Identifier[]> {
  const names = rows
    .filter(({ removed_at: removedAt }) => (removedAt ?? null) === null)
    .flatMap(({ id, login, email }) =>
      [login, email]
        .filter((name) => typeof name === 'string')
        .map((name) => ({ id: String(id), present: identifierOf(name), former: formerIdentifierOf(name) })),
    )
  const odd = names
    .filter(({ present, former }) => present !== former)
    .flatMap(({ present, former }) => [present, former])
  // PostgreSQL takes no empty list.
  const there =
    odd.length === 0 ? [] : await db.selectFrom('user_identifiers').selectAll().where('identifier', 'in', odd).execute()
  const owners = new Map(there.map(({ identifier, user_id: owner }) => [identifier, owner]))
  const wanted = names.map(({ id, present, former }) => {
    const isElsewhere = (owners.get(present) ?? id) !== id
    return { identifier: isElsewhere && owners.get(former) === id ? former : present, user_id: id }
  })
  return [...new Map(wanted.map((each) => [`${each.user_id} ${each.identifier}`, each])).values()]
}

/** The web origins from which browsers may ask for an app. */
export function originsOf({ registration }: Row): string[] {
  const { impersonateLoginUrl = [] } = JSON.parse(String(registration)) as { impersonateLoginUrl?: readonly string[] }
  return [...new Set(impersonateLoginUrl.map(originOf).filter((origin) => origin !== undefined))]
}

/** SQLite tells by itself, in a check of its own. */
async function checkReferences(db: Kysely<Schema>, level: string): Promise<Check[]> {
  if (db.getExecutor().adapter instanceof SqliteAdapter) return []
  for (const reference of (await modelOf(level)).shape.references) {
    const [table = '', column = '', parent = '', key = ''] = reference.split(/\.| -> /)
    const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)} child
      where ${sql.ref(`child.${column}`)} is not null and not exists
        (select 1 from ${sql.table(parent)} parent where ${sql.ref(`parent.${key}`)} = ${sql.ref(`child.${column}`)})`.execute(
      db,
    )
    const orphans = rows[0]?.count ?? 0
    if (orphans > 0)
      return [
        failed(
          'references',
          `${counted(orphans, `row of ${table} refers`, `rows of ${table} refer`)} to missing rows of ${parent}`,
          restoring(db),
        ),
      ]
  }
  return [passed('references', 'every reference between rows is intact')]
}

async function checkIdentifiers(db: Kysely<Schema>, users: Table, identifiers: Table): Promise<Check> {
  const lost: string[] = []
  for await (const rows of pagesOf(db, users)) {
    const wanted = new Map((await namesWanted(db, rows)).map(({ identifier, user_id: id }) => [identifier, id]))
    if (wanted.size === 0) continue
    const found = await db
      .selectFrom('user_identifiers')
      .selectAll()
      .where('identifier', 'in', [...wanted.keys()])
      .execute()
    for (const { identifier, user_id: id } of found) if (wanted.get(identifier) === id) wanted.delete(identifier)
    lost.push(...new Set(wanted.values()))
  }
  if (lost.length > 0)
    return failed(
      'identifiers',
      `${counted(lost.length, 'user is', 'users are')} not found by their login or e-mail, among them ${lost[0]}`,
      MIGRATE,
    )
  for await (const rows of pagesOf(db, identifiers)) {
    const ids = [...new Set(rows.map((row) => String(row['user_id'])))]
    const owners = await db.selectFrom('users').selectAll().where('id', 'in', ids).execute()
    const known = new Set(owners.map(({ id }) => id))
    const names = new Set((await namesWanted(db, owners)).map(({ identifier, user_id: id }) => `${id} ${identifier}`))
    // A name without its user is a reference that leads nowhere, which is told elsewhere.
    const stray = rows.find(
      (row) => known.has(String(row['user_id'])) && !names.has(`${row['user_id']} ${row['identifier']}`),
    )
    if (stray)
      return failed(
        'identifiers',
        `the user ${stray['user_id']} is found by a name that is neither their login nor their e-mail`,
        'tessera db migrate removes such names',
      )
  }
  return passed('identifiers', 'everybody is found by login and e-mail')
}

async function checkOrigins(db: Kysely<Schema>, apps: Table): Promise<Check> {
  for await (const rows of pagesOf(db, apps)) {
    const wanted = new Set(rows.flatMap((row) => originsOf(row).map((origin) => `${row['application_uri']} ${origin}`)))
    const found = await db
      .selectFrom('app_origins')
      .selectAll()
      .where(
        'application_uri',
        'in',
        rows.map((row) => String(row['application_uri'])),
      )
      .execute()
    const stray = found.find(({ application_uri: app, origin }) => !wanted.delete(`${app} ${origin}`))
    const [lost] = wanted
    if (lost !== undefined || stray)
      return failed(
        'origins',
        `those of ${lost?.split(' ')[0] ?? stray?.application_uri} are not those of its redirect URIs`,
        MIGRATE,
      )
  }
  return passed('origins', 'those of every app are those of its redirect URIs')
}

/** The rotation leaves one token of a family that is good; with two a thief and the app would both go on. */
async function checkFamilies(db: Kysely<Schema>, families: Table): Promise<Check> {
  for await (const rows of pagesOf(db, families)) {
    const live = rows.filter((row) => row['revoked_at'] === null).map((row) => String(row['family']))
    // PostgreSQL takes no empty list, and after a restore no family lives.
    if (live.length === 0) continue
    const forked = await db
      .selectFrom('refresh_tokens')
      .select('family')
      .where('family', 'in', live)
      .where('rotated_at', 'is', null)
      .groupBy('family')
      .having((eb) => eb.fn.countAll(), '>', 1)
      .execute()
    if (forked.length > 0)
      return failed('families', `${forked.length} or more have two refresh tokens that are good`, restoring(db))
  }
  return passed('families', 'each has one refresh token at most that is good')
}
