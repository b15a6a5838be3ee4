import type { Passwords } from '../lib/crypto/passwords.ts'
import type { Random } from '../lib/crypto/secrets.ts'
import type { LogStream, Timeouts } from '../web/kit/limits/limits.ts'
import type { Room } from '../web/kit/limits/places.ts'

/** What a server is given by whoever runs it. */
export interface Surroundings {
  /** Where ids, codes and tokens come from. */
  readonly random: Random
  /** Takes the log, one JSON line a record; stdout unless given. */
  readonly log?: LogStream
  /** Of connections. */
  readonly timeouts?: Timeouts
  /** For how many requests at once. */
  readonly room?: Room
  /** What checks passwords. */
  readonly passwords?: Passwords
}
