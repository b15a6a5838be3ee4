import type { Fault } from '../refusals/errors.ts'
import { RECORD_ATTRIBUTES } from './app-attributes.ts'
import type { AppRegistration } from './trusted-application.ts'

/** The names and addresses that are the server's own. */
export interface OwnNames {
  /** `undefined` where nobody is asked for it. */
  readonly issuer: string | undefined
  /** The identifiers of every API, which tokens name as their audience. */
  readonly audiences: readonly string[]
}

/** What the `client_id` of an app begins with that registered itself. */
export const SELF_REGISTERED_PREFIX = 'self.'

/** Attributes with addresses to which browsers are sent, or which the server calls, on behalf of the app. */
const ADDRESSES: readonly (keyof AppRegistration)[] = [
  'impersonateLoginUrl',
  'impersonateLogoutUrl',
  'initiateLoginUri',
  'frontchannelLogoutUri',
  'backchannelLogoutUri',
  'sectorIdentifierUri',
  'jwksUri',
  'requestUris',
]

/**
 * What of a record takes something for the app that is the server's own.
 * @see RFC 9700 §4.11, RFC 9068 §5
 */
export const ownNamesIn = (app: AppRegistration, own: OwnNames): Fault[] => [
  ...whyNotItsName(app, own).map((reason) => ({ attribute: 'ApplicationUri', reason })),
  ...(own.issuer === undefined ? [] : addressesAt(new URL(own.issuer), app)),
]

/** An ID token is for a `client_id`, and an access token for an audience: where both are one, either passes for the other. */
const whyNotItsName = (
  { applicationUri, selfRegistered }: AppRegistration,
  { issuer, audiences }: OwnNames,
): string[] => [
  ...(applicationUri === issuer ? ['must not be the issuer, which is the server itself'] : []),
  ...(audiences.includes(applicationUri) ? ['must not be the identifier of an API resource'] : []),
  ...(applicationUri.toLowerCase().startsWith(SELF_REGISTERED_PREFIX) && !selfRegistered
    ? [`must not start with ${SELF_REGISTERED_PREFIX}, which marks apps that registered themselves`]
    : []),
]

function addressesAt(issuer: URL, app: AppRegistration): Fault[] {
  return RECORD_ATTRIBUTES.filter(({ key }) => ADDRESSES.includes(key)).flatMap(({ name, key }) =>
    [app[key]]
      .flat()
      .filter((uri) => typeof uri === 'string' && isAt(issuer, uri))
      .map((uri) => ({
        attribute: name,
        reason: `${String(uri)} is at this server itself; give the app a host of its own`,
      })),
  )
}

const isAt = (issuer: URL, uri: string): boolean => {
  if (!URL.canParse(uri)) return false
  const url = new URL(uri)
  // A dot at the end makes no other host.
  return url.origin !== 'null' && url.protocol === issuer.protocol && url.host.replace(/\.(?=:|$)/, '') === issuer.host
}
