import type { Kysely, Selectable } from 'kysely'
import type { KeptMetadata, SelfRegistration } from '../../../domain/apps/self-registration.ts'
import type { Schema } from '../../schema/schema.ts'
import { inPortions } from '../instance/names.ts'

function toRegistration(row: Selectable<Schema['self_registrations']>): SelfRegistration {
  const { decided = [], ...metadata } = JSON.parse(row.metadata) as KeptMetadata & { decided?: string[] }
  return {
    applicationUri: row.application_uri,
    tokenDigest: row.token_digest,
    initialAccessToken: row.initial_access_token ?? undefined,
    metadata,
    decided,
    createdAt: row.created_at,
  }
}

type Stored = Pick<SelfRegistration, 'metadata' | 'decided'>

const asStored = ({ metadata, decided }: Stored): string => JSON.stringify({ ...metadata, decided })

export type SelfRegistrations = ReturnType<typeof selfRegistrationsOn>

/** Which apps registered themselves, and how; they go with their apps. */
export function selfRegistrationsOn(db: Kysely<Schema>) {
  return {
    async add(registration: SelfRegistration): Promise<void> {
      await db
        .insertInto('self_registrations')
        .values({
          application_uri: registration.applicationUri,
          token_digest: registration.tokenDigest,
          initial_access_token: registration.initialAccessToken ?? null,
          metadata: asStored(registration),
          created_at: registration.createdAt,
          expires_at: null,
        })
        .execute()
    },

    async find(applicationUri: string): Promise<SelfRegistration | undefined> {
      const row = await db
        .selectFrom('self_registrations')
        .selectAll()
        .where('application_uri', '=', applicationUri)
        .executeTakeFirst()
      return row && toRegistration(row)
    },

    async update(applicationUri: string, stored: Stored): Promise<void> {
      await db
        .updateTable('self_registrations')
        .set({ metadata: asStored(stored) })
        .where('application_uri', '=', applicationUri)
        .execute()
    },

    /** Notes which attributes administrators have decided, by ApplicationUri; what an app says of itself stays as it is. */
    async decideEach(decided: ReadonlyMap<string, Stored['decided']>): Promise<void> {
      await inPortions(decided.keys(), async (some) => {
        const rows = await db
          .selectFrom('self_registrations')
          .selectAll()
          .where('application_uri', 'in', some)
          .execute()
        const changed = rows.map((row) => ({
          ...row,
          metadata: asStored({ ...toRegistration(row), decided: decided.get(row.application_uri) ?? [] }),
        }))
        if (changed.length > 0)
          await db
            .insertInto('self_registrations')
            .values(changed)
            .onConflict((conflict) =>
              conflict.column('application_uri').doUpdateSet((eb) => ({ metadata: eb.ref('excluded.metadata') })),
            )
            .execute()
        return []
      })
    },

    /** How many there are; of more than so many it is not asked how many more. */
    async countUpTo(most: number): Promise<number> {
      const row = await db
        .selectFrom(db.selectFrom('self_registrations').select('application_uri').limit(most).as('some'))
        .select((eb) => eb.fn.countAll().as('count'))
        .executeTakeFirst()
      return Number(row?.count ?? 0)
    },

    /** The apps registered before a time, milliseconds since 1970, that nobody has ever allowed anything. */
    async unused(before: number, limit: number): Promise<string[]> {
      const rows = await db
        .selectFrom('self_registrations as own')
        .select('own.application_uri')
        .where('own.created_at', '<', before)
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('consents')
                .select('user_id')
                .whereRef('consents.application_uri', '=', 'own.application_uri'),
            ),
          ),
        )
        .orderBy('own.created_at')
        .limit(limit)
        .execute()
      return rows.map(({ application_uri }) => application_uri)
    },
  }
}
