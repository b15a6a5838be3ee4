import { type ReadCatalogue, targetOf } from '../../../domain/access/resource-indicators.ts'
import { NO_CLAIMS } from '../../../domain/protocol/requested-claims.ts'
import { stillRegistered } from '../../../domain/protocol/scope.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import { seatOfToken } from '../../../domain/sessions/seat.ts'
import {
  isWholeReferenceToken,
  type ReferenceToken,
  type ReferenceTokenState,
  stateOfReferenceToken,
} from '../../../domain/tokens/reference-token.ts'
import { digest } from '../../../lib/crypto/secrets.ts'
import type { LastUse } from '../../../lib/flow/last-use.ts'
import type { Clock } from '../../../lib/time/clock.ts'
import type { Repositories } from '../../../store/store.ts'
import { referenceTokenClaims } from '../mint/access-token.ts'
import type { TokenProfile } from '../mint/token-profile.ts'
import { type ActiveAccessToken, FOREIGN, type InactiveToken, inactive } from './token-status.ts'

interface Checking {
  readonly read: Pick<Repositories, 'apps' | 'users'>
  readonly profile: TokenProfile
  readonly clock: Clock
  readonly readCatalogue: ReadCatalogue
}

interface Dependencies extends Checking {
  readonly read: Pick<Repositories, 'apps' | 'users' | 'referenceTokens'>
  /** Notes that a token was used. */
  readonly uses: Pick<LastUse, 'note'>
}

type InactiveState = Exclude<ReferenceTokenState['state'], 'live'>

const RULE_OF: Readonly<Record<InactiveState, RefusalRule>> = {
  revoked: 'access-token-revoked',
  expired: 'access-token-expired',
  ended: 'access-token-ended',
  'not permitted': 'reference-token-not-permitted',
}

// For these the operator is told whose account to look at.
const BY_RECORD: ReadonlySet<InactiveState> = new Set(['ended', 'not permitted'])

/** Looks a personal or system access token up. */
export function createFindReferenceToken({ uses, ...checking }: Dependencies) {
  const { referenceTokens } = checking.read
  const checkReferenceToken = createCheckReferenceToken(checking)

  return async function findReferenceToken(value: string): Promise<ActiveAccessToken | InactiveToken> {
    if (!isWholeReferenceToken(value))
      return inactive('reference-token-malformed', 'its checksum is wrong, or a part is missing')
    const token = await referenceTokens.find(digest(value))
    if (!token) return FOREIGN
    const checked = await checkReferenceToken(token)
    if (checked.kind !== 'inactive') uses.note(token)
    return checked
  }
}

/** Says whether a personal or system access token is live; a kill switch, a revocation and a changed record count at once. */
export function createCheckReferenceToken({ read, profile, clock, readCatalogue }: Checking) {
  return async function checkReferenceToken(token: ReferenceToken): Promise<ActiveAccessToken | InactiveToken> {
    const [app, user] = [await read.apps.find(token.applicationUri), await read.users.find(token.userId)]
    if (!app || !user) return FOREIGN
    const { state, reason = '' } = stateOfReferenceToken(token, app, user, clock())
    if (state !== 'live')
      return { ...inactive(RULE_OF[state], reason, app), ...(BY_RECORD.has(state) ? { user: user.id } : {}) }
    const scope = stillRegistered(token.scope, app)
    const target = targetOf({ scope, resources: [] }, [], app, await readCatalogue())
    return {
      kind: 'access_token',
      claims: referenceTokenClaims(token, target, app, user, profile),
      scope,
      app,
      user,
      sessionEpoch: token.sessionEpoch,
      interactive: token.kind === 'PAT',
      seat: seatOfToken(token.id),
      session: undefined,
      requested: NO_CLAIMS,
      reference: token.id,
    }
  }
}
