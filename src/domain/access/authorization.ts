import type { SealingKey } from '../../lib/crypto/sealed-box.ts'
import type { TrustedApplication } from '../apps/trusted-application.ts'
import type { RequestedClaims } from '../protocol/requested-claims.ts'
import type { User } from '../users/user.ts'
import type { AuthenticatedApp } from './authenticated-app.ts'
import type { TokenBinding, TokenType } from './token-binding.ts'

/** The success answer of the token endpoint. @see RFC 6749 §5.1, OIDC Core §3.1.3.3 */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: TokenType
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

/** What a person granted an app, and under which epochs: a kill switch, or a consent taken back, makes them differ. */
export interface Granted {
  readonly family: string
  readonly applicationUri: string
  readonly userId: string
  readonly appEpoch: number
  readonly userEpoch: number
  /** Of app and person together. */
  readonly sessionEpoch: number
  readonly signIn: SignInFacts
  readonly scope: readonly string[]
  /** The API resources that were asked for; empty is the default. @see RFC 8707 §2 */
  readonly resources: readonly string[]
  readonly claims: RequestedClaims
}

/** A person lets an app act for them. */
export interface UserAuthorization {
  readonly kind: 'user'
  readonly app: AuthenticatedApp
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
  /** Whether the person has signed out of the session since: a refresh token outlives that. */
  readonly afterSignOut: boolean
  /** Milliseconds since 1970; the end of the last refresh token. `undefined` when none is given. */
  readonly refreshUntil: number | undefined
  readonly binding: TokenBinding
  readonly use: Use
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
  readonly binding: TokenBinding
}

/** What the app presents was used up before; whoever comes second gets the earlier answer again, or a refusal. */
export interface UsedBefore {
  readonly kind: 'used before'
  readonly app: AuthenticatedApp
  readonly use: Use
}

/** What a grant decides; only `oauth/tokens/mint` turns it into tokens. */
export type Authorization = UserAuthorization | ServiceAuthorization | UsedBefore

/** What is used up together with what it is exchanged for: one conditional statement decides, after all was checked and minted. */
export type Use = CodeUse | RefreshTokenUse

/** An authorization code, with which a family of tokens starts. */
export interface CodeUse {
  readonly kind: 'code'
  readonly digest: string
  readonly granted: Granted
  /** Milliseconds since 1970; after this no token of the family can be live. */
  readonly familyEnds: number
}

/** A refresh token, which the next one takes the place of. */
export interface RefreshTokenUse {
  readonly kind: 'refresh token'
  readonly digest: string
  readonly family: string
  /** The sign-in session that must still be open, where the app's refresh tokens end with it. */
  readonly session: string | undefined
  /** Fingerprint of the request: who asks, how they proved it, for what. */
  readonly by: string
  /** Seals the answer for whoever presents the same token again; nothing but the token yields it. None where no answer is given again. */
  readonly answerKey: SealingKey | undefined
}

/** The `expiresAt` of an authorization code that was ended before its time. */
export const ENDED_EARLY = 0
