import type { Acr } from '../protocol/acr.ts'
import type { Amr } from '../protocol/amr.ts'
import type { User } from '../users/user.ts'

/** That a person has proved who they are: how, and when. A sign-in session begins with one and stores what it says. */
export interface Proof {
  readonly user: User
  /** @see RFC 8176 */
  readonly amr: readonly Amr[]
  readonly acr: Acr
  /** Milliseconds since 1970. */
  readonly at: number
}
