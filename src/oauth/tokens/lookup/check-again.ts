import type { Clock } from '../../../lib/time/clock.ts'
import type { Repositories } from '../../../store/store.ts'
import type { TokenSettings } from '../mint/token-settings.ts'
import { createReadCatalogue } from './catalogue.ts'
import { createJudgeClaims } from './check-still-valid.ts'
import { createJudgeReferenceToken } from './find-reference-token.ts'
import { type DeadToken, expired, FOREIGN, type LiveAccessToken } from './token-status.ts'

interface Dependencies {
  readonly settings: TokenSettings & { readonly audience: string }
  readonly clock: Clock
}

export type JudgeAgain = ReturnType<typeof createJudgeAgain>

/**
 * Judges an access token that was live when it was presented by what a unit of work sees: whoever waited for their turn may have
 * been switched off meanwhile. Everything but the signature is judged, for that cannot have changed, and by the very same rules.
 */
export function createJudgeAgain({ settings, clock }: Dependencies) {
  return async function judgeAgain(
    { claims, reference }: LiveAccessToken,
    unit: Repositories,
  ): Promise<LiveAccessToken | DeadToken> {
    const store = { read: unit }
    if (reference !== undefined) {
      const token = await unit.referenceTokens.findById(reference)
      const readCatalogue = createReadCatalogue(unit.resources, settings.audience)
      return token ? createJudgeReferenceToken({ store, settings, clock, readCatalogue })(token) : FOREIGN
    }
    const at = claims.exp * 1000
    return at <= clock() ? expired(at, clock()) : createJudgeClaims(store)(claims)
  }
}
