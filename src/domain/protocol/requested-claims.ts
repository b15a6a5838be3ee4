/** Names of the claims an app asked for one by one, beside those its scopes stand for. @see OIDC Core §5.5 */
export interface RequestedClaims {
  readonly userinfo: readonly string[]
  readonly idToken: readonly string[]
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

/** The scopes whose claims are asked for by name; a person allows them in the same words. */
export const scopesOfClaims = ({ userinfo, idToken }: RequestedClaims): string[] =>
  Object.entries(CLAIMS_OF_SCOPE)
    .filter(([, names]) => names.some((name) => userinfo.includes(name) || idToken.includes(name)))
    .map(([scope]) => scope)
