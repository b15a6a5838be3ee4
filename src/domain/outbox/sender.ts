import type { AuditEvent } from '../instance/audit.ts'
import type { Delivery, Outcome } from './delivery.ts'
import type { OutboxKind } from './outbox-kind.ts'

/** Which attempt failed, and of what. */
export interface FailedAttempt {
  readonly delivery: string
  /** How many were made, this one included. */
  readonly attempts: number
  readonly error: string
}

/** Sends what is of one kind; knows nothing of the outbox, of attempts to come or of other nodes. */
export interface Sender {
  readonly kind: Pick<OutboxKind, 'name'>
  /** What the log says. */
  readonly words: {
    /** Completes "... failed; it will be tried again", of one and of all that are due. */
    readonly one: string
    readonly all: string
    /** A sentence of an attempt that came to nothing. */
    readonly undone: string
  }
  /** Whom or what the log names with it. */
  about(delivery: Delivery): Readonly<Record<string, string>>
  /** One attempt; it may have been made before, for nobody knows of an answer that was lost. What it throws counts as a failure. */
  send(delivery: Delivery): Promise<Outcome>
  /** What the audit log keeps of one that is not tried again. */
  givenUp(delivery: Delivery, last: FailedAttempt): AuditEvent
}

/**
 * Makes the first attempt of what was just put into the outbox, once that is committed. What this process has no room for is sent
 * when its turn comes.
 * @returns one promise for each attempt that was begun, which never rejects
 */
export type SendNow = (
  kind: Pick<OutboxKind, 'name'>,
  put: readonly Pick<Delivery, 'id' | 'destination'>[],
) => readonly Promise<unknown>[]
