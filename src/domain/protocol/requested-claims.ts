/** Names of the claims an app asked for one by one, beside those its scopes stand for. @see OIDC Core §5.5 */
export interface RequestedClaims {
  readonly userinfo: readonly string[]
  readonly idToken: readonly string[]
  /** What a token tells beside the claims of `profile`, here and at UserInfo, as long as its scope has that. */
  readonly ofProfile?: readonly string[]
}

export const NO_CLAIMS: RequestedClaims = { userinfo: [], idToken: [] }

/** The claims about a person that a scope stands for. @see OIDC Core §5.4 */
export const CLAIMS_OF_SCOPE: Readonly<Record<string, readonly string[]>> = {
  profile: [
    ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
    ...['website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
  ],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  address: ['address'],
}

/** Every claim about a person that can be asked for. */
export const USER_CLAIMS: readonly string[] = Object.values(CLAIMS_OF_SCOPE).flat()

/** The names of the claims that scopes stand for. */
export const claimsOfScopes = (scope: readonly string[]): string[] =>
  scope.flatMap((name) => (Object.hasOwn(CLAIMS_OF_SCOPE, name) ? (CLAIMS_OF_SCOPE[name] ?? []) : []))

/**
 * Compatibility: has a request for `profile` ask for the e-mail as well, wherever claims of scopes are told. A person allows it like
 * any other claim, so that what was granted before tells no more than it did.
 * @param inIdToken whether the ID token tells claims of scopes, as no access token can fetch them
 */
export function withEmailOfProfile(
  claims: RequestedClaims,
  scope: readonly string[],
  inIdToken: boolean,
): RequestedClaims {
  if (!scope.includes('profile')) return claims
  const email = CLAIMS_OF_SCOPE['email'] ?? []
  const idToken = inIdToken ? [...new Set([...claims.idToken, ...email])] : claims.idToken
  return { ...claims, idToken, ofProfile: email }
}

/** Names of the claims that UserInfo tells beside those of its scope, which may be less than what was granted. */
export const namedAtUserInfo = (
  { userinfo, ofProfile = [] }: RequestedClaims,
  scope: readonly string[],
): readonly string[] => (scope.includes('profile') ? [...userinfo, ...ofProfile] : userinfo)

/** The scopes whose claims are asked for by name; a person allows them in the same words. */
export const scopesOfClaims = ({ userinfo, idToken, ofProfile = [] }: RequestedClaims): string[] => {
  const asked = [...userinfo, ...idToken, ...ofProfile]
  return Object.entries(CLAIMS_OF_SCOPE)
    .filter(([, names]) => names.some((name) => asked.includes(name)))
    .map(([scope]) => scope)
}
