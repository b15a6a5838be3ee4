import { type ResourceSite, USUAL_SITE_TYPE } from '../../domain/access/resource-site.ts'
import { wrongUsage } from '../kit/problem.ts'

/** What a command says of the site of an API. */
export interface SiteFlags {
  readonly siteUrl?: string
  readonly siteType?: string
  readonly siteProperty?: readonly string[]
  readonly removeSiteProperty?: readonly string[]
  readonly removeSite?: boolean
}

/** The site as it is after these flags. */
export function siteAfter(before: ResourceSite | undefined, flags: SiteFlags): ResourceSite | undefined {
  const { siteUrl, siteType, siteProperty = [], removeSiteProperty: removed = [], removeSite = false } = flags
  const changes = siteUrl ?? siteType ?? siteProperty[0] ?? removed[0]
  if (removeSite && changes !== undefined) throw wrongUsage('--remove-site: takes no other flag of the site beside it')
  if (removeSite || (changes === undefined && before === undefined)) return undefined
  const url = siteUrl ?? before?.url
  if (url === undefined)
    throw wrongUsage('--site-url: says where it is, and is needed beside the other flags of the site')
  const known = before?.properties ?? {}
  const stranger = removed.find((name) => !Object.hasOwn(known, name))
  if (stranger !== undefined)
    throw wrongUsage(
      `--remove-site-property: ${stranger} is not one of its properties, ${Object.keys(known).join(', ') || 'of which there are none'}`,
    )
  const kept = Object.entries(known).filter(([name]) => !removed.includes(name))
  return {
    type: siteType ?? before?.type ?? USUAL_SITE_TYPE,
    url,
    properties: Object.fromEntries([...kept, ...siteProperty.map(readProperty)]),
  }
}

/** `ODataServiceRoot=https://...`. */
function readProperty(text: string): [string, string] {
  const [name = '', ...rest] = text.split('=')
  if (rest.length === 0) throw wrongUsage(`--site-property: ${text} has no =; write NAME=VALUE`)
  return [name.trim(), rest.join('=').trim()]
}

/** The site as people read it. */
export const siteLines = ({ type, url, properties }: ResourceSite): [string, string | string[]][] => [
  ['SiteType', type],
  ['SiteUrl', url],
  ['SiteProperties', Object.entries(properties).map(([name, value]) => `${name}: ${value}`)],
]
