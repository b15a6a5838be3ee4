import type { FastifyInstance, HTTPMethods } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const satisfies HTTPMethods[]

/**
 * Watches the routes registered from now on.
 * @returns registers, for each of their addresses, a refusal that names the methods it takes. @see RFC 9110 §15.5.6
 */
export function watchMethods(server: FastifyInstance): () => void {
  const taken = new Map<string, Set<string>>()
  server.addHook('onRoute', ({ routePath, method }) => {
    const methods = taken.get(routePath) ?? new Set()
    for (const one of [method].flat()) methods.add(one)
    taken.set(routePath, methods)
  })
  return () => {
    for (const [url, methods] of [...taken]) {
      const allowed = [...methods].join(', ')
      server.route({
        url,
        method: METHODS.filter((method) => !methods.has(method)),
        schema: { hide: true },
        handler: async ({ method }, reply) => {
          reply.header('allow', allowed)
          const cause = `this address does not support ${method}`
          const why = { rule: 'api-method-wrong', cause, sent: method, expected: [...methods] } as const
          throw new Refused('invalid_request', `use ${allowed} here`, why, { status: 405 })
        },
      })
    }
  }
}
