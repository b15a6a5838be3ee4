import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'
import { digest, sameDigest } from '../../lib/crypto/secrets.ts'
import type { Metrics } from '../kit/limits/figures.ts'
import { readBearerToken } from '../kit/requests/bearer-token.ts'
import type { Networks } from '../kit/requests/network.ts'

interface Dependencies {
  readonly metrics: Metrics
  /** Who knows it may read; without one, programs of this machine, where no proxy can bring anybody else. */
  readonly token: string | undefined
  readonly networks: Pick<Networks, 'isFromThisMachine'>
}

/** Figures for a monitoring system; not for the public, who would learn when people sign in. */
export async function metricsEndpoint(
  server: FastifyInstance,
  { metrics, token, networks }: Dependencies,
): Promise<void> {
  const mayRead = (request: FastifyRequest): boolean =>
    token === undefined ? networks.isFromThisMachine(request) : sameDigest(digest(bearerOf(request)), digest(token))
  server.get('/metrics', async (request, reply) => {
    if (!mayRead(request)) throw refused(token !== undefined)
    return reply.type(metrics.contentType).send(await metrics.read())
  })
}

const bearerOf = (request: FastifyRequest): string => readBearerToken(request, undefined) ?? ''

const refused = (byToken: boolean): Refused =>
  new Refused(
    'access_denied',
    'metrics require the metrics token of this server',
    {
      rule: 'metrics-not-for-everybody',
      cause: byToken
        ? 'no Bearer token was sent, or it is not the one of TESSERA_METRICS_TOKEN'
        : 'TESSERA_METRICS_TOKEN is not set, and without it only programs of this machine may read, at an http issuer without a proxy',
    },
    { status: 403 },
  )
