import { messageOf } from '../engine/postgres-pool.ts'
import type { Place } from './place.ts'
import { TransferRefused } from './refused.ts'

// Of SQLite, of the file system, of PostgreSQL: no space, no right to write, no way to keep a text.
const CANNOT_WRITE =
  /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|PERM)|E(NOSPC|DQUOT|ROFS|ACCES|PERM|IO|FBIG)$|53\d{3}$|42501$|25006$|22\w{3}$)/
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^(SQLITE_FULL|ENOSPC|EDQUOT|EFBIG|531)/, 'free space there, or choose another place'],
  [
    /^(SQLITE_(READONLY|CANTOPEN|PERM)|E(ROFS|ACCES|PERM)|42501|25006)/,
    'give its user the right to write there, or choose another place',
  ],
]

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** What is wrong with a target, as its own fault; whoever reads it would take it for one of the database it is copied from. */
export function tellOf(shown: string, error: unknown): unknown {
  const code = codeOf(error)
  if (!CANNOT_WRITE.test(code)) return error
  const remedy = REMEDIES.find(([codes]) => codes.test(code))?.[1] ?? 'check it, or choose another place'
  return new TransferRefused(`${shown} cannot be written: ${messageOf(error)}; ${remedy}`)
}

/** A place that is written to, and says so where that fails. */
export function toldPlace(place: Place): Place {
  const tell = (error: unknown): never => {
    throw tellOf(place.shown, error)
  }
  return {
    ...place,
    migrations: { ...place.migrations, migrate: (upTo) => place.migrations.migrate(upTo).catch(tell) },
    transact: (work) => place.transact(work).catch(tell),
  }
}
