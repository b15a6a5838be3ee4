import { createHash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { type AccessToken, readAccessToken } from './access-token.ts'
import type { createAskAgain } from './ask-again.ts'
import type { Introspect } from './introspect.ts'
import { createRecall } from './recall.ts'
import { isWholeReferenceToken, looksLikeOpaqueToken, looksLikeReferenceToken } from './reference-token.ts'
import { invalidToken } from './refused.ts'
import type { VerifyJwt } from './verify-jwt.ts'

/** What only an API that is registered as an app can do. */
export interface Inquiry {
  readonly introspect: Introspect
  readonly askAgain: ReturnType<typeof createAskAgain>
}

interface Dependencies {
  readonly verifyJwt: VerifyJwt
  readonly inquiry: Inquiry | undefined
  readonly clock: () => number
}

/** How long an answer about a token counts, in milliseconds: so late a revocation may be noticed. */
const KEEP = 1000

/** The most tokens whose answers are kept. */
const LIMIT = 10_000

/** Stands for a token wherever one is remembered, without being one. */
export const keyOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** Finds out what a token says, by its kind. */
export function createVerifyToken({ verifyJwt, inquiry, clock }: Dependencies) {
  const answers = createRecall<JWTPayload>({ clock, keepFor: KEEP, limit: LIMIT })

  async function verifySignedToken(token: string): Promise<AccessToken> {
    const read = readAccessToken(await verifyJwt(token))
    const answer = await inquiry?.askAgain(keyOf(token), token, read)
    return answer === undefined ? read : readAccessToken(answer)
  }

  async function introspectToken(token: string): Promise<AccessToken> {
    if (inquiry === undefined)
      throw invalidToken(
        'this API accepts only signed access tokens: it has no clientId with which to introspect others',
      )
    return readAccessToken(await answers.recall(keyOf(token), () => inquiry.introspect(token)))
  }

  /** @throws Refused when the token is not good; ServerTrouble when nobody can say */
  return async (token: string): Promise<AccessToken> => {
    if (looksLikeReferenceToken(token)) {
      if (!isWholeReferenceToken(token)) throw invalidToken('the reference token is mistyped or cut short')
      return introspectToken(token)
    }
    if (looksLikeOpaqueToken(token)) return introspectToken(token)
    if (token.split('.').length === 3) return verifySignedToken(token)
    throw invalidToken('this is not an access token')
  }
}

export type VerifyToken = ReturnType<typeof createVerifyToken>
