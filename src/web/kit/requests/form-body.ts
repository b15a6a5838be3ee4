import { parse } from 'node:querystring'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createForm, type Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import { decodePercent, decodeUtf8 } from '../../../lib/text/utf8.ts'
import { bodyNotUtf8, refuseCodedBody } from './body-coding.ts'
import { refuseHungUp } from './hung-up.ts'

const MOST_PARAMETERS = 64

/** The server reads form-encoded bodies and nothing else; any other kind is answered with 415. @see RFC 6749 §3.2 */
export function registerFormBody(server: FastifyInstance): void {
  refuseHungUp(server)
  refuseCodedBody(server)
  refuseCodedQuery(server)
  server.removeAllContentTypeParsers()
  server.addContentTypeParser<Buffer>(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    (_request, bytes, done) => {
      const body = decodeUtf8(bytes)
      if (body === undefined || decodePercent(body) === undefined) done(bodyNotUtf8())
      else done(null, parseForm(body))
    },
  )
}

/** Reads a form or a query; a name that is repeated holds an array. What is no UTF-8 is left as it was sent. */
export const parseForm = (text: string): Parsed =>
  parse(text, '&', '=', { maxKeys: 0, decodeURIComponent: (value) => decodePercent(value) ?? value })

/** Refuses a query in which percent-encoding is not of UTF-8: what it says is anybody's guess. */
function refuseCodedQuery(server: FastifyInstance): void {
  server.addHook('onRequest', async ({ originalUrl }) => {
    const start = originalUrl.indexOf('?')
    if (start < 0 || decodePercent(originalUrl.slice(start)) !== undefined) return
    throw new Refused('invalid_request', 'the query of the address must be percent-encoded UTF-8', {
      rule: 'query-coding-wrong',
      cause: 'the percent-encoded bytes of the query are not UTF-8',
    })
  })
}

type Parsed = Record<string, string | string[] | undefined>

function toForm(parsed: unknown): Form {
  const fields = (parsed ?? {}) as Parsed
  const count = Object.values(fields).flat().length
  if (count > MOST_PARAMETERS) {
    throw new Refused('invalid_request', `more than ${MOST_PARAMETERS} parameters`, {
      rule: 'parameters-too-many',
      cause: `${count} parameters were sent`,
    })
  }
  return createForm(fields)
}

export const queryForm = (request: FastifyRequest): Form => toForm(request.query)

/**
 * The parameters of a POST; only the body counts.
 * @throws Refused `invalid_request` when parameters came in the URL, where logs and histories keep them
 * @see RFC 6749 §2.3.1
 */
export function bodyForm(request: FastifyRequest): Form {
  if (Object.keys(request.query as Parsed).length > 0) {
    throw new Refused('invalid_request', 'parameters belong in the body of the request, not in its URL', {
      rule: 'parameters-in-url',
      cause: 'the URL of the request has a query, which logs and histories keep',
    })
  }
  return toForm(request.body)
}

/** What a form of our own pages submitted; its request may be told by the URL. */
export const submittedForm = (request: FastifyRequest): Form => toForm(request.body)
