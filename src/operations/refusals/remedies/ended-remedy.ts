import { shellWord } from '../../../lib/text/shell.ts'
import { type Facts, type Remedy, update } from './remedy.ts'

export const SIGN_IN_AGAIN = 'let the person sign in again: what was issued before stays ended'

/** Which attribute of the record lets this kind of user in. */
export const ADMITTED_BY: Readonly<Record<string, string>> = {
  InternalUser: 'ImpersonateAsInternalUserAllowed=true',
  ExternalCommunityUser: 'ImpersonateAsCommunityUserAllowed=true',
}

/** What ended a grant and can be undone, by its cause. */
const UNDONE: readonly (readonly [cause: RegExp, undo: (facts: Facts) => string])[] = [
  [/^the app is disabled/, ({ uri }) => `tessera app enable ${uri}`],
  [/^the user is disabled/, ({ registered }) => `tessera user enable ${shellWord(registered.user ?? 'LOGIN')}`],
  [/does not admit internal users/, ({ uri }) => update(uri, ADMITTED_BY['InternalUser'] ?? '')],
  [/does not admit community users/, ({ uri }) => update(uri, ADMITTED_BY['ExternalCommunityUser'] ?? '')],
]

/**
 * Codes and tokens of before a change stay dead; what is still switched off can be switched on.
 * @param otherwise what is left to do where nothing can
 */
export const revive =
  (otherwise: () => Remedy) =>
  (facts: Facts): Remedy => {
    const cause = String(facts.refusal.detail['cause'])
    const [, undo] = UNDONE.find(([pattern]) => pattern.test(cause)) ?? []
    return undo ? { fix: undo(facts), otherwise: otherwise().fix } : otherwise()
  }
