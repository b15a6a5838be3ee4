import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'

const ENTITY_TAGS = /^(?:W\/)?"[\x21\x23-\x7e]*"(?:\s*,\s*(?:W\/)?"[\x21\x23-\x7e]*")*$/

const entityTag = (version: string): string => `"${version}"`

/** @throws Refused `invalid_request` for a header that is no list of entity tags */
function readTags(name: 'if-match' | 'if-none-match', value: string): string[] {
  if (!ENTITY_TAGS.test(value)) {
    const cause = `${name} is not a list of entity tags`
    throw new Refused('invalid_request', cause, { rule: 'entity-tag-malformed', cause })
  }
  return value.split(',').map((tag) => tag.trim())
}

/**
 * The state of the record a change is meant for; `*` is whatever it is now. Weak tags never match.
 * @throws Refused `precondition_required` when the header is missing
 * @see RFC 9110 §13.1.1, RFC 6585 §3
 */
export function readIfMatch(request: FastifyRequest): (version: string) => boolean {
  const value = request.headers['if-match']?.trim()
  if (value === undefined) {
    const remedy = 'send If-Match with the ETag of the record as it was read, or If-Match: * for any version'
    throw new Refused('precondition_required', remedy, { rule: 'if-match-missing', cause: 'If-Match was not sent' })
  }
  if (value === '*') return () => true
  const tags = readTags('if-match', value)
  return (version) => tags.includes(entityTag(version))
}

/** Whether the caller has this very state already. @see RFC 9110 §13.1.2 */
function isKnown(request: FastifyRequest, version: string): boolean {
  const value = request.headers['if-none-match']?.trim()
  if (value === undefined) return false
  if (value === '*') return true
  return readTags('if-none-match', value).some((tag) => tag.replace(/^W\//, '') === entityTag(version))
}

/** Names the state of the record that the answer tells about. */
export const tagged = (reply: FastifyReply, version: string): FastifyReply => reply.header('etag', entityTag(version))

/** Answers with a record, or with 304 where the caller has it already. */
export function sendTagged(
  request: FastifyRequest,
  reply: FastifyReply,
  { record, version }: { readonly record: object; readonly version: string },
): FastifyReply {
  tagged(reply, version)
  return isKnown(request, version) ? reply.status(304).send() : reply.send(record)
}
