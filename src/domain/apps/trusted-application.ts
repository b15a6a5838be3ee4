import type { SealedRow } from '../../lib/crypto/sealed-box.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../lib/time/clock.ts'
import { isOpenToThisDevice } from '../protocol/redirect-uri.ts'
import type { Row } from './attribute-row.ts'
import { APP_TABLE } from './attribute-table.ts'
import { MOST_SECONDS } from './value-rules.ts'

/** One valid secret of an app: base64(SHA-256(secret)), never the secret. */
export interface AppSecret {
  readonly id: string
  readonly hash: string
  /** What an administrator calls it. */
  readonly label: string | undefined
  readonly createdAt: number
  /** Milliseconds since 1970; `undefined` does not expire. */
  readonly expiresAt: number | undefined
  /** Milliseconds since 1970, some minutes exact; `undefined` was never used. */
  readonly lastUsedAt: number | undefined
  /** The secret under the master key, for an app that makes MACs with it. */
  readonly sealed?: SealedRow | undefined
}

export type NewAppSecret = Omit<AppSecret, 'lastUsedAt' | 'label'> & Partial<Pick<AppSecret, 'label'>>

type Table = typeof APP_TABLE
type ValueOf<R> = R extends Row<infer T> ? T : never

/** The declarative part of the record, a member for each attribute: what an administrator registers and may change. */
export type AppRegistration = { readonly [K in keyof Table]: ValueOf<Table[K]> }

/** A Trusted Application as it is stored: the OAuth client. */
export interface TrustedApplication extends AppRegistration {
  readonly secrets: readonly AppSecret[]
  readonly isEnabled: boolean
  /** Counts up whenever everything issued to the app so far must die. */
  readonly epoch: number
  readonly createdAt: number
  readonly updatedAt: number
}

type Required = 'applicationUri' | 'name' | 'clientType'

/** What a record holds where its administrator said nothing. */
export const APP_DEFAULTS = Object.fromEntries(
  Object.entries(APP_TABLE).flatMap(([key, row]) => ('fallback' in row ? [[key, row.fallback]] : [])),
) as Omit<AppRegistration, Required>

/** Whether a Public app gets tokens and nobody is asked; at addresses that any program can take people are asked each time. */
export const isUnasked = (app: AppRegistration): boolean =>
  app.clientType === 'Public' && !app.requireConsent && app.impersonateLoginUrl.some((uri) => !isOpenToThisDevice(uri))

export const AUTHORIZATION_CODE_LIFETIME = MINUTE
export const ID_TOKEN_LIFETIME = 5 * MINUTE

/** Milliseconds an access token of this app is valid. */
export const accessTokenLifetime = (app: AppRegistration): number => (app.accessTokenLifetime ?? 3600) * 1000

/** Milliseconds a family of refresh tokens lives, however often it rotates. */
export const refreshTokenLifetime = (app: AppRegistration): number =>
  app.refreshTokenLifetime !== undefined
    ? app.refreshTokenLifetime * 1000
    : app.clientType === 'Public'
      ? 24 * HOUR
      : 30 * DAY

/** The longest replay window an app can have, in milliseconds. */
export const LONGEST_REPLAY_WINDOW = MOST_SECONDS.replayWindow * SECOND

/** The longest any signed token can live, for keeping old verification keys. */
export const LONGEST_ACCESS_TOKEN = MOST_SECONDS.accessToken * SECOND

/** May people sign in through the app at all? */
export const isInteractive = (app: AppRegistration): boolean =>
  app.clientType !== 'None' && (app.impersonateAsInternalUserAllowed || app.impersonateAsCommunityUserAllowed)

/** Is it a service, with nothing in its record that a person could come back to? */
export const actsAlone = (app: AppRegistration): boolean =>
  app.systemUserAllowed && !isInteractive(app) && app.impersonateLoginUrl.length === 0

/** PKCE is forced for Public apps and, by the record, for others. @see RFC 9700 §2.1.1 */
export const needsPkce = (app: AppRegistration): boolean => app.clientType === 'Public' || app.requirePkce
