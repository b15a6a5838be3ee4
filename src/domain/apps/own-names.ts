import type { Fault } from '../refusals/errors.ts'
import { RECORD_ATTRIBUTES } from './app-attributes.ts'
import type { AppRegistration } from './trusted-application.ts'

/** The names and addresses that are the server's own. */
export interface OwnNames {
  /** `undefined` where nobody is asked for it. */
  readonly issuer: string | undefined
  /** Further hosts under which the server is reached, with their port where it is not the usual one. */
  readonly hosts: readonly string[]
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
  ...(own.issuer === undefined ? [] : addressesAt(new URL(own.issuer), own.hosts, app)),
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

function addressesAt(issuer: URL, hosts: readonly string[], app: AppRegistration): Fault[] {
  return RECORD_ATTRIBUTES.filter(({ key }) => ADDRESSES.includes(key)).flatMap(({ name, key }) =>
    [app[key]]
      .flat()
      .filter((uri) => typeof uri === 'string' && isAt(issuer, hosts, uri))
      .map((uri) => ({
        attribute: name,
        reason: `${String(uri)} is at this server itself; give the app a host of its own`,
      })),
  )
}

const isAt = (issuer: URL, hosts: readonly string[], uri: string): boolean => {
  if (!URL.canParse(uri)) return false
  const url = new URL(uri)
  // A dot at the end makes no other host.
  const host = url.host.replace(/\.(?=:|$)/, '')
  if (url.origin === 'null') return false
  return (url.protocol === issuer.protocol && host === issuer.host) || hosts.some((own) => host === hostIn(url, own))
}

/** A host as a URL of the same scheme writes it, which may leave the port out. */
const hostIn = ({ protocol }: URL, host: string): string | undefined => {
  const address = `${protocol}//${host}`
  return URL.canParse(address) ? new URL(address).host : undefined
}
