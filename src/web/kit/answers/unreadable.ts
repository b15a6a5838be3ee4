import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Refused } from '../../../domain/refusals/errors.ts'
import type { Refusal } from '../../../domain/refusals/refusal.ts'
import { newShortId, type Random } from '../../../lib/crypto/secrets.ts'
import type { Clock } from '../../../lib/time/clock.ts'

interface Dependencies {
  readonly refusalLog: { keep(refusal: Refusal): void }
  readonly random: Random
  readonly clock: Clock
}

/** Answers what is no HTTP, or comes too slowly, and closes the connection. */
export type AnswerUnreadable = (error: Error & { readonly code?: string }, socket: Socket) => void

const STATUS: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
}

/** Makes the answer of a request of which not even the header could be read; nothing of it is repeated. */
export function createAnswerUnreadable({ refusalLog, random, clock }: Dependencies): AnswerUnreadable {
  return ({ code = 'unknown' }, socket) => {
    if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    const status = STATUS[code] ?? 400
    const cause = `the request could not be read: ${code}`
    const description = 'the request is malformed, too large or too slow'
    const error = new Refused('invalid_request', description, { rule: 'request-malformed', cause }, { status })
    const id = newShortId(random)
    refusalLog.keep({
      id,
      at: clock(),
      endpoint: 'unknown',
      method: 'unknown',
      status,
      error: error.code,
      description,
      parameters: {},
      detail: error.detail,
      app: undefined,
      address: socket.remoteAddress ?? 'unknown',
    })
    const body = JSON.stringify({ error: error.code, error_description: description, refusal_id: id })
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Cache-Control: no-store',
      'X-Content-Type-Options: nosniff',
      'Connection: close',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
  }
}
