import type { Kysely } from 'kysely'
import type { Schema } from '../../schema/schema.ts'

/** What the database answers to every write once it was moved away. */
export const MOVED_AWAY = 'this database was moved away'

/** The database is being filled from another one. */
export interface Arrival {
  readonly kind: 'move' | 'restore'
  /** The other one's URL, without password. */
  readonly from: string
  /** Who is filling it; a later run takes over from an earlier one. */
  readonly run: string
}

/** The instance lives in another database now. */
export interface Departure {
  /** Its URL, without password. */
  readonly to: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The file is a copy that was made to be restored from. */
export interface BackupMark {
  readonly of: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Another file was restored in the place of this one. */
export interface Aside {
  /** The file that was restored. */
  readonly restored: string
  /** Where, without password. */
  readonly in: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Everything a database may know of itself. */
export interface Marks {
  readonly arrival: Arrival
  readonly departure: Departure
  readonly backup: BackupMark
  readonly aside: Aside
}

/** This database is not the one to serve from; the message says why and what to do. */
export class OutOfService extends Error {}

export type MoveState = ReturnType<typeof moveStateOn>

/** What a database knows about being copied to or from another one; no part of what is copied. */
export function moveStateOn(db: Kysely<Schema>) {
  return {
    async get<Name extends keyof Marks>(name: Name): Promise<Marks[Name] | undefined> {
      const row = await db.selectFrom('move_state').select('value').where('name', '=', name).executeTakeFirst()
      return row && (JSON.parse(row.value) as Marks[Name])
    },

    async set<Name extends keyof Marks>(name: Name, mark: Marks[Name]): Promise<void> {
      const value = JSON.stringify(mark)
      await db
        .insertInto('move_state')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute()
    },

    async remove(name: keyof Marks): Promise<void> {
      await db.deleteFrom('move_state').where('name', '=', name).execute()
    },
  }
}

/** @throws OutOfService where the instance must not be served from here */
export async function requireInService(state: Pick<MoveState, 'get'>): Promise<void> {
  const arrival = await state.get('arrival')
  if (arrival?.kind === 'move')
    throw new OutOfService(
      `this database is the target of an unfinished move from ${arrival.from}; run the same tessera db move again to continue`,
    )
  if (arrival)
    throw new OutOfService(
      `this database is the target of an unfinished restore from ${arrival.from}; run the same tessera db restore again to continue`,
    )
  const departure = await state.get('departure')
  if (departure)
    throw new OutOfService(
      `this database was moved to ${departure.to} at ${new Date(departure.at).toISOString()}; set TESSERA_DATABASE_URL to that, or put this one back into service with tessera db move --undo`,
    )
  const aside = await state.get('aside')
  if (aside) throw new OutOfService(whyAside(aside))
  const backup = await state.get('backup')
  if (backup)
    throw new OutOfService(
      `this file is a backup of ${backup.of}, and serving it would revive used tokens; restore it with tessera db restore FILE`,
    )
}

/** A restore that was killed between this mark and its last step left the file in its place. */
const whyAside = ({ restored, in: place, at }: Aside): string =>
  `this database was put aside at ${new Date(at).toISOString()}, when ${restored} was restored in its place; serve ${place}. ` +
  'If that restore was interrupted, run it again; to return to this database, restore a copy of it'
