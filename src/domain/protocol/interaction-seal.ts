import type { Boxes } from '../../lib/crypto/master-keys.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import { Refused } from '../refusals/errors.ts'

/** How long an interaction counts, in milliseconds. */
export const INTERACTION_LIFETIME = 15 * MINUTE
/** Why a box does not open, for the operator. */
export const NOT_OPENED = 'the link was cut off or changed, or was created under a master key that is not at hand'
// Node takes 16 KiB of headers, the URL among them.
const LONGEST = 12_000

interface Kind {
  /** What else is sealed in such boxes never passes for it. */
  readonly purpose: string
  /** What it stands for, in the words of the person's page. */
  readonly what: string
  readonly boxes: Boxes
  readonly clock: Clock
}

export interface OpenedInteraction<T> {
  readonly interaction: T
  /** Milliseconds since it was begun. */
  readonly age: number
  readonly isOver: boolean
}

/** Seals what travels through a browser in a URL, so that what nobody completes costs the server nothing. */
export function createInteractionSeal<T extends { readonly startedAt: number }>({ purpose, what, boxes, clock }: Kind) {
  return {
    /** @throws Refused when it grows longer than a URL may be */
    seal(interaction: T): string {
      const sealed = boxes.seal(JSON.stringify(interaction), purpose)
      if (sealed.length <= LONGEST) return sealed
      throw new Refused('invalid_request', `the ${what} is too long`, {
        rule: 'request-too-long',
        cause: `the encrypted request has ${sealed.length} characters; ${LONGEST} are allowed`,
      })
    },

    /** @returns `undefined` for what was not sealed here, or not for this */
    open(sealed: string): OpenedInteraction<T> | undefined {
      const text = boxes.open(sealed, purpose)
      if (text === undefined) return undefined
      const interaction = JSON.parse(text) as T
      const age = clock() - interaction.startedAt
      return { interaction, age, isOver: age > INTERACTION_LIFETIME }
    },
  }
}
