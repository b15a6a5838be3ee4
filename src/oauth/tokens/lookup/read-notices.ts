import { LONGEST_ACCESS_TOKEN } from '../../../domain/apps/trusted-application.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import { type Clock, SECOND } from '../../../lib/time/clock.ts'
import type { TokenNotice, TokenNotices } from '../../../store/repositories/tokens/token-notices.ts'

interface Dependencies {
  readonly tokenNotices: Pick<TokenNotices, 'since'>
  readonly clock: Clock
}

/** Where a reader has got to. */
interface Cursor {
  /** Milliseconds since 1970; notices from here on come next. */
  readonly from: number
  /** The last notice that the reader has, where there was more. */
  readonly after: string
  /** When a reader began that is not through yet, milliseconds since 1970. */
  readonly begun: number
}

export interface Notices {
  readonly notices: readonly TokenNotice[]
  /** What to ask with next. */
  readonly next: string
  /** Whether there is more right now. */
  readonly more: boolean
}

const MOST_AT_ONCE = 1000
// A notice is seen once it is committed, which may be after a later one; no unit of work takes longer.
const OVERLAP = 15 * SECOND

const BEGINNING = { after: '', begun: 0 } as const

const writeCursor = ({ from, after, begun }: Cursor): string =>
  Buffer.from(`${from} ${begun} ${after}`).toString('base64url')

/** @throws Refused `invalid_request` */
function readCursor(text: string): Cursor {
  const [, from, begun, after] = /^(\d{1,15}) (\d{1,15}) ([0-9a-f-]{0,64})$/.exec(decode(text)) ?? []
  const cursor = from === undefined ? undefined : { from: Number(from), begun: Number(begun), after: after ?? '' }
  if (cursor && writeCursor(cursor) === text) return cursor
  throw new Refused('invalid_request', 'since is not the next value of an answer', {
    rule: 'request-malformed',
    parameter: 'since',
    cause: 'since is not the value that an earlier answer gave as next',
  })
}

const decode = (text: string): string => Buffer.from(text, 'base64url').toString('utf8')

export type ReadNotices = ReturnType<typeof createReadNotices>

/** Tells APIs that check tokens by themselves which of them to ask about again. */
export function createReadNotices({ tokenNotices, clock }: Dependencies) {
  /**
   * @param since the `next` of the answer before; without it everything that a token can still be concerned by
   * @throws Refused `invalid_request` for another text
   */
  return async function readNotices(since: string | undefined): Promise<Notices> {
    const now = clock()
    const known = since === undefined ? undefined : readCursor(since)
    // A reader that is ahead of the clock got there before the clock was put right, and has not seen what comes now.
    const start = known && known.from <= now ? known : { ...BEGINNING, from: now - LONGEST_ACCESS_TOKEN }
    const { from, after } = start
    const begun = after === '' ? now : start.begun
    const found = await tokenNotices.since(from, MOST_AT_ONCE + 1, after)
    const notices = found.slice(0, MOST_AT_ONCE)
    const last = notices.at(-1)
    if (found.length > MOST_AT_ONCE && last)
      return { notices, next: writeCursor({ from: last.at, after: last.id, begun }), more: true }
    // Whoever has everything begins anew shortly before they began this time.
    return { notices, next: writeCursor({ ...BEGINNING, from: begun - OVERLAP }), more: false }
  }
}
