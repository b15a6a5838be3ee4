import type { FastifyInstance } from 'fastify'
import { type ResourceServerOptions, refuseUnknownOptions } from './options.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** Where the metadata of an API are: between its host and its path. @see RFC 9728 §3.1 */
export function metadataUrl(resource: string): URL {
  const { origin, pathname, search } = new URL(resource)
  return new URL(`${WELL_KNOWN}${pathname === '/' ? '' : pathname}${search}`, origin)
}

type Options = Pick<ResourceServerOptions, 'issuer' | 'resource' | 'scopes' | 'resourceName'>

/**
 * Publishes which identity server an API trusts. `resourceServer` does it by itself, except where it was registered under a
 * prefix: then register this at the root.
 * @see RFC 9728 §2
 */
export async function protectedResourceMetadata(app: FastifyInstance, options: Options): Promise<void> {
  refuseUnknownOptions(options)
  const { issuer, resource, scopes, resourceName } = options
  if (resource === undefined) return
  const document = {
    resource,
    authorization_servers: [issuer],
    ...(scopes === undefined ? {} : { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
    ...(resourceName === undefined ? {} : { resource_name: resourceName }),
  }
  app.get(metadataUrl(resource).pathname, { config: { open: true } }, async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=3600').header('access-control-allow-origin', '*').send(document),
  )
}
