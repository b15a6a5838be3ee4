import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Settings } from './options.ts'
import type { Refusal } from './refused.ts'

// What RFC 6750 §3 allows in error_description.
const plain = (text: string): string => text.replaceAll('"', "'").replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, '?')

interface Dependencies extends Pick<Settings, 'resourceName' | 'formatRefusal'> {
  /** Where the metadata are, if they are published. */
  readonly metadataUrl: string | undefined
}

/** The body of a refusal, unless the API has a form of its own. */
const defaultBody = ({ error, description, missing, refusalId }: Refusal): object => ({
  error,
  error_description: description,
  ...(missing === undefined ? {} : { scope: missing.join(' ') }),
  ...(refusalId === undefined ? {} : { refusal_id: refusalId }),
})

/** Answers with the reason in a header, as OAuth clients expect it, and in a body for people. @see RFC 6750 §3 */
export function createChallenge({ resourceName, formatRefusal = defaultBody, metadataUrl }: Dependencies) {
  function challengeOf({ error, description, missing }: Refusal): string {
    // A request without a token is told only that one is needed. RFC 6750 §3.1
    const reason = error === 'unauthorized' ? {} : { error, error_description: description }
    const attributes = {
      realm: resourceName,
      ...reason,
      ...(missing === undefined ? {} : { scope: missing.join(' ') }),
      ...(metadataUrl === undefined ? {} : { resource_metadata: metadataUrl }),
    }
    const named = Object.entries(attributes).map(([name, value]) => `${name}="${plain(value)}"`)
    return `Bearer ${named.join(', ')}`
  }

  return (request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply => {
    const { status, retryAfter } = refusal
    if (status < 429) reply.header('www-authenticate', challengeOf(refusal))
    if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
    return reply.code(status).header('cache-control', 'no-store').send(formatRefusal(refusal, request))
  }
}
