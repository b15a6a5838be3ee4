/** Figures that no script shows, and why: id, what, reason. */
export const NOT_CARRIED_OUT: readonly (readonly [id: string, what: string, reason: string])[] = [
  ['R-23', 'mail server or relying party down', 'not applicable: Tessera sends no mail and calls no relying party yet'],
]
