import { isInteractive, needsPkce, type TrustedApplication } from '../domain/trusted-application.ts'

interface Requirement {
  readonly name: string
  readonly isMet: (app: TrustedApplication) => boolean
}

/** What is not offered here cannot be met by any app. */
const never = (): boolean => false

const isSafeRedirect = (uri: string): boolean =>
  !uri.startsWith('http:') || /^http:\/\/(127\.|\[::1\]|localhost)/.test(uri)

/** What a profile asks of an app, beside what this server does for every app anyway. */
const PROFILES: Readonly<Record<string, readonly Requirement[]>> = {
  'OAuth 2.1': [
    { name: 'PKCE is required', isMet: (app) => !isInteractive(app) || needsPkce(app) },
    {
      name: 'no tokens through the browser',
      isMet: ({ responseTypes }) => !responseTypes.some((type) => /token/.test(type.replace('id_token', ''))),
    },
    {
      name: 'redirect URIs are https, loopback or of an app',
      isMet: (app) => app.impersonateLoginUrl.every(isSafeRedirect),
    },
  ],
  'FAPI 2.0': [
    { name: 'Confidential', isMet: ({ clientType }) => clientType === 'Confidential' },
    { name: 'response type code alone', isMet: ({ responseTypes }) => responseTypes.every((type) => type === 'code') },
    { name: 'PKCE is required', isMet: (app) => !isInteractive(app) || needsPkce(app) },
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

/** @see draft-ietf-oauth-v2-1, FAPI 2.0 Security Profile §5.3 */
export const reportProfiles = (app: TrustedApplication): ProfileReport[] =>
  Object.entries(PROFILES).map(([profile, requirements]) => ({
    app: app.applicationUri,
    profile,
    missing: requirements.filter(({ isMet }) => !isMet(app)).map(({ name }) => name),
  }))
