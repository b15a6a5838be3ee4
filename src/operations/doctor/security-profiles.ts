import { answersWith } from '../../domain/apps/app-choices.ts'
import { isInteractive, needsPkce, type TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { type SigningAlgorithm, signingAlgorithmOf } from '../../domain/protocol/signing-algorithm.ts'

interface Requirement {
  readonly name: string
  /** @param defaultAlgorithm algorithm of the instance, for apps that name none */
  readonly isMet: (app: TrustedApplication, defaultAlgorithm: SigningAlgorithm) => boolean
}

/** What is not offered here cannot be met by any app. */
const never = (): boolean => false

const PKCE: Requirement = {
  name: 'PKCE is required (RequirePkce)',
  isMet: (app) => !isInteractive(app) || needsPkce(app),
}

/** What a profile asks of an app, beside what this server does for every app anyway. */
const PROFILES: Readonly<Record<string, readonly Requirement[]>> = {
  'OAuth 2.1': [
    PKCE,
    {
      name: 'no access tokens pass through the browser (ResponseTypes)',
      isMet: ({ responseTypes }) => !responseTypes.some((type) => answersWith(type, 'token')),
    },
  ],
  'FAPI 2.0': [
    { name: 'Confidential', isMet: ({ clientType }) => clientType === 'Confidential' },
    {
      name: 'the app authenticates with a key (TokenEndpointAuthMethod=private_key_jwt)',
      isMet: ({ tokenEndpointAuthMethod }) => tokenEndpointAuthMethod === 'private_key_jwt',
    },
    {
      name: 'its assertions have only the issuer in aud (ClientAssertionAudience=issuer)',
      isMet: ({ clientAssertionAudience }) => clientAssertionAudience === 'issuer',
    },
    {
      name: 'its tokens are signed with PS256, ES256 or EdDSA (SigningAlgorithm)',
      isMet: (app, defaultAlgorithm) => signingAlgorithmOf(app, defaultAlgorithm) !== 'RS256',
    },
    {
      name: 'only the response type code (ResponseTypes)',
      isMet: ({ responseTypes }) => responseTypes.every((type) => type === 'code'),
    },
    PKCE,
    {
      name: 'redirect URIs are https',
      isMet: (app) => app.impersonateLoginUrl.every((uri) => uri.startsWith('https:')),
    },
    { name: 'pushed authorization requests (not offered here yet)', isMet: never },
    { name: 'sender-constrained tokens (not offered here yet)', isMet: never },
  ],
}

/** How far an app is from a security profile. */
export interface ProfileReport {
  readonly app: string
  readonly profile: string
  readonly missing: readonly string[]
}

/**
 * How far an app is from each profile.
 * @param defaultAlgorithm algorithm of the instance, for apps that name none
 * @see draft-ietf-oauth-v2-1, FAPI 2.0 Security Profile §5.3
 */
export const reportProfiles = (app: TrustedApplication, defaultAlgorithm: SigningAlgorithm): ProfileReport[] =>
  Object.entries(PROFILES).map(([profile, requirements]) => ({
    app: app.applicationUri,
    profile,
    missing: requirements.filter(({ isMet }) => !isMet(app, defaultAlgorithm)).map(({ name }) => name),
  }))
