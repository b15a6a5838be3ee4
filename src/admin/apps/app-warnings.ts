import { isValidSecret, needsReadableSecret } from '../../domain/apps/app-secret.ts'
import {
  type AppRegistration,
  isInteractive,
  isUnasked,
  type TrustedApplication,
} from '../../domain/apps/trusted-application.ts'
import { unwiseAddresses } from '../../domain/apps/uri-leave.ts'
import { isProtocolScope } from '../../domain/protocol/scope.ts'
import { shellWord } from '../../lib/text/shell.ts'

/**
 * What keeps the secrets of an app from proving it; one sentence each.
 * @param now milliseconds since 1970
 */
export function warningsAboutSecrets(app: TrustedApplication, now: number): string[] {
  const unreadable = app.secrets.filter((secret) => isValidSecret(secret, now) && secret.sealed === undefined)
  if (!needsReadableSecret(app) || unreadable.length === 0) return []
  return [
    `only the hash of a secret is stored, and client_secret_jwt needs the secret itself to verify a MAC; create a new one with: ${rotationOf(app)}`,
  ]
}

/** What an export loses of the secrets of an app; one sentence each. @param now milliseconds since 1970 */
export function warningsAboutExport(app: TrustedApplication, now: number): string[] {
  if (!needsReadableSecret(app) || !app.secrets.some((secret) => isValidSecret(secret, now))) return []
  return [
    `the file has only the hash of its secret, which cannot verify the MACs of client_secret_jwt in another instance; create a new one there with: ${rotationOf(app)}`,
  ]
}

const rotationOf = ({ applicationUri }: TrustedApplication): string =>
  `tessera app rotate-secret ${shellWord(applicationUri)} --overlap 7d`

/** What is said of an app and not kept; one sentence each. @param asked what was said in so many words */
export function warningsAboutUnkept({ scope = [] }: Partial<AppRegistration>): string[] {
  const unlisted = scope.filter(isProtocolScope)
  if (unlisted.length === 0) return []
  return [`Scope lists ${unlisted.join(', ')}: protocol scopes need no listing, and were left out of the record`]
}

/**
 * What is possible but hardly meant; one sentence each.
 * @param asked what was said in so many words, rather than left at its default
 */
export function warningsAbout(app: AppRegistration, asked: Partial<AppRegistration> = {}): string[] {
  const plainLocalhost = app.impersonateLoginUrl.find((uri) => /^http:\/\/localhost(?=[:/?]|$)/.test(uri))
  const warnings: readonly (readonly [boolean, string])[] = [
    [app.basicAuthenticationAllowed, 'BasicAuthenticationAllowed is only a note: APIs never accept passwords'],
    [app.clientType === 'None', 'ClientType None registers the app as a note only: it cannot use any flow'],
    [
      app.clientType !== 'None' && !isInteractive(app) && !app.systemUserAllowed,
      'nobody can use the app: it admits neither internal nor community users and has no System User',
    ],
    [
      app.systemUserAllowed && app.scope.length === 0,
      'Scope is empty: tokens that the app gets as its System User open no API',
    ],
    [
      app.systemUser !== undefined && !app.systemUserAllowed,
      'SystemUserAllowed is false, so the app cannot act as its SystemUser',
    ],
    [
      app.clientType === 'Public' && plainLocalhost !== undefined,
      `${plainLocalhost} names localhost, which can lead elsewhere than to this device: native apps should use http://127.0.0.1 (RFC 8252 §8.3)`,
    ],
    [
      app.impersonateAsCommunityUserAllowed && !app.impersonateAsInternalUserAllowed && app.scope.length > 0,
      'Scope has API scopes, but community users never get any',
    ],
    [
      app.clientType === 'Public' && asked.requirePkce === false,
      'RequirePkce=false has no effect: a Public app must always use PKCE',
    ],
    [
      app.insecureRedirectsAllowed && !unwiseAddresses(app).some((told) => told.startsWith('http:')),
      'InsecureRedirectsAllowed is true, and no address of the app needs it',
    ],
    [isUnasked(app), 'RequireConsent is false: anybody can pose as a Public app and gets tokens without consent'],
  ]
  return [
    ...warningsAboutUnkept(asked),
    ...warnings.filter(([holds]) => holds).map(([, warning]) => warning),
    ...unwiseAddresses(app),
  ]
}
