import type { Kysely, Selectable } from 'kysely'
import type { Named } from '../../../domain/apps/names-by-language.ts'
import type { PageQuery } from '../../../domain/records/paging.ts'
import { canonicalIdentifier } from '../../../domain/users/user.ts'
import { holding, keepable, toFlag } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { SLICE, searchInSlices } from './slices.ts'

// A statement holds so many values and no more.
export const AT_ONCE = 500
// On either side of a name that is looked for.
const NEIGHBOURS = 50

/** Tables of records that are listed by name, and the column of that. */
const NAMED = { users: 'login', trusted_applications: 'application_uri' } as const

/** The next records in the order of their name. */
export async function pageByName<Table extends keyof typeof NAMED>(
  db: Kysely<Schema>,
  table: Table,
  { after: from, limit, isEnabled, like }: PageQuery,
): Promise<Selectable<Schema[Table]>[]> {
  const name = NAMED[table] as 'login'
  const inOrder = (after: string | undefined) =>
    db
      .selectFrom(table as 'users')
      .where('removed_at', 'is', null)
      .$if(after !== undefined, (query) => query.where(name, '>', after ?? ''))
      .orderBy(name)
  const match = (after: string | undefined, upTo: string | undefined, most: number) =>
    inOrder(after)
      .selectAll()
      .$if(upTo !== undefined, (query) => query.where(name, '<=', upTo ?? ''))
      .$if(isEnabled !== undefined, (query) => query.where('is_enabled', '=', toFlag(isEnabled === true)))
      .$if(like !== undefined, (query) => query.where(holding(name, like ?? '')))
      .limit(most)
      .execute()
  const endOfSlice = async (after: string | undefined): Promise<string | undefined> =>
    (await inOrder(after).select(name).offset(SLICE).limit(1).executeTakeFirst())?.[name]
  const isAny = isEnabled === undefined && like === undefined
  const rows = isAny ? match(from, undefined, limit) : searchInSlices({ endOfSlice, match }, from, limit)
  return (await rows) as unknown as Selectable<Schema[Table]>[]
}

/** Asks for many records by their keys, each once. */
export async function inPortions<Row>(
  keys: Iterable<string>,
  read: (some: readonly string[]) => Promise<Row[]>,
): Promise<Row[]> {
  const asked = [...new Set(keys)]
  const rows: Row[] = []
  for (let from = 0; from < asked.length; from += AT_ONCE) rows.push(...(await read(asked.slice(from, from + AT_ONCE))))
  return rows
}

/** The logins of users by their ids; of who was removed there is none. */
export async function loginsOf(db: Kysely<Schema>, ids: Iterable<string>): Promise<Map<string, string>> {
  const rows = await inPortions(ids, (some) =>
    db.selectFrom('users').select(['id', 'login']).where('id', 'in', some).where('removed_at', 'is', null).execute(),
  )
  return new Map(rows.map(({ id, login }) => [id, login]))
}

/** What apps are called, by their ApplicationUris; of what was removed there is nothing. */
export async function namesOfApps(db: Kysely<Schema>, uris: Iterable<string>): Promise<Map<string, Named>> {
  const rows = await inPortions(uris, (some) =>
    db
      .selectFrom('trusted_applications')
      .select(['application_uri', 'registration'])
      .where('application_uri', 'in', some)
      .where('removed_at', 'is', null)
      .execute(),
  )
  return new Map(rows.map(({ application_uri: uri, registration }) => [uri, namedIn(registration)]))
}

/** Rows from before there were names by language have none. */
function namedIn(registration: string): Named {
  const { name, localizedNames = {} } = JSON.parse(registration) as Pick<Named, 'name'> & Partial<Named>
  return { name, localizedNames }
}

/** Logins and e-mails next to a name in the order of the alphabet: a few, however many there are. */
export async function usersNear(db: Kysely<Schema>, name: string): Promise<string[]> {
  const key = canonicalIdentifier(keepable(name))
  const beside = (side: '<' | '>=', order: 'asc' | 'desc') =>
    db
      .selectFrom('user_identifiers')
      .innerJoin('users', 'users.id', 'user_identifiers.user_id')
      .select(['login', 'email'])
      .where('removed_at', 'is', null)
      .where('identifier', side, key)
      .orderBy('identifier', order)
      .limit(NEIGHBOURS)
      .execute()
  const rows = [...(await beside('>=', 'asc')), ...(await beside('<', 'desc'))]
  return [...new Set(rows.flatMap(({ login, email }) => [login, email ?? login]))]
}

/** The ApplicationUris next to one in the order of the alphabet, as it is and in small letters. */
export async function appsNear(db: Kysely<Schema>, name: string): Promise<string[]> {
  const key = keepable(name)
  const beside = (from: string, side: '<' | '>=', order: 'asc' | 'desc') =>
    db
      .selectFrom('trusted_applications')
      .select('application_uri')
      .where('removed_at', 'is', null)
      .where('application_uri', side, from)
      .orderBy('application_uri', order)
      .limit(NEIGHBOURS / 2)
      .execute()
  const found = new Set<string>()
  for (const from of new Set([key, key.toLowerCase()]))
    for (const row of [...(await beside(from, '>=', 'asc')), ...(await beside(from, '<', 'desc'))])
      found.add(row.application_uri)
  return [...found]
}
