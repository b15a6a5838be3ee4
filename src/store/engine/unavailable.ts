import { Refused } from '../../domain/refusals/errors.ts'
import { StoodStill } from '../../lib/flow/while-moving.ts'

/** Where a database is out of reach, and whether it may have done what it was asked. */
interface Reason {
  /** What the database or its driver calls it. */
  readonly code: string
  readonly message: string
  /** The connection went away during a commit: it may have happened or not. */
  readonly outcomeUnknown?: boolean
  /** The error itself. */
  readonly by?: unknown
}

/** Why a write was not made, for the operator. */
function causeOf({ outcomeUnknown, by }: Reason): string {
  if (by instanceof StoodStill) return 'this server began to write, did not go on, and was made to give up'
  return outcomeUnknown
    ? 'the connection to the database was lost during a commit, so it is unknown whether the change was made'
    : 'the database did not accept the write in time'
}

/** Tells the client to try again; the operator learns what the database said. */
export function unavailable(reason: Reason): Refused {
  const { code, message } = reason
  return new Refused('temporarily_unavailable', 'the database cannot be written right now; try again shortly', {
    rule: 'server-busy',
    cause: causeOf(reason),
    database: code,
    message,
  })
}

/** The same for a question that could not be answered. */
export const unreadable = ({ code, message }: Reason): Refused =>
  new Refused('temporarily_unavailable', 'the database cannot be read right now; try again shortly', {
    rule: 'server-busy',
    cause: 'the database does not answer',
    database: code,
    message,
  })

/** A text that no database of either kind keeps the same way. */
export const notText = (): Refused =>
  new Refused('invalid_request', 'a text contains the character NUL, which cannot be stored', {
    rule: 'request-malformed',
    cause: 'a value that was to be stored contains the character NUL',
  })
