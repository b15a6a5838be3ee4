import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import type { Registration } from '../../oauth/registration/registration.ts'
import type { Activity } from '../kit/limits/activity.ts'
import { readBearerToken } from '../kit/requests/bearer-token.ts'
import { jsonObject, registerJsonObject } from '../kit/requests/json-object.ts'
import type { Networks } from '../kit/requests/network.ts'

interface Dependencies {
  readonly registration: Registration
  readonly networks: Pick<Networks, 'networkToLimit'>
  readonly activity: Pick<Activity, 'throttled'>
}

/** The rules that turn away whoever does too much of it, and whoever comes when there is too much. */
type LimitRule = Extract<RefusalRule, `registration${string}-too-often` | `registration${string}-full`>

// The compiler asks for each of them.
const LIMITS: Readonly<Record<LimitRule, true>> = {
  'registration-too-often': true,
  'registration-fetched-too-often': true,
  'registration-changed-too-often': true,
  'registrations-full': true,
}

interface OfClient {
  readonly Params: { readonly client: string }
}

/** Where apps register themselves, and look after that registration. @see RFC 7591 §3, RFC 7592 §2 */
export async function registrationEndpoint(
  server: FastifyInstance,
  { registration, networks, activity }: Dependencies,
): Promise<void> {
  registerJsonObject(server)
  server.addHook('onError', async (_request, _reply, error: Error) => {
    if (error instanceof Refused && Object.hasOwn(LIMITS, error.detail.rule)) activity.throttled('registration')
  })
  const options = { config: { bearer: true } } as const
  const at = (request: FastifyRequest) => ({ address: request.ip, network: networks.networkToLimit(request) })

  server.post('/connect/register', options, async (request, reply) => {
    const token = readBearerToken(request, undefined)
    const client = await registration.register(jsonObject(request), token, at(request))
    return reply.status(201).send(client)
  })

  server.get<OfClient>('/connect/register/:client', options, (request) =>
    registration.find(request.params.client, readBearerToken(request, undefined)),
  )

  server.put<OfClient>('/connect/register/:client', options, (request) => {
    const token = readBearerToken(request, undefined)
    return registration.update(request.params.client, jsonObject(request), token, at(request))
  })

  server.delete<OfClient>('/connect/register/:client', options, async (request, reply) => {
    await registration.remove(request.params.client, readBearerToken(request, undefined), at(request))
    return reply.status(204).send()
  })
}
