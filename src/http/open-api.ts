import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

interface Api {
  readonly title: string
  readonly description: string
  readonly version: string
  readonly tags: readonly { readonly name: string; readonly description: string }[]
}

/** Serves a description of every route registered after it, made from their schemas. @see OpenAPI 3.1 */
export async function registerOpenApi(app: FastifyInstance, { title, description, version, tags }: Api): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, description, version },
      tags: [...tags],
      components: { securitySchemes: { accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ accessToken: [] }],
    },
  })
  app.get('/openapi.json', { schema: { hide: true }, config: { unguarded: true } }, async () => app.swagger())
}
