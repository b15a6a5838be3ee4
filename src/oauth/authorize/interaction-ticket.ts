import { createForm, type Form, isRepeatable } from '../../domain/protocol/form.ts'
import { createTicketSeal, TICKET_LIFETIME } from '../../domain/protocol/sealed-ticket.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { SealingKey } from '../../lib/crypto/sealed-box.ts'
import { newSecret, type Random } from '../../lib/crypto/secrets.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import type { Progress } from './interaction.ts'
import { KEPT_PARAMETERS } from './request/request.ts'

/**
 * An authorization request on its way through sign-in and consent. It travels sealed in the URL, so that a request
 * nobody completes costs the server nothing, and parallel tabs do not know of each other.
 */
export interface Ticket extends Progress {
  /** One ticket is exchanged for at most one live code. */
  readonly id: string
  readonly startedAt: number
  readonly parameters: Readonly<Record<string, string | string[]>>
  /** Digest of the browser's cookie, once the ticket is bound to one. */
  readonly browser?: string
}

export type Tickets = ReturnType<typeof createTickets>

interface Dependencies {
  readonly key: SealingKey
  readonly clock: Clock
  readonly random: Random
  readonly issuer: string
}

/** Seals requests into tickets and opens them again, in the same browser only. */
export function createTickets({ key, clock, random, issuer }: Dependencies) {
  const sealed = createTicketSeal<Ticket>({ purpose: 'authorize', what: 'authorization request', key, clock })
  const restartUrl = (parameters: Ticket['parameters']): string =>
    `${issuer}/connect/authorize?${new URLSearchParams(Object.entries(parameters).flatMap(pairsOf))}`

  return {
    /** A ticket for a request that has just arrived. */
    start(form: Form): Ticket {
      const kept = KEPT_PARAMETERS.flatMap((name) => {
        const values = isRepeatable(name) ? form.all(name) : form.get(name)
        return values === undefined || values.length === 0 ? [] : [[name, values]]
      })
      return { id: newSecret(random), startedAt: clock(), parameters: Object.fromEntries(kept) }
    },

    seal: sealed.seal,

    /**
     * Opens a ticket.
     * @param browser digest of the browser's cookie
     * @param accept `any` also a ticket that is bound to no browser yet; no page is shown for one
     * @throws Refused `interaction_expired`, with a way to begin again where the ticket is genuine
     */
    open(box: string, browser: string | undefined, accept: 'bound' | 'any' = 'bound'): Ticket {
      const opened = sealed.open(box)
      if (!opened)
        throw new Refused('interaction_expired', 'this sign-in link is not valid; begin again in the app', {
          rule: 'interaction-invalid',
          cause: 'the link was cut off or changed, or was made under another master key',
        })
      const { ticket, age, isOver } = opened
      const own = ticket.browser === undefined || ticket.browser === browser
      const restart = restartUrl(own ? ticket.parameters : withoutPerson(ticket.parameters))
      if (isOver) {
        throw new Refused(
          'interaction_expired',
          'this sign-in took too long',
          {
            rule: 'interaction-expired',
            client_id: ticket.parameters['client_id'],
            cause: `it was begun ${Math.round(age / MINUTE)} minutes ago; ${TICKET_LIFETIME / MINUTE} are allowed`,
          },
          { restart },
        )
      }
      if (!own || (ticket.browser === undefined && accept === 'bound')) {
        throw new Refused(
          'interaction_expired',
          'this sign-in was begun in another browser, or cookies are blocked',
          {
            rule: 'interaction-elsewhere',
            client_id: ticket.parameters['client_id'],
            cause: 'the cookie of the browser that began this sign-in did not come with the request',
          },
          { restart },
        )
      }
      return ticket
    },
  }
}

/** What whoever was given the link may see: nothing about the person who began. */
const withoutPerson = ({ id_token_hint, login_hint, ...parameters }: Ticket['parameters']): Ticket['parameters'] =>
  parameters
const pairsOf = ([name, values]: [string, string | string[]]): [string, string][] =>
  [values].flat().map((value) => [name, value])

/** The parameters of the request a ticket stands for. */
export const formOf = (ticket: Ticket): Form => createForm(ticket.parameters)
