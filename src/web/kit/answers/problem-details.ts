import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { aboutApp, type Fault, Refused } from '../../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import { asRefused } from './error-handler.ts'
import type { Refuse } from './refusals.ts'

const RETRY_AFTER_SECONDS = 2

/** The name in `type`, and the title. */
type Kind = readonly [name: string, title: string]

/** What kind of problem a status stands for. */
const KINDS: Readonly<Record<number, Kind>> = {
  400: ['malformed-request', 'The request is malformed'],
  401: ['access-token-needed', 'A valid access token is needed'],
  403: ['not-allowed', 'The access token does not allow this'],
  404: ['not-found', 'Not found'],
  405: ['method-not-allowed', 'This address does not support the method'],
  409: ['conflict', 'The change conflicts with existing records'],
  412: ['precondition-failed', 'The record was changed meanwhile'],
  413: ['too-large', 'The request is too large'],
  415: ['media-type', 'The body has the wrong media type'],
  422: ['impossible-record', 'The record is not valid'],
  428: ['precondition-needed', 'If-Match is needed'],
}

interface Dependencies {
  readonly refuse: Refuse
  /** The header that says how to come again, for what was refused with 401 or 403. @see RFC 9110 §11.6.1 */
  readonly challenge: (request: FastifyRequest, error: Refused) => string | undefined
  /** What a 401 stands for: the name in its `type`, and its title. */
  readonly unauthorized?: Kind
  /** Where a refusal can be read, without its id. */
  readonly refusals: string
}

/** Answers everything thrown with problem details, and keeps it as a refusal like everywhere. @see RFC 9457 */
export function registerProblemDetails(
  server: FastifyInstance,
  { refuse, challenge: challengeFor, unauthorized, refusals }: Dependencies,
): void {
  const kinds = unauthorized ? { ...KINDS, 401: unauthorized } : KINDS

  server.setErrorHandler((error: FastifyError, request, reply) => {
    const known = asProblem(error)
    if (known.code === 'server_error') request.log.error({ err: error }, 'unexpected error')
    return answer(request, reply, known)
  })
  server.setNotFoundHandler((request, reply) => {
    const hint = 'there is nothing at this address; write a slash inside an ApplicationUri as %2F'
    return answer(
      request,
      reply,
      new Refused('not_found', hint, {
        rule: 'api-address-unknown',
        cause: 'no operation of the API matched this path',
      }),
    )
  })

  function answer(request: FastifyRequest, reply: FastifyReply, error: Refused): FastifyReply {
    const { status, description, faults } = error
    const app = request.administrator?.app
    const refusalId = refuse(request, app === undefined ? error : aboutApp(error, app))
    const retryAfter = error.retryAfter ?? (status === 503 ? RETRY_AFTER_SECONDS : undefined)
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
    const challenge = status === 401 || status === 403 ? challengeFor(request, error) : undefined
    if (challenge !== undefined) reply.header('www-authenticate', challenge)
    const [name, title] = kinds[status] ?? [undefined, STATUS_CODES[status] ?? 'Error']
    return reply
      .status(status)
      .type('application/problem+json')
      .send({
        type: name === undefined ? 'about:blank' : `urn:tessera:problem:${name}`,
        title,
        status,
        detail: faults.length > 0 ? faults.map(inWords).join('; ') : description,
        instance: `${refusals}/${refusalId}`,
        ...(faults.length > 0 ? { errors: faults } : {}),
        refusal_id: refusalId,
      })
  }
}

const inWords = ({ attribute, reason }: Fault): string => `${attribute}: ${reason}`

/** Says of what the framework turns down what it means for JSON. */
function asProblem(error: FastifyError): Refused {
  const { statusCode: status, code } = error
  if (error instanceof Refused || status === undefined) return asRefused(error)
  const refuse = (rule: RefusalRule, description: string) =>
    new Refused('invalid_request', description, { rule, cause: description, fault: code }, { status })
  if (status === 415)
    return refuse('json-type-wrong', 'the body must be application/json, or application/merge-patch+json in a PATCH')
  if (status === 413) return refuse('json-too-large', 'the body is too large')
  if (status === 400) return refuse('json-malformed', 'the body is not valid JSON')
  return asRefused(error)
}
