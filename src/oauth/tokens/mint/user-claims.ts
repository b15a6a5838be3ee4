import { claimsOfScopes } from '../../../domain/protocol/requested-claims.ts'
import type { User, UserProfile } from '../../../domain/users/user.ts'
import { inSeconds } from '../../../lib/time/clock.ts'

type Value = string | number | boolean | Address
type Address = Readonly<Record<string, string>>
type Claims = Readonly<Record<string, Value>>

/** What each claim says about a person; what is not known is left out. @see OIDC Core §5.1 */
const VALUES: Readonly<Record<string, (user: User) => Value | undefined>> = {
  name: (user) => user.name,
  given_name: (user) => user.profile.givenName,
  family_name: (user) => user.profile.familyName,
  middle_name: (user) => user.profile.middleName,
  nickname: (user) => user.profile.nickname,
  preferred_username: (user) => user.login,
  profile: (user) => user.profile.profilePage,
  picture: (user) => user.profile.picture,
  website: (user) => user.profile.website,
  gender: (user) => user.profile.gender,
  birthdate: (user) => user.profile.birthdate,
  zoneinfo: (user) => user.profile.zoneinfo,
  locale: (user) => user.locale,
  updated_at: (user) => inSeconds(user.updatedAt),
  email: (user) => user.email,
  email_verified: (user) => (user.email === undefined ? undefined : user.emailVerified),
  phone_number: (user) => user.profile.phoneNumber,
  phone_number_verified: ({ profile }) =>
    profile.phoneNumber === undefined ? undefined : (profile.phoneNumberVerified ?? false),
  address: (user) => addressOf(user.profile),
  is_admin: (user) => user.isAdmin,
}

/** The parts that are known, or nothing at all. @see OIDC Core §5.1.1 */
function addressOf(profile: UserProfile): Address | undefined {
  const { formattedAddress, streetAddress, locality, region, postalCode, country } = profile
  const parts = Object.entries({
    formatted: formattedAddress,
    street_address: streetAddress,
    ...{ locality, region, country },
    postal_code: postalCode,
  }).filter((part): part is [string, string] => part[1] !== undefined)
  return parts.length === 0 ? undefined : Object.fromEntries(parts)
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

/** What an access token tells an API about a person, as far as the scope goes. @param ofProfile names that `profile` brings beyond its own */
export const accessTokenUserClaims = (user: User, scope: readonly string[], ofProfile: readonly string[]): Claims =>
  userClaims(user, [
    ...Object.keys(IN_ACCESS_TOKEN)
      .filter((name) => scope.includes(name))
      .flatMap((name) => IN_ACCESS_TOKEN[name] ?? []),
    ...(scope.includes('profile') ? ofProfile : []),
  ])
