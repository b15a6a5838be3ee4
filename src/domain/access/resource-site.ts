import type { Fault } from '../refusals/errors.ts'

/** Where programs find an API, and what they have to know of it; everybody may read this. */
export interface ResourceSite {
  /** What kind of site it is, such as `API`. */
  readonly type: string
  readonly url: string
  /** Further facts by name, such as `ODataServiceRoot`. */
  readonly properties: Readonly<Record<string, string>>
}

/** Whether a site answers, in words that everybody may read. */
export interface SiteStatus {
  readonly status: 'Working' | 'NotWorking' | 'Unknown'
  readonly description: string
}

export const USUAL_SITE_TYPE = 'API'

/** Where everybody is told that an API is; one whose identifier is no address of the web, such as `DomainAPI` or a urn, says so by its site. */
export function addressOf({
  identifier,
  site,
}: {
  readonly identifier: string
  readonly site?: ResourceSite | undefined
}) {
  const url = site?.url ?? identifier
  return URL.canParse(url) && ['https:', 'http:'].includes(new URL(url).protocol) ? url : undefined
}

const MOST_PROPERTIES = 20
const PROPERTY_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/

/** The site under the names of the record; nothing where there is none. */
export const showSite = (site: ResourceSite | undefined) =>
  site === undefined
    ? {}
    : {
        SiteType: site.type,
        SiteUrl: site.url,
        ...(Object.keys(site.properties).length === 0 ? {} : { SiteProperties: inOrder(site.properties) }),
      }

/** The site as it is kept: properties in one order, so that equal sites are told from others. */
export const siteInOrder = (site: ResourceSite): ResourceSite => ({ ...site, properties: inOrder(site.properties) })

const inOrder = (properties: ResourceSite['properties']): Record<string, string> =>
  Object.fromEntries(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1)))

/** Everything that makes a site unfit to be told to everybody. */
export function siteFaults(site: ResourceSite | undefined): Fault[] {
  if (site === undefined) return []
  const names = Object.keys(site.properties)
  return [
    ...faultOf(
      'SiteType',
      !/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(site.type) &&
        'must be 1 to 64 letters, digits, dots, dashes or underscores',
    ),
    ...faultOf('SiteUrl', whyNoSiteUrl(site.url)),
    ...faultOf('SiteProperties', names.length > MOST_PROPERTIES && `must not be more than ${MOST_PROPERTIES}`),
    ...names.flatMap((name) => [
      ...faultOf(
        'SiteProperties',
        !PROPERTY_NAME.test(name) && 'must have names of 1 to 64 letters, digits, dots, dashes or underscores',
      ),
      ...faultOf('SiteProperties', name === 'Scope' && 'must not name Scope, which lists the scopes of the API'),
      ...faultOf(
        'SiteProperties',
        !/^[^\p{Cc}]{1,1024}$/u.test(site.properties[name] ?? '') &&
          'must have values of 1 to 1024 characters without control characters',
      ),
    ]),
  ]
}

const faultOf = (attribute: string, reason: string | false | undefined): Fault[] =>
  reason ? [{ attribute, reason }] : []

function whyNoSiteUrl(url: string): string | undefined {
  const parsed = /^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$/.test(url) && URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !['https:', 'http:'].includes(parsed.protocol)) return 'must be an http or https URL'
  if (parsed.username !== '' || parsed.password !== '') return 'must not contain a user name or password'
  return url.includes('#') ? 'must not have a fragment' : undefined
}
