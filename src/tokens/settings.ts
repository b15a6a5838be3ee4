import type { User } from '../domain/user.ts'

/** What an instance's tokens have in common. */
export interface TokenSettings {
  readonly issuer: string
  /** Name of the instance's database, the `db` claim. */
  readonly instance: string
  /** Compatibility: `scope` as an array instead of one string. */
  readonly scopeAsArray: boolean
  /** Compatibility: `sub` is the login instead of the stable id. */
  readonly subjectAsLogin: boolean
}

/** The `sub` of a person's tokens. @see OIDC Core §2 */
export const subjectOf = (user: User, settings: Pick<TokenSettings, 'subjectAsLogin'>): string =>
  settings.subjectAsLogin ? user.login : user.id
