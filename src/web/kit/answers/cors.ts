import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TrustedApplications } from '../../../store/repositories/apps/trusted-applications.ts'

interface Dependencies {
  readonly apps: Pick<TrustedApplications, 'anyAtOrigin'>
  /** Paths anybody may read from a browser. */
  readonly publicPaths: readonly string[]
  /** Paths that apps running in a browser call, from the origins of their redirect URIs. */
  readonly appPaths: readonly string[]
}

/**
 * Says which web origins may call what: anybody the public documents, registered apps their endpoints, nobody the rest.
 * Cookies are never involved.
 * @see RFC 9700 §2.6
 */
export async function registerCors(
  server: FastifyInstance,
  { apps, publicPaths, appPaths }: Dependencies,
): Promise<void> {
  async function rulesFor(request: FastifyRequest): Promise<FastifyCorsOptions> {
    const [path = ''] = request.url.split('?')
    if (publicPaths.includes(path)) return { origin: '*', methods: ['GET', 'HEAD'], strictPreflight: false }
    const { origin } = request.headers
    const known = appPaths.includes(path) && origin !== undefined && (await apps.anyAtOrigin(origin))
    return {
      origin: known ? origin : false,
      methods: ['GET', 'POST'],
      allowedHeaders: ['authorization', 'content-type'],
      maxAge: 600,
      strictPreflight: false,
    }
  }

  // With one parameter the plugin waits for a promise.
  await server.register(cors, { delegator: (request: FastifyRequest) => rulesFor(request) })
}
