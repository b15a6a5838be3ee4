import type { FastifyInstance } from 'fastify'

interface Dependencies {
  readonly metadata: () => Promise<Readonly<Record<string, unknown>>>
  /** RFC 8414 puts its document at the root of the host, with the issuer's path behind it. */
  readonly rootPath: string
}

const PUBLIC = { config: { public: true } } as const

/** Server metadata for OpenID Connect clients. @see OIDC Discovery §4 */
export async function discoveryEndpoint(
  server: FastifyInstance,
  { metadata }: Pick<Dependencies, 'metadata'>,
): Promise<void> {
  server.get('/.well-known/openid-configuration', PUBLIC, () => metadata())
}

/** The same document for OAuth clients. @see RFC 8414 §3.1 */
export async function oauthMetadataEndpoint(
  server: FastifyInstance,
  { metadata, rootPath }: Dependencies,
): Promise<void> {
  server.get(rootPath, PUBLIC, () => metadata())
}
