import { LOGOUT_NOTICE } from '../../domain/outbox/logout-notice.ts'
import type { SendNow } from '../../domain/outbox/sender.ts'
import { TooManyWaiting, type WhileOutside } from '../../lib/flow/outside.ts'
import { SECOND } from '../../lib/time/clock.ts'
import type { LeftApp } from '../../store/repositories/sessions/session-apps.ts'

interface Dependencies {
  readonly sendNow: SendNow
  readonly whileOutside: WhileOutside
}

// Milliseconds that a person who signs out waits for apps.
const PATIENCE = 1.5 * SECOND

/** Tells apps at once what was put down for them; comes back when all have heard it, or when a person has waited enough. */
export const createTellApps =
  ({ sendNow, whileOutside }: Dependencies) =>
  async (left: readonly LeftApp[]): Promise<void> => {
    const notices = left.flatMap(({ applicationUri: destination, delivery: id }) =>
      id === undefined ? [] : [{ id, destination }],
    )
    const sending = sendNow(LOGOUT_NOTICE, notices)
    if (sending.length === 0) return
    try {
      await whileOutside('apps that are told about sign-outs', () => patiently(sending))
    } catch (error) {
      // The apps are told all the same; the person waits for none of them.
      if (!(error instanceof TooManyWaiting)) throw error
    }
  }

/** Comes back when all of it is done, or when a person has waited enough. */
async function patiently(work: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE)
  })
  await Promise.race([Promise.all(work), enough])
  clearTimeout(timer)
}
