import { claimsOfScopes } from '../domain/requested-claims.ts'
import type { User } from '../domain/user.ts'
import { inSeconds } from '../lib/clock.ts'

type Value = string | number | boolean
type Claims = Readonly<Record<string, Value>>

/** What each claim says about a person; what is not known is left out. @see OIDC Core §5.1 */
const VALUES: Readonly<Record<string, (user: User) => Value | undefined>> = {
  name: (user) => user.name,
  given_name: (user) => user.profile.givenName,
  family_name: (user) => user.profile.familyName,
  preferred_username: (user) => user.login,
  picture: (user) => user.profile.picture,
  locale: (user) => user.locale,
  updated_at: (user) => inSeconds(user.updatedAt),
  email: (user) => user.email,
  email_verified: (user) => (user.email === undefined ? undefined : user.emailVerified),
  phone_number: (user) => user.profile.phoneNumber,
  is_admin: (user) => user.isAdmin,
}

/** The claims of these names, as far as they are known. @see OIDC Core §5.3.2 */
export const userClaims = (user: User, names: readonly string[]): Claims =>
  Object.fromEntries(
    names
      .map((name) => [name, VALUES[name]?.(user)] as const)
      .filter((entry): entry is [string, Value] => entry[1] !== undefined),
  )

/** What UserInfo tells about a person: what the scope stands for, and what the app asked for by name. @see OIDC Core §5.3.2 */
export const userInfoClaims = (user: User, scope: readonly string[], requested: readonly string[] = []): Claims =>
  userClaims(user, [...claimsOfScopes(scope), ...requested])

const IN_ACCESS_TOKEN: Readonly<Record<string, readonly string[]>> = {
  profile: ['name', 'locale', 'is_admin'],
  email: ['email', 'email_verified'],
}

/** What an access token tells an API about a person, as far as the scope goes. */
export const accessTokenUserClaims = (user: User, scope: readonly string[]): Claims =>
  userClaims(
    user,
    Object.keys(IN_ACCESS_TOKEN)
      .filter((name) => scope.includes(name))
      .flatMap((name) => IN_ACCESS_TOKEN[name] ?? []),
  )
