import type { AuthenticatedApp } from '../../../domain/access/authenticated-app.ts'
import type {
  CodeUse,
  RefreshTokenUse,
  TokenResponse,
  Use,
  UserAuthorization,
} from '../../../domain/access/authorization.ts'
import { tokensRevokedSince } from '../../../domain/access/grant-status.ts'
import { seal } from '../../../lib/crypto/sealed-box.ts'
import type { Repositories } from '../../../store/store.ts'

type Unit = Pick<Repositories, 'sessions' | 'codes' | 'families' | 'refreshTokens'>

/** What whoever comes second gets, by what they present: the earlier answer, or a refusal. */
export interface SecondUses {
  readonly code: (use: CodeUse, app: AuthenticatedApp) => Promise<TokenResponse>
  readonly refreshToken: (use: RefreshTokenUse, app: AuthenticatedApp) => Promise<TokenResponse>
}

/** What became of it: used up; somebody else was first, or what ends it was; the person signed out after it was minted for, which ends that. */
type Redeemed = 'first' | 'second' | 'signed out since'

/**
 * Uses up what is exchanged, inside the unit of work that stores what was minted for it.
 * @param now milliseconds since 1970
 * @throws Refused which takes the whole unit back
 */
export async function redeem(
  { use, afterSignOut }: Pick<UserAuthorization, 'use' | 'afterSignOut'>,
  response: TokenResponse,
  unit: Unit,
  now: number,
): Promise<Redeemed> {
  switch (use.kind) {
    case 'code':
      return (await redeemCode(use, unit, now)) ? 'first' : 'second'
    case 'refresh token': {
      if (use.session !== undefined && !(await unit.sessions.touch(use.session, now))) return 'second'
      // Whoever signs out right now waits, and ends the access token that is handed out here as well.
      const family = await unit.families.hold(use.family)
      if (family?.signedOutAt !== undefined && !afterSignOut) return 'signed out since'
      return (await rotateRefreshToken(use, response, unit, now)) ? 'first' : 'second'
    }
  }
}

/** Answers a second use, as what is presented stands now. */
export function answerSecondUse(use: Use, app: AuthenticatedApp, seconds: SecondUses): Promise<TokenResponse> {
  switch (use.kind) {
    case 'code':
      return seconds.code(use, app)
    case 'refresh token':
      return seconds.refreshToken(use, app)
  }
}

/** @see RFC 6749 §4.1.2 */
async function redeemCode({ digest, granted, familyEnds }: CodeUse, unit: Unit, now: number): Promise<boolean> {
  // Whoever signs out right now waits, and ends what is handed out here as well.
  await unit.sessions.hold(granted.signIn.sid)
  if (!(await unit.codes.consume(digest, now))) return false
  // What is thrown here leaves the code as it was.
  if (!(await unit.families.start({ ...granted, startedAt: now, expiresAt: familyEnds })))
    throw tokensRevokedSince(granted.userId)
  return true
}

/** @see RFC 9700 §4.14.2 */
async function rotateRefreshToken(
  { digest, family, by, answerKey }: RefreshTokenUse,
  response: TokenResponse,
  { refreshTokens }: Unit,
  now: number,
): Promise<boolean> {
  const sealedAnswer = answerKey && seal(answerKey, JSON.stringify(response))
  if (!(await refreshTokens.rotate(digest, { at: now, by, sealedAnswer }))) return false
  await refreshTokens.forgetAnswersBefore(digest, family)
  return true
}
