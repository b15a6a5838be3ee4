import type { OutboxKind } from '../../domain/outbox/outbox-kind.ts'
import type { Sender, SendNow } from '../../domain/outbox/sender.ts'
import { createDeliver, type Deliver, type Dependencies } from './deliver.ts'

/** What is due of one kind, as a task of its own: one that takes long holds up none of the others. */
export type Round = Pick<Deliver, 'what' | 'sendDue'>

export type Outbox = ReturnType<typeof createOutbox>

/**
 * Sends what units of work have put into the outbox: at least once each, also where the process that put it there is gone, and on one
 * node at a time. What is of a kind without a sender waits.
 */
export function createOutbox({ senders, ...dependencies }: Dependencies & { readonly senders: readonly Sender[] }) {
  const kinds = new Map(senders.map((sender) => [sender.kind.name, createDeliver(sender, dependencies)]))
  if (kinds.size < senders.length) throw new Error('two senders are of one kind')
  const all = [...kinds.values()]

  function find({ name }: Pick<OutboxKind, 'name'>): Deliver {
    const deliver = kinds.get(name)
    if (!deliver) throw new Error(`nobody sends what is of the kind ${name}`)
    return deliver
  }
  const sendNow: SendNow = (kind, put) => find(kind).sendNow(put)

  return {
    sendNow,
    rounds: all as readonly Round[],
    /** Makes every attempt that is due, of every kind. */
    sendDue: async (): Promise<void> => {
      await Promise.all(all.map((deliver) => deliver.sendDue()))
    },
    figures: (kind: Pick<OutboxKind, 'name'>) => find(kind).figures(),
    /** Begins nothing any more; resolves when what was under way is over. */
    stop: async (): Promise<void> => {
      await Promise.all(all.map((deliver) => deliver.stop()))
    },
  }
}
