import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'
import { MINUTE, SECOND } from '../../../lib/time/clock.ts'
import { claimedClientId } from '../answers/refusals.ts'
import type { Networks } from '../requests/network.ts'
import type { Activity } from './activity.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What a request is counted as, while it is being counted. */
    countedAs: string
  }
  interface FastifyContextConfig {
    /** Apps prove here who they are, so it is where their secrets would be guessed. */
    provesApps?: true
  }
}

/** How much may be asked; 0 is no limit. */
export interface Limits {
  /** A second and app. */
  readonly token: number
  /** A second and app. */
  readonly introspect: number
  /** A minute and network. */
  readonly authorize: number
  /** Changes a minute and person. */
  readonly profile: number
  /** Failed authentications a minute, app and network. */
  readonly appFailures: number
}

export type RateLimits = Awaited<ReturnType<typeof registerRateLimits>>

// Of each kind; whoever has not come for longest is forgotten first.
const MOST_COUNTED = 10_000

/**
 * Limits of how often something may be asked, counted by each node in bounded memory. An app is counted once it has proved who it
 * is, so that nobody can use up what another one may ask.
 * @throws Refused `temporarily_unavailable` with status 429, each of them
 */
export async function registerRateLimits(
  server: FastifyInstance,
  limits: Limits,
  { networkToLimit }: Pick<Networks, 'networkToLimit'>,
  activity: Pick<Activity, 'throttled'>,
) {
  server.decorateRequest('countedAs', '')
  await server.register(rateLimit, { global: false, cache: MOST_COUNTED })

  function counter(name: Parameters<Activity['throttled']>[0], max: number, timeWindow: number) {
    const setting = `TESSERA_LIMIT_${name.toUpperCase().replace('-', '_')}`
    const count = server.createRateLimit({ max, timeWindow, keyGenerator: ({ countedAs }) => countedAs })
    const unlimited = { isExceeded: false, retryAfter: 0 }

    /** @param increment whether this is one more, or only a look */
    async function look(request: FastifyRequest, key: string, increment: boolean) {
      if (max === 0) return unlimited
      request.countedAs = key
      const counted = await count(request, { increment })
      if (counted.isAllowed) return unlimited
      const isExceeded = counted.isExceeded || (!increment && counted.remaining === 0)
      return { isExceeded, retryAfter: Math.max(1, counted.ttlInSeconds) }
    }
    return {
      look,
      async require(request: FastifyRequest, key: string, increment = true): Promise<void> {
        const { isExceeded, retryAfter } = await look(request, key, increment)
        if (!isExceeded) return
        activity.throttled(name)
        throw tooMany(setting, max, timeWindow, retryAfter)
      },
    }
  }

  const token = counter('token', limits.token, SECOND)
  const introspect = counter('introspect', limits.introspect, SECOND)
  const authorize = counter('authorize', limits.authorize, MINUTE)
  const profile = counter('profile', limits.profile, MINUTE)
  const failures = counter('app-failures', limits.appFailures, MINUTE)

  /** Whose secret is being guessed from where; an app is not kept out because somebody else guesses. */
  function guessing(request: FastifyRequest): string | undefined {
    const network = networkToLimit(request)
    const clientId = claimedClientId(request)
    return request.routeOptions.config.provesApps && network && clientId ? `${network} ${clientId}` : undefined
  }
  server.addHook('preHandler', async (request) => {
    const key = guessing(request)
    if (key !== undefined) await failures.require(request, key, false)
  })
  server.addHook('onError', async (request, _reply, error) => {
    const key = error instanceof Refused && error.code === 'invalid_client' ? guessing(request) : undefined
    if (key !== undefined) await failures.look(request, key, true)
  })

  /** What runs on this very machine could do it more harm than by asking; load is measured from there. */
  const of = (limit: typeof token) => async (request: FastifyRequest, whose: string) => {
    if (networkToLimit(request) !== undefined) await limit.require(request, whose)
  }

  return {
    token: of(token),
    introspect: of(introspect),
    profile: of(profile),

    /** Whoever is signed in has an allowance of their own, where the neighbours have used up that of the network. */
    async authorize(request: FastifyRequest, findSession: () => Promise<string | undefined>): Promise<void> {
      const network = networkToLimit(request)
      if (network === undefined) return
      const { isExceeded } = await authorize.look(request, network, true)
      if (!isExceeded) return
      const session = await findSession()
      await authorize.require(request, session === undefined ? network : `session ${session}`)
    },
  }
}

function tooMany(setting: string, max: number, window: number, retryAfter: number): Refused {
  const unit = window === SECOND ? 'second' : 'minute'
  return new Refused(
    'temporarily_unavailable',
    'too many requests; try again after the time given in Retry-After',
    { rule: 'too-many-requests', cause: `more than ${max} per ${unit}, the limit of ${setting}` },
    { status: 429, retryAfter },
  )
}
