/** Something that is sent to somebody elsewhere, and how that went so far. Times are milliseconds since 1970. */
export interface Delivery {
  readonly id: string
  /** The name of its kind, which says who sends it. */
  readonly kind: string
  /** Whom it goes to, by a name that its kind gives: where a destination does not answer, no other waits for it. */
  readonly destination: string
  /** What its kind reads of it; nothing where the row that held it is damaged. */
  readonly payload: object | undefined
  readonly createdAt: number
  readonly nextAttemptAt: number
  /** From when on it is not worth sending; nothing where the number of attempts alone decides. */
  readonly expiresAt: number | undefined
  readonly attempts: number
  /** What the last attempt failed of. */
  readonly lastError: string | undefined
  readonly deliveredAt: number | undefined
  readonly givenUpAt: number | undefined
}

/** What is put into the outbox with the work that causes it. */
export type NewDelivery = Pick<Delivery, 'kind' | 'destination' | 'expiresAt'> & { readonly payload: object }

/** How an attempt went. */
export type Outcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed'; readonly error: string }
  /** Whoever it goes to does not take it, and may say so again. */
  | { readonly kind: 'refused'; readonly error: string }
  /** There is nobody to send it to any more. */
  | { readonly kind: 'pointless'; readonly error: string }
