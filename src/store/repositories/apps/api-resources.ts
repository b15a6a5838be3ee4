import type { Kysely, Selectable } from 'kysely'
import type { ApiResource } from '../../../domain/access/api-resource.ts'
import type { ApiScope } from '../../../domain/access/api-scope.ts'
import { type ResourceSite, siteInOrder } from '../../../domain/access/resource-site.ts'
import type { NamesByLanguage } from '../../../domain/apps/names-by-language.ts'
import type { Schema } from '../../schema/schema.ts'

export type ApiResources = ReturnType<typeof apiResourcesOn>

const fromResource = ({ name, localizedNames, scopes, openToSelfRegistered, site }: ApiResource) => ({
  name,
  localized_names: JSON.stringify(localizedNames),
  scopes: JSON.stringify(scopes),
  open_to_self_registered: Number(openToSelfRegistered),
  site: site === undefined ? null : JSON.stringify(siteInOrder(site)),
})

/** An API with one app that serves it; it comes once for each, and once where there is none. */
type Row = Omit<Selectable<Schema['api_resources']>, 'created_at' | 'updated_at'> & {
  application_uri: string | null
}

const isFirstOfItsApi = ({ identifier }: Row, index: number, rows: readonly Row[]): boolean =>
  rows[index - 1]?.identifier !== identifier

const serversOf = (api: string, rows: readonly Row[]): string[] =>
  rows.flatMap(({ identifier, application_uri }) => (identifier === api ? (application_uri ?? []) : []))

const toScope = ({ name, description, localizedNames, localizedDescriptions }: ApiScope): ApiScope => ({
  name,
  description,
  ...(localizedNames === undefined ? {} : { localizedNames }),
  ...(localizedDescriptions === undefined ? {} : { localizedDescriptions }),
})

const toResource = (
  { identifier, name, localized_names, scopes, open_to_self_registered, site }: Row,
  resourceServers: readonly string[],
): ApiResource => ({
  identifier,
  name,
  localizedNames: JSON.parse(localized_names) as NamesByLanguage,
  scopes: (JSON.parse(scopes) as ApiScope[]).map(toScope),
  resourceServers,
  openToSelfRegistered: open_to_self_registered !== 0,
  ...(site === null ? {} : { site: JSON.parse(site) as ResourceSite }),
})

/** The APIs that access tokens are for, with their scopes and the apps that serve them. */
export function apiResourcesOn(db: Kysely<Schema>) {
  const withServers = () =>
    db
      .selectFrom('api_resources')
      .leftJoin('resource_servers', 'resource_servers.identifier', 'api_resources.identifier')
      .select(['api_resources.identifier', 'name', 'localized_names', 'scopes', 'open_to_self_registered', 'site'])
      .select('application_uri')

  async function nameServers({ identifier, resourceServers }: ApiResource): Promise<void> {
    if (resourceServers.length === 0) return
    await db
      .insertInto('resource_servers')
      .values(resourceServers.map((uri) => ({ identifier, application_uri: uri })))
      .execute()
  }

  return {
    /** In the order of their identifiers. */
    async list(): Promise<ApiResource[]> {
      const rows = await withServers().orderBy('api_resources.identifier').orderBy('application_uri').execute()
      return rows.filter(isFirstOfItsApi).map((row) => toResource(row, serversOf(row.identifier, rows)))
    },

    /** The newest first. */
    async newest(): Promise<{ readonly resource: ApiResource; readonly createdAt: number }[]> {
      const rows = await withServers()
        .select('api_resources.created_at')
        .orderBy('api_resources.created_at', 'desc')
        .orderBy('api_resources.identifier', 'desc')
        .orderBy('application_uri')
        .execute()
      return rows.filter(isFirstOfItsApi).map((row) => ({
        resource: toResource(row, serversOf(row.identifier, rows)),
        createdAt: row.created_at,
      }))
    },

    /** @returns false when the identifier is taken */
    async add(resource: ApiResource, now: number): Promise<boolean> {
      const added = await db
        .insertInto('api_resources')
        .values({ ...fromResource(resource), identifier: resource.identifier, created_at: now, updated_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (added.numInsertedOrUpdatedRows !== 1n) return false
      await nameServers(resource)
      return true
    },

    async update(resource: ApiResource, now: number): Promise<void> {
      await db
        .updateTable('api_resources')
        .set({ ...fromResource(resource), updated_at: now })
        .where('identifier', '=', resource.identifier)
        .execute()
      await db.deleteFrom('resource_servers').where('identifier', '=', resource.identifier).execute()
      await nameServers(resource)
    },

    async remove(identifier: string): Promise<void> {
      await db.deleteFrom('api_resources').where('identifier', '=', identifier).execute()
    },
  }
}
