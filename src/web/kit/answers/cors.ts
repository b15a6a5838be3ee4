import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TrustedApplications } from '../../../store/repositories/apps/trusted-applications.ts'

interface Dependencies {
  readonly apps: Pick<TrustedApplications, 'anyAtOrigin'>
  /** The path of the issuer. */
  readonly base: string
  /** Paths outside it that anybody may read from a browser. */
  readonly publicPaths: readonly string[]
  /** Whether anybody may register an app, from wherever they like. */
  readonly anybodyRegisters: boolean
}

/** Below the issuer. */
const PUBLIC = ['/.well-known/openid-configuration', '/.well-known/openid-configuration/jwks']
const FOR_APPS = ['/connect/token', '/connect/userinfo', '/connect/revocation']
const REGISTRATION = '/connect/register'

const TO_APPS = { allowedHeaders: ['authorization', 'content-type'], maxAge: 600, strictPreflight: false }

/**
 * Says which web origins may call what: anybody the public documents and an open registration, registered apps their endpoints, nobody
 * the rest.
 * Cookies are never involved.
 * @see RFC 9700 §2.6
 */
export async function registerCors(
  server: FastifyInstance,
  { apps, base, publicPaths, anybodyRegisters }: Dependencies,
): Promise<void> {
  async function rulesFor(request: FastifyRequest): Promise<FastifyCorsOptions> {
    const [path = ''] = request.url.split('?')
    const own = path.startsWith(`${base}/`) ? path.slice(base.length) : ''
    if (publicPaths.includes(path) || PUBLIC.includes(own))
      return { origin: '*', methods: ['GET', 'HEAD'], strictPreflight: false }
    if (anybodyRegisters && (own === REGISTRATION || own.startsWith(`${REGISTRATION}/`)))
      return { ...TO_APPS, origin: '*', methods: ['GET', 'POST', 'PUT', 'DELETE'] }
    const { origin } = request.headers
    const known = FOR_APPS.includes(own) && origin !== undefined && (await apps.anyAtOrigin(origin))
    return { ...TO_APPS, origin: known ? origin : false, methods: ['GET', 'POST'] }
  }

  // With one parameter the plugin waits for a promise.
  await server.register(cors, { delegator: (request: FastifyRequest) => rulesFor(request) })
}
