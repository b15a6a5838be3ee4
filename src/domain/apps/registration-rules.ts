import { SECOND } from '../../lib/time/clock.ts'
import { showDuration } from '../../lib/time/duration.ts'
import { isLoopbackHost, originOf, whyNotNotifiable, whyUnregistrable } from '../protocol/redirect-uri.ts'
import { ADMINISTRATION_SCOPE, isProtocolScope, isScopeToken } from '../protocol/scope.ts'
import { whyBadName } from '../records/readable-name.ts'
import type { Fault } from '../refusals/errors.ts'
import { readKeySet } from './app-keys.ts'
import { hostsOf } from './sector.ts'
import { type AppRegistration, isInteractive, LONGEST_REPLAY_WINDOW } from './trusted-application.ts'

/** A rule of the record: what is wrong with the attribute it judges, if anything. */
type Rule = (app: AppRegistration) => Fault[]

const fault = (attribute: string, reason: string | undefined | false): Fault[] =>
  reason ? [{ attribute, reason }] : []

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const applicationUri: Rule = ({ applicationUri: uri }) => [
  ...fault(
    'ApplicationUri',
    !/^[\x21-\x7e]{1,128}$/.test(uri) && 'must be 1 to 128 visible ASCII characters without spaces',
  ),
  ...fault('ApplicationUri', uri.startsWith('-') && 'must not start with a hyphen: commands would take it for a flag'),
  // A user's `sub` is a UUID, and a service token's `sub` is the client_id: the two must never meet. RFC 9700 §4.15
  ...fault('ApplicationUri', UUID.test(uri) && 'must not look like a user id (a UUID)'),
]

const name: Rule = (app) => fault('Name', whyBadName(app.name))

const redirectUris: Rule = (app) =>
  app.impersonateLoginUrl.flatMap((uri) => {
    const reason = whyUnregistrable(uri, app.clientType === 'Public')
    return fault('ImpersonateLoginUrl', reason && `${uri} ${reason}`)
  })

const logoutUris: Rule = (app) =>
  app.impersonateLogoutUrl.flatMap((uri) => {
    const reason = whyUnregistrable(uri, app.clientType === 'Public')
    return fault('ImpersonateLogoutUrl', reason && `${uri} ${reason}`)
  })

const signInNeedsRedirectUri: Rule = (app) =>
  fault(
    'ImpersonateLoginUrl',
    isInteractive(app) &&
      app.impersonateLoginUrl.length === 0 &&
      'is needed: people who sign in must be sent somewhere',
  )

const systemUser: Rule = (app) => [
  ...fault(
    'SystemUser',
    app.systemUserAllowed && app.systemUser === undefined && 'is needed where SystemUserAllowed is true',
  ),
  ...fault(
    'SystemUserAllowed',
    app.systemUserAllowed &&
      app.clientType !== 'Confidential' &&
      'needs ClientType Confidential: only a secret proves who calls',
  ),
]

const scopes: Rule = (app) =>
  app.scope.flatMap((scope) => [
    ...fault('Scope', !isScopeToken(scope) && `${JSON.stringify(scope)} is not a scope name`),
    ...fault('Scope', isProtocolScope(scope) && `${scope} is a protocol scope and needs no listing`),
  ])

const administration: Rule = (app) =>
  fault(
    'Scope',
    app.scope.includes(ADMINISTRATION_SCOPE) &&
      !app.administrationAllowed &&
      `${ADMINISTRATION_SCOPE} opens the administration API and needs AdministrationAllowed true`,
  )

const seconds = (attribute: string, value: number | undefined, least: number, most: number): Fault[] =>
  fault(
    attribute,
    value !== undefined &&
      !(Number.isInteger(value) && value >= least && value <= most) &&
      `must be a whole number of seconds from ${least} to ${most}, which is ${showDuration(least * SECOND)} to ${showDuration(most * SECOND)}`,
  )

const lifetimes: Rule = (app) => [
  ...seconds('RefreshReplayWindow', app.refreshReplayWindow, 0, LONGEST_REPLAY_WINDOW / 1000),
  ...seconds('AccessTokenLifetime', app.accessTokenLifetime, 60, 86_400),
  ...seconds('RefreshTokenLifetime', app.refreshTokenLifetime, 60, 31_536_000),
  ...seconds('DefaultMaxAge', app.defaultMaxAge, 0, 31_536_000),
]

const responseTypes: Rule = (app) =>
  fault('ResponseTypes', app.responseTypes.length === 0 && isInteractive(app) && 'must name at least one')

/** A name before the host would pass for one: `https://bank.example@evil.test/`. */
const isWebUrl = (uri: string, allowLoopback: boolean): boolean => {
  if (uri.length > 2048 || !/^https?:\/\/\S+$/.test(uri) || !URL.canParse(uri)) return false
  const { protocol, hostname, username, password } = new URL(uri)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (allowLoopback && protocol === 'http:' && isLoopbackHost(hostname))
}

const webUrls: Rule = (app) =>
  Object.entries({
    LogoUri: app.logoUri,
    PolicyUri: app.policyUri,
    TosUri: app.tosUri,
    ClientUri: app.clientUri,
    InitiateLoginUri: app.initiateLoginUri,
  }).flatMap(([attribute, uri]) =>
    fault(attribute, uri !== undefined && !isWebUrl(uri, false) && 'must be an https URL'),
  )

const contacts: Rule = (app) =>
  app.contacts.flatMap((contact) => {
    const reason = whyBadName(contact) ?? (contact.includes(',') ? 'must not hold a comma' : undefined)
    return fault('Contacts', reason && `one of them ${reason}`)
  })

/** @see OIDC Core §8.1 */
const sector: Rule = (app) => {
  const { sectorIdentifierUri: uri, subjectType, impersonateLoginUrl: redirectUris } = app
  if (uri !== undefined) return fault('SectorIdentifierUri', !isWebUrl(uri, true) && 'must be an https URL')
  const hosts = hostsOf(redirectUris)
  const many = subjectType === 'pairwise' && hosts.length !== 1 && redirectUris.length > 0
  return fault('SectorIdentifierUri', many && 'is needed for pairwise subjects: the redirect URIs are not on one host')
}

/** Nobody vouched for what registered itself. */
const selfRegistered: Rule = (app) => {
  if (!app.selfRegistered) return []
  const never = 'is never for an app that registered itself; register one of your own for that'
  return [
    ...fault('SystemUserAllowed', app.systemUserAllowed && never),
    ...fault('AdministrationAllowed', app.administrationAllowed && never),
    ...fault('RequireConsent', !app.requireConsent && 'must be true for an app that registered itself'),
  ]
}

const backchannelLogout: Rule = ({ backchannelLogoutUri: uri }) =>
  fault('BackchannelLogoutUri', uri !== undefined && whyNotNotifiable(uri))

/** The browser loads it with the cookies of the app, so it is the app's own. @see OIDC Front-Channel Logout §2 */
const frontchannelLogout: Rule = ({ frontchannelLogoutUri: uri, impersonateLoginUrl }) => {
  if (uri === undefined) return []
  const isItsOwn = impersonateLoginUrl.some((known) => originOf(known) === originOf(uri))
  const elsewhere = 'must have the scheme, host and port of one of the ImpersonateLoginUrl'
  return fault('FrontchannelLogoutUri', whyUnregistrable(uri, false) ?? (!isItsOwn && elsewhere))
}
const keys: Rule = ({ jwks, jwksUri }) => [
  ...(jwks === undefined ? [] : readKeySet(jwks).faults.flatMap((reason) => fault('Jwks', reason))),
  ...fault(
    'JwksUri',
    jwksUri !== undefined && jwks !== undefined && 'cannot stand beside Jwks: an app has one or the other',
  ),
  ...fault(
    'JwksUri',
    jwksUri !== undefined &&
      (!/^https?:\/\//.test(jwksUri) || !URL.canParse(jwksUri) || jwksUri.length > 2048) &&
      'must be an https URL',
  ),
]

const authentication: Rule = (app) => {
  const { tokenEndpointAuthMethod: method, tokenEndpointAuthSigningAlg: alg } = app
  const signs = method === 'private_key_jwt' || method === 'client_secret_jwt'
  const fits = (alg === 'HS256') === (method === 'client_secret_jwt')
  return [
    ...fault(
      'TokenEndpointAuthMethod',
      method !== 'client_secret' && app.clientType !== 'Confidential' && `${method} needs ClientType Confidential`,
    ),
    ...fault(
      'TokenEndpointAuthMethod',
      method === 'private_key_jwt' &&
        app.jwks === undefined &&
        app.jwksUri === undefined &&
        'private_key_jwt needs the public keys of the app: Jwks or JwksUri',
    ),
    ...fault(
      'TokenEndpointAuthSigningAlg',
      alg !== undefined &&
        (signs ? !fits && `${alg} does not fit ${method}` : 'is for client_secret_jwt and private_key_jwt'),
    ),
  ]
}

const requestObjects: Rule = (app) => [
  ...fault(
    'RequireSignedRequestObject',
    app.requireSignedRequestObject &&
      (app.requestObjectSigningAlg === 'none'
        ? 'does not go with RequestObjectSigningAlg none'
        : app.jwks === undefined && app.jwksUri === undefined && 'needs the public keys of the app: Jwks or JwksUri'),
  ),
  ...app.requestUris.flatMap((uri) =>
    fault(
      'RequestUris',
      (!/^https?:\/\/[\x21-\x7e]{1,500}$/.test(uri) || !URL.canParse(uri)) &&
        `${uri} must be an https URL of at most 500 characters`,
    ),
  ),
]

const RULES: readonly Rule[] = [
  applicationUri,
  name,
  redirectUris,
  logoutUris,
  signInNeedsRedirectUri,
  systemUser,
  scopes,
  administration,
  lifetimes,
  responseTypes,
  webUrls,
  contacts,
  sector,
  selfRegistered,
  backchannelLogout,
  frontchannelLogout,
  keys,
  authentication,
  requestObjects,
]

/** Everything that makes a registration unable to work; empty when it can be stored. */
export const faultsOf = (app: AppRegistration): Fault[] => RULES.flatMap((rule) => rule(app))
