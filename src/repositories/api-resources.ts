import type { Kysely } from 'kysely'
import type { ApiResource, ApiScope } from '../domain/api-resource.ts'
import type { Schema } from './schema.ts'

export type ApiResources = ReturnType<typeof apiResourcesOn>

const fromResource = ({ name, scopes }: ApiResource) => ({ name, scopes: JSON.stringify(scopes) })

/** The APIs that access tokens are for, with their scopes. */
export function apiResourcesOn(db: Kysely<Schema>) {
  return {
    async list(): Promise<ApiResource[]> {
      const rows = await db.selectFrom('api_resources').selectAll().orderBy('identifier').execute()
      return rows.map(({ identifier, name, scopes }) => ({
        identifier,
        name,
        scopes: (JSON.parse(scopes) as { name: string; description?: string }[]).map(
          (scope): ApiScope => ({ name: scope.name, description: scope.description }),
        ),
      }))
    },

    /** @returns false when the identifier is taken */
    async add(resource: ApiResource, now: number): Promise<boolean> {
      const added = await db
        .insertInto('api_resources')
        .values({ ...fromResource(resource), identifier: resource.identifier, created_at: now, updated_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return added.numInsertedOrUpdatedRows === 1n
    },

    async update(resource: ApiResource, now: number): Promise<void> {
      await db
        .updateTable('api_resources')
        .set({ ...fromResource(resource), updated_at: now })
        .where('identifier', '=', resource.identifier)
        .execute()
    },

    async remove(identifier: string): Promise<void> {
      await db.deleteFrom('api_resources').where('identifier', '=', identifier).execute()
    },
  }
}
