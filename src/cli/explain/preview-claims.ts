import type { ServiceAuthorization, SignInFacts } from '../../domain/access/authorization.ts'
import type { Target } from '../../domain/access/resource-indicators.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { ACR_PASSWORD } from '../../domain/protocol/acr.ts'
import { NO_CLAIMS, type RequestedClaims, withEmailOfProfile } from '../../domain/protocol/requested-claims.ts'
import { type SigningAlgorithm, signingAlgorithmOf } from '../../domain/protocol/signing-algorithm.ts'
import type { User } from '../../domain/users/user.ts'
import { accessTokenClaims, type PersonAccess } from '../../oauth/tokens/mint/access-token.ts'
import { idTokenClaims } from '../../oauth/tokens/mint/id-token.ts'
import type { TokenProfile } from '../../oauth/tokens/mint/token-profile.ts'

/** The claims of the tokens a request would lead to. */
export interface ClaimsPreview {
  readonly access_token: Readonly<Record<string, unknown>>
  readonly id_token?: Readonly<Record<string, unknown>>
}

/** What of the instance goes into claims. */
export interface Preview {
  readonly tokens: TokenProfile
  readonly algorithm: SigningAlgorithm
  /** Milliseconds since 1970. */
  readonly now: number
}

const UNIQUE = '(unique to each token)'

/** Stands for whoever signs in, where nobody was named. */
export const SOMEBODY: User = {
  id: '(id of the user)',
  login: '(login of the user)',
  type: 'InternalUser',
  name: '(name of the user)',
  email: '(e-mail of the user)',
  emailVerified: false,
  locale: undefined,
  profile: {},
  isAdmin: false,
  isEnabled: true,
  epoch: 1,
  createdAt: 0,
  updatedAt: 0,
}

/** A sign-in as it would be, made this moment. */
export const signInAt = (now: number): SignInFacts => ({
  sid: '(id of the sign-in session)',
  authTime: now,
  amr: ['pwd'],
  acr: ACR_PASSWORD,
})

/** What a person's sign-in would give the app; nothing is signed and nothing is stored. */
export function previewForUser(
  granted: { readonly app: TrustedApplication; readonly user: User; readonly claims?: RequestedClaims } & Target,
  nonce: string | undefined,
  { tokens, algorithm, now }: Preview,
): ClaimsPreview {
  const signIn = signInAt(now)
  const plain = granted.claims ?? NO_CLAIMS
  const claims = tokens.profileWithEmail ? withEmailOfProfile(plain, granted.scope, false) : plain
  const access: PersonAccess = {
    kind: 'user',
    ...granted,
    claims,
    signIn,
    family: UNIQUE,
    afterSignOut: false,
    binding: 'none',
  }
  const { app, user, scope } = granted
  const subject = { app, user, signIn, nonce }
  return {
    access_token: { ...accessTokenClaims(access, tokens, now, ''), jti: UNIQUE },
    ...(scope.includes('openid')
      ? { id_token: idTokenClaims(subject, tokens, signingAlgorithmOf(app, algorithm), now) }
      : {}),
  }
}

/** What a service would get on its own. */
export const previewForService = (authorization: ServiceAuthorization, { tokens, now }: Preview): ClaimsPreview => ({
  access_token: { ...accessTokenClaims(authorization, tokens, now, ''), jti: UNIQUE },
})
