import { Refused } from '../domain/refusals/errors.ts'
import { type SlotUsage, secondsUntilFreeSlot } from '../domain/sessions/licence-slots.ts'
import type { AsOf } from '../store/repositories/sessions/live-api-sessions.ts'

/** Nobody gets in for now. */
export interface SlotsExhausted {
  /** What the audit log tells of it. */
  readonly figures: { readonly slots: number; readonly live: number; readonly kept: number }
  readonly refusalOf: (whom: { readonly applicationUri: string; readonly userId: string }) => Refused
}

/** Every licence slot is taken, or kept for somebody else. */
export function slotsExhausted(usage: SlotUsage, { rules, now }: AsOf): SlotsExhausted {
  const [slots, live, kept] = [rules.slots ?? 0, usage.live, usage.reservedAbsent.length]
  const others = kept === 0 ? '' : `, and ${kept} are kept for reserved users`
  return {
    figures: { slots, live, kept },
    refusalOf: ({ applicationUri, userId }) =>
      new Refused(
        'MaximumLicenseCountExceeded',
        'all licence slots are in use; try again later',
        {
          rule: 'licence-slots-full',
          client_id: applicationUri,
          user: userId,
          cause: `${live} of ${slots} licence slots are used by open API sessions${others}`,
        },
        { retryAfter: secondsUntilFreeSlot(usage, rules, now) },
      ),
  }
}
