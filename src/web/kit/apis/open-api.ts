import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

/** @see OpenAPI 3.1 §4.8.27 */
type SecurityScheme =
  | { readonly type: 'http'; readonly scheme: 'bearer'; readonly bearerFormat: string }
  | { readonly type: 'apiKey'; readonly in: 'cookie'; readonly name: string }

interface Api {
  readonly title: string
  readonly description: string
  readonly version: string
  /** How callers prove who they are. */
  readonly security: Readonly<Record<string, SecurityScheme>>
  readonly tags: readonly { readonly name: string; readonly description: string }[]
}

/** Serves a description of every route registered after it, made from their schemas. @see OpenAPI 3.1 */
export async function registerOpenApi(
  server: FastifyInstance,
  { title, description, version, security, tags }: Api,
): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, description, version },
      tags: [...tags],
      components: { securitySchemes: security },
      security: Object.keys(security).map((name) => ({ [name]: [] })),
    },
  })
  server.get('/openapi.json', { schema: { hide: true }, config: { unguarded: true } }, async () => server.swagger())
}
