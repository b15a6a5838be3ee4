import type { Repositories } from '../../store/store.ts'

/** What can be touched to end tokens. */
export type TokensUnit = Pick<Repositories, 'codes' | 'families' | 'referenceTokens' | 'sessionEpochs' | 'tokenNotices'>

/** How much was ended; of signed tokens nobody knows how many there are. */
export interface EndedTokens {
  /** How many sign-ins lost their tokens. */
  readonly tokenFamilies: number
  readonly referenceTokens: number
}

/**
 * Ends everything that an app was issued to act as a user, and what is on its way to it: codes, refresh tokens, reference tokens
 * and signed tokens.
 * @param now milliseconds since 1970
 */
export async function endTokens(
  unit: TokensUnit,
  { app, user }: { readonly app: string; readonly user: string },
  now: number,
): Promise<EndedTokens> {
  // The epoch comes first: what was checked under the one before is dead, stored or not. Codes are next, for whoever is just
  // redeeming one holds it until the family is there that is revoked after that.
  await unit.sessionEpochs.raise(app, user)
  await unit.codes.expireAllOf({ userId: user, app })
  const tokenFamilies = await unit.families.revokeAllOf(app, user, now)
  const referenceTokens = await unit.referenceTokens.revokeAllOf(app, user, now)
  await unit.tokenNotices.add({ app, user }, now)
  return { tokenFamilies, referenceTokens }
}
