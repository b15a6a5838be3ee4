/** What an API session is kept for: every call with the same seat shares the session, and its licence slot. */
export type Seat = string

/** The words that a seat begins with, by what it is of. */
const OF = { signIn: 'sign-in ', token: 'token ', app: 'app ' } as const

/** Of a person who signed in, in one browser: all apps of that sign-in share it. @param sid of the sign-in session */
export const seatOfSignIn = (sid: string): Seat => `${OF.signIn}${sid}`

/** Of a PAT or a SAT. @param id of the reference token */
export const seatOfToken = (id: string): Seat => `${OF.token}${id}`

/** Of an app that acts on its own. @param systemUser the id of whom it acts as */
export const seatOfApp = (applicationUri: string, systemUser: string): Seat =>
  `${OF.app}${systemUser} ${applicationUri}`

/** What every seat of a sign-in begins with. */
export const SIGN_IN_SEAT = OF.signIn

/** What every seat of a reference token begins with. */
export const TOKEN_SEAT = OF.token

/** The sign-in session or the reference token that a seat is of; neither for an app on its own. */
export function readSeat(seat: Seat): { readonly sid: string | undefined; readonly token: string | undefined } {
  const rest = (word: string): string | undefined => (seat.startsWith(word) ? seat.slice(word.length) : undefined)
  return { sid: rest(OF.signIn), token: rest(OF.token) }
}
