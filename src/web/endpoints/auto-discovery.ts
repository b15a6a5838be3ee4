import type { FastifyInstance } from 'fastify'
import type { ApiResource } from '../../domain/access/api-resource.ts'
import { addressOf, type SiteStatus, USUAL_SITE_TYPE } from '../../domain/access/resource-site.ts'
import { type NamesByLanguage, showTexts } from '../../domain/apps/names-by-language.ts'

interface Dependencies {
  readonly issuer: string
  /** Name of the instance's database. */
  readonly database: string
  /** Identifier of the API of the instance itself. */
  readonly defaultResource: string
  readonly readResources: () => Promise<readonly ApiResource[]>
  /** How a site is doing that the operator has registered, by what is known; asks nobody to wait. */
  readonly statusOf: (url: string) => SiteStatus
}

/** What something is called, in other languages too where the operator says so. */
interface Named {
  readonly Name: string
  readonly LocalizedNames?: NamesByLanguage
}

interface WebSite extends Partial<Named> {
  readonly Type: string
  readonly Status: SiteStatus['status']
  readonly StatusDescription: string
  readonly Url: string
  /** Whether it is a part of the instance itself. */
  readonly System: boolean
  readonly AdditionalProperties: Readonly<Record<string, string>> | null
  /** Those of an API. */
  readonly Scopes?: readonly Named[]
}

/** Where to find it; the second address is the one that older clients know. */
export const AUTO_DISCOVERY_PATHS = ['/tools/auto-discovery', '/sys/auto-discovery'] as const

/** Tells anybody which sites the instance has. */
export async function autoDiscoveryEndpoint(
  server: FastifyInstance,
  { issuer, database, defaultResource, readResources, statusOf }: Dependencies,
): Promise<void> {
  const { host } = new URL(issuer)
  const own: readonly WebSite[] = [
    {
      Type: 'ID',
      Status: 'Working',
      StatusDescription: 'answers',
      Url: issuer,
      System: true,
      AdditionalProperties: { OpenIdConfiguration: `${issuer}/.well-known/openid-configuration` },
    },
  ]

  function siteOf({ identifier, name, localizedNames, scopes, site }: ApiResource): WebSite[] {
    const url = addressOf({ identifier, site })
    if (url === undefined) return []
    // An identifier is a name: whether anybody answers there, nobody has said.
    const { status, description } =
      site === undefined ? ({ status: 'Unknown', description: 'is not monitored from here' } as const) : statusOf(url)
    return [
      {
        Type: site?.type ?? USUAL_SITE_TYPE,
        ...named({ name, localizedNames }),
        Status: status,
        StatusDescription: description,
        Url: url,
        System: identifier === defaultResource,
        AdditionalProperties: { Scope: scopes.map(({ name }) => name).join(' '), ...site?.properties },
        Scopes: scopes.map(named),
      },
    ]
  }

  for (const path of AUTO_DISCOVERY_PATHS)
    server.get(path, { config: { public: true } }, async () => ({
      Host: host,
      DbName: database,
      WebSites: [...own, ...(await readResources()).flatMap(siteOf)],
    }))
}

const named = ({ name, localizedNames }: { name: string; localizedNames?: NamesByLanguage | undefined }): Named => ({
  Name: name,
  ...showTexts('LocalizedNames', localizedNames),
})
