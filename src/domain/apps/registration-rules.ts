import { originOf } from '../protocol/redirect-uri.ts'
import { whyUnregistrable } from '../protocol/registrable-uri.ts'
import { ADMINISTRATION_SCOPE } from '../protocol/scope.ts'
import type { Fault } from '../refusals/errors.ts'
import { RECORD_ATTRIBUTES } from './app-attributes.ts'
import { hostOf } from './sector.ts'
import { type AppRegistration, isInteractive } from './trusted-application.ts'
import { uriLeaveOf } from './uri-leave.ts'

/** A rule of the record: what is wrong with the attribute it checks, if anything. */
type Rule = (app: AppRegistration) => Fault[]

const fault = (attribute: string, reason: string | undefined | false): Fault[] =>
  reason ? [{ attribute, reason }] : []

/** What is wrong with a value by itself, as the row of its attribute says. */
const values: Rule = (app) =>
  RECORD_ATTRIBUTES.flatMap(({ name, faultsIn }) => faultsIn(app).map((reason) => ({ attribute: name, reason })))

const addresses =
  (attribute: string, listed: (app: AppRegistration) => readonly string[]): Rule =>
  (app) =>
    listed(app).flatMap((uri) => {
      const reason = whyUnregistrable(uri, uriLeaveOf(app))
      return fault(attribute, reason && `${uri} ${reason}`)
    })

const redirectUris = addresses('ImpersonateLoginUrl', ({ impersonateLoginUrl }) => impersonateLoginUrl)

const logoutUris = addresses('ImpersonateLogoutUrl', ({ impersonateLogoutUrl }) => impersonateLogoutUrl)

const signInNeedsRedirectUri: Rule = (app) =>
  fault(
    'ImpersonateLoginUrl',
    isInteractive(app) && app.impersonateLoginUrl.length === 0 && 'is required: people are sent there after sign-in',
  )

const systemUser: Rule = (app) => [
  ...fault(
    'SystemUser',
    app.systemUserAllowed && app.systemUser === undefined && 'is required if SystemUserAllowed is true',
  ),
  ...fault(
    'SystemUserAllowed',
    app.systemUserAllowed &&
      app.clientType !== 'Confidential' &&
      'requires ClientType Confidential: only a secret proves who calls',
  ),
]

const administration: Rule = (app) =>
  fault(
    'Scope',
    app.scope.includes(ADMINISTRATION_SCOPE) &&
      !app.administrationAllowed &&
      `${ADMINISTRATION_SCOPE} opens the administration API and requires AdministrationAllowed true`,
  )

const responseTypes: Rule = (app) =>
  fault('ResponseTypes', app.responseTypes.length === 0 && isInteractive(app) && 'must name at least one')

/** @see OIDC Core §8.1 */
const sector: Rule = ({ sectorIdentifierUri, subjectType, impersonateLoginUrl: redirectUris }) => {
  if (sectorIdentifierUri !== undefined) return []
  const [host, ...others] = redirectUris.map(hostOf)
  const isOne = host !== undefined && others.every((other) => other === host)
  const many = subjectType === 'pairwise' && redirectUris.length > 0 && !isOne
  return fault(
    'SectorIdentifierUri',
    many && 'is required for pairwise subjects, as the redirect URIs are not all on one host',
  )
}

/** Nobody vouched for what registered itself. */
const selfRegistered: Rule = (app) => {
  if (!app.selfRegistered) return []
  const never = 'cannot be set for an app that registered itself; register an app yourself for that'
  return [
    ...fault('SystemUserAllowed', app.systemUserAllowed && never),
    ...fault('AdministrationAllowed', app.administrationAllowed && never),
    ...fault('InsecureRedirectsAllowed', app.insecureRedirectsAllowed && never),
    ...fault('RequireConsent', !app.requireConsent && 'must be true for an app that registered itself'),
  ]
}

/** The browser loads it with the cookies of the app, so it is the app's own. @see OIDC Front-Channel Logout §2 */
const frontchannelLogout: Rule = (app) => {
  const { frontchannelLogoutUri: uri, impersonateLoginUrl } = app
  if (uri === undefined) return []
  const isItsOwn = impersonateLoginUrl.some((known) => originOf(known) === originOf(uri))
  const elsewhere = 'must have the scheme, host and port of one of the ImpersonateLoginUrl'
  return fault(
    'FrontchannelLogoutUri',
    whyUnregistrable(uri, { ...uriLeaveOf(app), schemes: 'none' }) ?? (!isItsOwn && elsewhere),
  )
}

const keys: Rule = ({ jwks, jwksUri }) =>
  fault(
    'JwksUri',
    jwksUri !== undefined && jwks !== undefined && 'cannot be combined with Jwks: an app has one or the other',
  )

const authentication: Rule = (app) => {
  const { tokenEndpointAuthMethod: method, tokenEndpointAuthSigningAlg: alg } = app
  const signs = method === 'private_key_jwt' || method === 'client_secret_jwt'
  const fits = (alg === 'HS256') === (method === 'client_secret_jwt')
  return [
    ...fault(
      'TokenEndpointAuthMethod',
      method !== 'client_secret' && app.clientType !== 'Confidential' && `${method} requires ClientType Confidential`,
    ),
    ...fault(
      'TokenEndpointAuthMethod',
      method === 'private_key_jwt' &&
        app.jwks === undefined &&
        app.jwksUri === undefined &&
        'private_key_jwt requires the public keys of the app: Jwks or JwksUri',
    ),
    ...fault(
      'TokenEndpointAuthSigningAlg',
      alg !== undefined &&
        (signs ? !fits && `${alg} does not fit ${method}` : 'is only for client_secret_jwt and private_key_jwt'),
    ),
  ]
}

const requestObjects: Rule = (app) =>
  fault(
    'RequireSignedRequestObject',
    app.requireSignedRequestObject &&
      (app.requestObjectSigningAlg === 'none'
        ? 'cannot be combined with RequestObjectSigningAlg none'
        : app.jwks === undefined &&
          app.jwksUri === undefined &&
          'requires the public keys of the app: Jwks or JwksUri'),
  )

const RULES: readonly Rule[] = [
  values,
  redirectUris,
  logoutUris,
  signInNeedsRedirectUri,
  systemUser,
  administration,
  responseTypes,
  sector,
  selfRegistered,
  frontchannelLogout,
  keys,
  authentication,
  requestObjects,
]

const NAMES = RECORD_ATTRIBUTES.map(({ name }) => name)

/** Everything that makes a registration unable to work, in the order of the record; empty when it can be stored. */
export const faultsOf = (app: AppRegistration): Fault[] =>
  RULES.flatMap((rule) => rule(app)).sort((a, b) => NAMES.indexOf(a.attribute) - NAMES.indexOf(b.attribute))
