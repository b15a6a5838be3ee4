import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { errorUri, Refused } from '../../../domain/refusals/errors.ts'
import { PasswordQueueFull } from '../../../lib/crypto/passwords.ts'
import { TooManyWaiting } from '../../../lib/flow/outside.ts'
import { bearerChallenge } from '../requests/bearer-token.ts'
import { errorPage, type NamedApps } from './error-page.ts'
import type { RenderPage } from './pages.ts'
import type { Refuse } from './refusals.ts'

// Of a server that is busy; other errors say it themselves.
const RETRY_AFTER_SECONDS = 2

interface Dependencies {
  readonly refuse: Refuse
  readonly renderPage: RenderPage
  readonly namedApps: Pick<NamedApps, 'find'>
  readonly issuer: string
  /** Where that is which other servers have at an address that is none here. */
  readonly findGuessed: (path: string) => string | undefined
}

/** The one place where anything thrown becomes an answer: a page for people, JSON for programs, a record for the operator. */
export function registerErrorHandler(
  server: FastifyInstance,
  { refuse, renderPage, namedApps, issuer, findGuessed }: Dependencies,
): void {
  async function answer(request: FastifyRequest, reply: FastifyReply, error: Refused): Promise<FastifyReply> {
    const refusalId = refuse(request, error)
    reply.status(error.status)
    const retryAfter = error.retryAfter ?? (error.status === 503 ? RETRY_AFTER_SECONDS : undefined)
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
    if (request.routeOptions.config.page === true || wantsPage(request)) {
      return renderPage(
        request,
        reply,
        errorPage(error, refusalId, await namedApps.find(refusalId, error.detail['client_id']), request),
      )
    }
    // Many client libraries show the registered members alone: without error_uri their users would not learn the id.
    const uri = errorUri(issuer, refusalId)
    const challenge = challengeOf(request, error, uri)
    if (challenge !== undefined) reply.header('www-authenticate', challenge)
    const body = { error: error.code, error_description: error.description, error_uri: uri }
    return reply.send({ ...body, refusal_id: refusalId })
  }

  server.setErrorHandler((error: FastifyError, request, reply) => {
    const known = asRefused(error)
    if (known.code === 'server_error') request.log.error({ err: error }, 'unexpected error')
    return answer(request, reply, known)
  })

  server.setNotFoundHandler((request, reply) => {
    const allowed = allowedMethods(server, request)
    // A route that takes the method, as that of the assets does, has looked and found nothing.
    if (allowed.length === 0 || allowed.includes(request.method))
      return answer(request, reply, nothingThere(findGuessed(pathOf(request))))
    reply.header('allow', allowed.join(', '))
    return answer(
      request,
      reply,
      new Refused(
        'invalid_request',
        `use ${allowed.join(' or ')} here`,
        {
          rule: 'method-wrong',
          cause: `this address does not support ${request.method}`,
          sent: request.method,
          expected: allowed,
        },
        { status: 405 },
      ),
    )
  })
}

/** Says where it is as a text: who was sent on would take along what they sent, secrets and codes as well. */
const nothingThere = (guessed: string | undefined): Refused =>
  guessed === undefined
    ? new Refused('not_found', 'there is nothing at this address', {
        rule: 'address-unknown',
        cause: 'no route matched',
      })
    : new Refused('not_found', `there is nothing at this address; ${guessed}`, {
        rule: 'address-guessed',
        cause: 'what is looked for has another address here',
        expected: guessed,
      })

/** Turns what the framework and the libraries throw into the protocol's one error. */
export function asRefused(error: FastifyError): Refused {
  if (error instanceof Refused) return error
  if (error instanceof PasswordQueueFull) {
    return new Refused('temporarily_unavailable', 'too many people are signing in right now; try again shortly', {
      rule: 'server-busy',
      cause: 'the queue of password checks is full',
    })
  }
  if (error instanceof TooManyWaiting) {
    return new Refused(
      'temporarily_unavailable',
      'too many requests are waiting for other servers; try again shortly',
      {
        rule: 'outside-busy',
        cause: error.message,
      },
    )
  }
  const status = error.statusCode ?? 500
  if (status === 415) {
    const options = { status }
    return new Refused(
      'invalid_request',
      'the body must be application/x-www-form-urlencoded',
      { rule: 'body-type-wrong', fault: error.code, cause: 'the Content-Type of the body is wrong or missing' },
      options,
    )
  }
  if (status >= 400 && status < 500) {
    return new Refused(
      'invalid_request',
      'the request is malformed or too large',
      { rule: 'request-malformed', fault: error.code, cause: `the request could not be read: ${error.code}` },
      { status },
    )
  }
  if (status === 503)
    return new Refused('temporarily_unavailable', 'the server is busy or shutting down; try again shortly', {
      rule: 'server-busy',
      cause: 'the server is under pressure or shutting down',
    })
  return new Refused('server_error', 'something went wrong; the administrator can look it up under the refusal id', {
    rule: 'server-fault',
    cause: 'an unexpected error; the log has the details under this refusal id',
  })
}

/**
 * The scheme a client may try again with, and why: some libraries read the challenge in place of the body.
 * @see RFC 6749 §5.2, RFC 6750 §3, RFC 7617 §2 (parameters that are not known are ignored)
 */
function challengeOf(request: FastifyRequest, error: Refused, uri: string): string | undefined {
  if (request.routeOptions.config.bearer === true) return bearerChallenge(request, error)
  const { code, description } = error
  if (code !== 'invalid_client' || request.headers.authorization === undefined) return undefined
  return `Basic realm="tessera", error="${code}", error_description="${description}", error_uri="${uri}"`
}

const wantsPage = (request: FastifyRequest): boolean =>
  request.is404 && ['GET', 'HEAD'].includes(request.method) && request.headers.accept?.includes('text/html') === true

const pathOf = ({ url }: FastifyRequest): string => url.split('?')[0] ?? ''

function allowedMethods(server: FastifyInstance, request: FastifyRequest): string[] {
  const path = pathOf(request)
  return (['GET', 'HEAD', 'POST'] as const).filter((method) => server.findRoute({ method, url: path }) !== null)
}
