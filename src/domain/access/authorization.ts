import type { TrustedApplication } from '../apps/trusted-application.ts'
import type { RequestedClaims } from '../protocol/requested-claims.ts'
import type { User } from '../users/user.ts'

/** The success answer of the token endpoint. @see RFC 6749 §5.1, OIDC Core §3.1.3.3 */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer'
  /** Seconds. */
  readonly expires_in: number
  readonly scope: string
  readonly refresh_token?: string
  readonly id_token?: string
}

/** How and when the person signed in, as tokens tell it. */
export interface SignInFacts {
  /** The sign-in session, the `sid` claim. */
  readonly sid: string
  /** Milliseconds since 1970. */
  readonly authTime: number
  /** @see RFC 8176 */
  readonly amr: readonly string[]
  readonly acr: string
}

/** A person lets an app act for them. `Unit` is what one transaction can touch. */
export interface UserAuthorization<Unit> {
  readonly kind: 'user'
  readonly app: TrustedApplication
  readonly user: User
  readonly signIn: SignInFacts
  /** Of this answer; the grant itself may hold more. */
  readonly scope: readonly string[]
  /** The API resources the access token is for; empty is UserInfo alone. */
  readonly audience: readonly string[]
  readonly nonce: string | undefined
  /** The claims the app asked for by name at sign-in. */
  readonly claims: RequestedClaims
  /** Ties together all that grew from one sign-in at one app. */
  readonly family: string
  /** Milliseconds since 1970; the end of the last refresh token. `undefined` when none is given. */
  readonly refreshUntil: number | undefined
  readonly redemption: Redemption<Unit>
}

/** An app acts on its own, as its System User. @see RFC 6749 §4.4 */
export interface ServiceAuthorization {
  readonly kind: 'service'
  readonly app: TrustedApplication
  readonly systemUser: User
  /** Of the app acting as this System User, at the moment it asked. */
  readonly sessionEpoch: number
  readonly scope: readonly string[]
  readonly audience: readonly string[]
}

/** The request was answered before; the very same answer is given again. */
export interface AnsweredBefore {
  readonly kind: 'answered'
  readonly response: TokenResponse
}

/** What a grant decides; only `tokens/issue` turns it into tokens. */
export type Authorization<Unit> = UserAuthorization<Unit> | ServiceAuthorization | AnsweredBefore

/** How a code or refresh token is used up: one conditional statement decides, after everything was checked and minted. */
export interface Redemption<Unit> {
  /** Runs inside the transaction that stores what was minted; `false` when somebody else was first. */
  spend(unit: Unit, response: TokenResponse): Promise<boolean>
  /** What the one who came second gets: an earlier answer, or a refusal. */
  tooLate(): Promise<TokenResponse>
}

/** The `expiresAt` of an authorization code that was ended before its time. */
export const ENDED_EARLY = 0
