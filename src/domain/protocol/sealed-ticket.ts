import { open, type SealingKey, seal } from '../../lib/crypto/sealed-box.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import { Refused } from '../refusals/errors.ts'

/** How long a ticket counts, in milliseconds. */
export const TICKET_LIFETIME = 15 * MINUTE
// Node takes 16 KiB of headers, the URL among them.
const LONGEST = 12_000

interface Kind {
  /** What else is sealed with the same key never passes for it. */
  readonly purpose: string
  /** What it stands for, in the words of the person's page. */
  readonly what: string
  readonly key: SealingKey
  readonly clock: Clock
}

export interface OpenedTicket<T> {
  readonly ticket: T
  /** Milliseconds since it was begun. */
  readonly age: number
  readonly isOver: boolean
}

/** Seals what travels through a browser in a URL, so that what nobody completes costs the server nothing. */
export function createTicketSeal<T extends { readonly startedAt: number }>({ purpose, what, key, clock }: Kind) {
  return {
    /** @throws Refused when it grows longer than a URL may be */
    seal(ticket: T): string {
      const sealed = seal(key, JSON.stringify(ticket), purpose)
      if (sealed.length <= LONGEST) return sealed
      throw new Refused('invalid_request', `the ${what} is too long`, {
        rule: 'request-too-long',
        cause: `sealed, the request has ${sealed.length} characters; ${LONGEST} are allowed`,
      })
    },

    /** @returns `undefined` for what was not sealed here, or not for this */
    open(sealed: string): OpenedTicket<T> | undefined {
      const text = open(key, sealed, purpose)
      if (text === undefined) return undefined
      const ticket = JSON.parse(text) as T
      const age = clock() - ticket.startedAt
      return { ticket, age, isOver: age > TICKET_LIFETIME }
    },
  }
}
