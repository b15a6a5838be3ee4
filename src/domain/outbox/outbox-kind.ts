import type { Delivery, NewDelivery } from './delivery.ts'

/** One kind of delivery, for those who put it into the outbox and those who read it there. */
export interface OutboxKind<Payload extends object = object> {
  /** As the database keeps it. */
  readonly name: string
  /** One to a destination. @param expiresAt from when on it is not worth sending, milliseconds since 1970 */
  to(destination: string, payload: Payload, expiresAt?: number): NewDelivery
  /** What one of this kind says; of a damaged one, which is never sent, nothing. */
  payloadOf(delivery: Pick<Delivery, 'payload'>): Payload
}

/** Names a kind. Its payload is kept as JSON and seen by whoever reads the database: what is secret in it is sealed. */
export const outboxKind = <Payload extends object>(name: string): OutboxKind<Payload> => ({
  name,
  to: (destination, payload, expiresAt) => ({ kind: name, destination, payload, expiresAt }),
  payloadOf: ({ payload = {} }) => payload as Payload,
})
