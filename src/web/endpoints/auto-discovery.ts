import type { FastifyInstance } from 'fastify'
import type { ApiResource } from '../../domain/access/api-resource.ts'

interface Dependencies {
  readonly issuer: string
  /** Name of the instance's database. */
  readonly database: string
  readonly readResources: () => Promise<readonly ApiResource[]>
}

interface WebSite {
  readonly Type: string
  readonly Status: 'Working' | 'Unknown'
  readonly StatusDescription: string
  readonly Url: string
  /** Whether it is a part of the instance itself. */
  readonly System: boolean
  readonly AdditionalProperties: Readonly<Record<string, string>> | null
}

/** Where to find it; the second address is the one that older clients know. */
export const AUTO_DISCOVERY_PATHS = ['/tools/auto-discovery', '/sys/auto-discovery'] as const

/** Tells anybody which sites the instance has. */
export async function autoDiscoveryEndpoint(
  server: FastifyInstance,
  { issuer, database, readResources }: Dependencies,
): Promise<void> {
  const { host, origin } = new URL(issuer)
  const own: readonly WebSite[] = [
    {
      Type: 'ID',
      Status: 'Working',
      StatusDescription: 'answers',
      Url: issuer,
      System: true,
      AdditionalProperties: { OpenIdConfiguration: `${issuer}/.well-known/openid-configuration` },
    },
    {
      Type: 'UserProfile',
      Status: 'Working',
      StatusDescription: 'serves programs; pages for people come later',
      Url: `${origin}/profile`,
      System: true,
      AdditionalProperties: { Me: `${origin}/profile/me` },
    },
  ]

  for (const path of AUTO_DISCOVERY_PATHS)
    server.get(path, { config: { public: true } }, async () => ({
      Host: host,
      DbName: database,
      WebSites: [...own, ...(await readResources()).filter(isSite).map(asSite)],
    }))
}

/** An identifier that is no address of the web, such as `DomainAPI` or a urn, leads nowhere. */
const isSite = ({ identifier }: ApiResource): boolean =>
  URL.canParse(identifier) && ['https:', 'http:'].includes(new URL(identifier).protocol)

const asSite = ({ identifier, scopes }: ApiResource): WebSite => ({
  Type: 'API',
  Status: 'Unknown',
  StatusDescription: 'is not monitored from here',
  Url: identifier,
  System: false,
  AdditionalProperties: { Scope: scopes.map(({ name }) => name).join(' ') },
})
