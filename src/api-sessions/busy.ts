import { Refused } from '../domain/refusals/errors.ts'

/** Whoever asks again shortly may be luckier. */
export const busy = (): Refused =>
  new Refused('temporarily_unavailable', 'no API session can be opened right now; try again shortly', {
    rule: 'server-busy',
    cause: 'the database was too slow to store a session that was opened before',
  })
