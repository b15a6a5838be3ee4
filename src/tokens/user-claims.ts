import type { User } from '../domain/user.ts'
import { inSeconds } from '../lib/clock.ts'

type Claims = Readonly<Record<string, string | number | boolean>>

/** The claims each protocol scope stands for. @see OIDC Core §5.4 */
const CLAIMS_OF_SCOPE = new Map<string, (user: User) => Record<string, string | number | boolean | undefined>>([
  [
    'profile',
    (user) => ({
      name: user.name,
      given_name: user.profile.givenName,
      family_name: user.profile.familyName,
      preferred_username: user.login,
      picture: user.profile.picture,
      locale: user.locale,
      updated_at: inSeconds(user.updatedAt),
    }),
  ],
  [
    'email',
    (user) => ({ email: user.email, email_verified: user.email === undefined ? undefined : user.emailVerified }),
  ],
  ['phone', (user) => ({ phone_number: user.profile.phoneNumber })],
])

/** Every claim that UserInfo can answer with, for discovery. */
export const USER_CLAIMS: readonly string[] = [
  'name',
  'given_name',
  'family_name',
  'preferred_username',
  'picture',
  'locale',
  'updated_at',
  'email',
  'email_verified',
  'phone_number',
]

const present = (claims: Record<string, string | number | boolean | undefined>): Claims =>
  Object.fromEntries(
    Object.entries(claims).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  )

/** What UserInfo tells about a person, as far as the scope goes; what is not known is left out. @see OIDC Core §5.3.2 */
export const userInfoClaims = (user: User, scope: readonly string[]): Claims =>
  Object.assign({}, ...scope.map((name) => present(CLAIMS_OF_SCOPE.get(name)?.(user) ?? {})))

/** What an access token tells an API about a person, as far as the scope goes. */
export const accessTokenUserClaims = (user: User, scope: readonly string[]): Claims =>
  present({
    ...(scope.includes('profile') ? { name: user.name, locale: user.locale, is_admin: user.isAdmin } : {}),
    ...(scope.includes('email') ? CLAIMS_OF_SCOPE.get('email')?.(user) : {}),
  })
