import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'
import { digest, sameDigest } from '../../lib/crypto/secrets.ts'
import type { Metrics } from '../kit/limits/figures.ts'
import { readBearerToken } from '../kit/requests/bearer-token.ts'
import { isFromThisMachine } from '../kit/requests/network.ts'

interface Dependencies {
  readonly metrics: Metrics
  /** Who knows it may read; without one, whoever is on this machine. */
  readonly token: string | undefined
}

/** Figures for a monitoring system; not for the public, who would learn when people sign in. */
export async function metricsEndpoint(server: FastifyInstance, { metrics, token }: Dependencies): Promise<void> {
  server.get('/metrics', async (request, reply) => {
    if (token === undefined ? !isFromThisMachine(request) : !sameDigest(digest(bearerOf(request)), digest(token)))
      throw refused(token !== undefined)
    return reply.type(metrics.contentType).send(await metrics.read())
  })
}

const bearerOf = (request: FastifyRequest): string => readBearerToken(request, undefined) ?? ''

const refused = (byToken: boolean): Refused =>
  new Refused(
    'access_denied',
    byToken
      ? 'metrics require the metrics token of this server'
      : 'metrics are available only to requests from the same machine',
    {
      rule: 'metrics-not-for-everybody',
      cause: byToken
        ? 'no Bearer token was sent, or it is not the one of TESSERA_METRICS_TOKEN'
        : 'the request came from another machine or through a proxy, and TESSERA_METRICS_TOKEN is not set',
    },
    { status: 403 },
  )
