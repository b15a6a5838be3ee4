import type { FastifyInstance, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** Under which id the operator finds why it was refused. */
    refusalId: string | undefined
  }
}

/** Monitoring asks every few seconds, and is on the log where somebody wants to see everything. */
const QUIET: readonly string[] = ['/health/live', '/health/ready', '/metrics']

/** What a line of the log says of a request: its route as the code has it, never what somebody wrote into the address. */
export const describeRequest = ({ method, routeOptions }: FastifyRequest) => ({
  method,
  route: routeOptions.url ?? 'unknown',
})

/** Writes one line for each request that was answered. @param isOn whether anybody wants them */
export function registerRequestLog(server: FastifyInstance, isOn: boolean): void {
  server.decorateRequest('refusalId', undefined)
  if (!isOn) return
  server.addHook('onResponse', async (request, reply) => {
    const { ip: address, refusalId: refusal } = request
    const about = describeRequest(request)
    const line = {
      ...about,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      address,
      ...(refusal === undefined ? {} : { refusal_id: refusal }),
    }
    request.log[QUIET.includes(about.route) ? 'debug' : 'info'](line, 'request')
  })
}
