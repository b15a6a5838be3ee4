import type { Clock } from '../../../lib/time/clock.ts'
import type { TokenCheckUnit } from '../../../store/store.ts'
import type { TokenProfile } from '../mint/token-profile.ts'
import { createReadCatalogue } from './catalogue.ts'
import { createCheckTokenActive } from './check-token-active.ts'
import { createCheckReferenceToken } from './find-reference-token.ts'
import { type ActiveAccessToken, expired, FOREIGN, type InactiveToken } from './token-status.ts'

interface Dependencies {
  readonly profile: TokenProfile & { readonly audience: string }
  readonly clock: Clock
}

export type RecheckToken = ReturnType<typeof createRecheckToken>

/**
 * Checks an access token again by what a unit of work sees: whoever waited for their turn may have been switched off since it was
 * presented. The very same rules apply to everything but the signature, which cannot have changed.
 */
export function createRecheckToken({ profile, clock }: Dependencies) {
  return async function recheckToken(
    { claims, reference }: ActiveAccessToken,
    unit: TokenCheckUnit,
  ): Promise<ActiveAccessToken | InactiveToken> {
    if (reference !== undefined) {
      const token = await unit.referenceTokens.findById(reference)
      const readCatalogue = createReadCatalogue(unit.resources, profile.audience)
      return token ? createCheckReferenceToken({ read: unit, profile, clock, readCatalogue })(token) : FOREIGN
    }
    const at = claims.exp * 1000
    return at <= clock() ? expired(at, clock()) : createCheckTokenActive(unit)(claims)
  }
}
