import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

// Milliseconds.
const CONNECT_WITHIN = 3000
const ANSWER_WITHIN = 5000
// Bytes.
const LONGEST_BODY = 64 * 1024
const LONGEST_HEADERS = 16 * 1024

/** What came back; a redirect is an answer like any other, and is not followed. */
export interface Answered {
  readonly status: number
  readonly contentType: string | undefined
  readonly body: string
}

/** A fetch that did not happen or was broken off; the message is for the operator. */
export class OutboundFailure extends Error {
  readonly url: string

  constructor(url: string, reason: string) {
    super(reason)
    this.url = url
  }
}

export type Outbound = ReturnType<typeof createOutbound>

/** A name can still turn out to lead to a special address; that is seen when it is connected to. */
function whyNotFetchable(url: string, exemptHosts: readonly string[]): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed) return 'is not a URL'
  if (parsed.username !== '' || parsed.password !== '') return 'must not contain a user name or password'
  if (parsed.hash !== '') return 'must not have a fragment'
  const host = bareHost(parsed.hostname)
  if (exemptHosts.includes(host)) return /^https?:$/.test(parsed.protocol) ? undefined : 'must be an https URL'
  if (parsed.protocol !== 'https:') return 'must be an https URL'
  if (host === 'localhost' || host.endsWith('.localhost') || (ipaddr.isValid(host) && isSpecial(host)))
    return 'leads to an address that is not on the public internet'
  return undefined
}

/** `[::1]` is written so in a URL, and `::1` everywhere else. */
const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, '').toLowerCase()

/** Anything but an address of the public internet, also where it is wrapped in IPv6. @see RFC 6890 */
function isSpecial(address: string): boolean {
  const parsed = ipaddr.process(address)
  return parsed.range() !== 'unicast'
}

type Found = readonly { readonly address: string; readonly family: number }[]

interface OutboundOptions {
  /** They may be private and without TLS. */
  readonly exemptHosts: readonly string[]
  /** Finds the addresses of a name. */
  readonly resolve?: (host: string, found: (error: Error | null, addresses?: Found) => void) => void
}

/**
 * Fetches what apps register, from the public internet only: whoever may register a URL must not be able to make this server
 * talk to its neighbours.
 */
export function createOutbound({
  exemptHosts,
  resolve = (host, found) => lookup(host, { all: true }, found),
}: OutboundOptions) {
  // Checked here, every address that is really connected to is seen, whatever the name said before.
  const publicOnly: LookupFunction = (host, options, callback) =>
    resolve(host, (error, found = []) => {
      const [first] = found
      const refused = found.find(({ address }) => isSpecial(address))
      if (error || !first) callback(error ?? new Error(`${host} has no address`), '', 0)
      else if (refused) callback(new Error(`${host} is ${refused.address}, which is not on the public internet`), '', 0)
      else if (options.all) callback(null, [...found])
      else callback(null, first.address, first.family)
    })
  let client: ReturnType<typeof loadClient> | undefined

  async function ask(url: string, options: { method: 'GET' | 'POST'; headers: Record<string, string>; body?: string }) {
    const refused = whyNotFetchable(url, exemptHosts)
    if (refused !== undefined) throw new OutboundFailure(url, refused)
    client ??= loadClient(publicOnly)
    const { request, guarded, exempt } = await client.catch((error: unknown) => {
      // A build that replaces the files of a running server; the next fetch may find them.
      client = undefined
      throw new OutboundFailure(url, reasonOf(error))
    })
    const dispatcher = exemptHosts.includes(bareHost(new URL(url).hostname)) ? exempt : guarded
    try {
      const { statusCode, headers, body } = await request(url, {
        ...options,
        dispatcher,
        signal: AbortSignal.timeout(ANSWER_WITHIN),
      })
      const type = headers['content-type']
      return { status: statusCode, contentType: typeof type === 'string' ? type : undefined, body: await body.text() }
    } catch (error) {
      throw new OutboundFailure(url, reasonOf(error))
    }
  }

  return {
    /** Says why a URL may not be registered for fetching, or `undefined`. */
    whyNotFetchable: (url: string): string | undefined => whyNotFetchable(url, exemptHosts),

    /** @throws OutboundFailure */
    get: (url: string, { accept }: { readonly accept: string }): Promise<Answered> =>
      ask(url, { method: 'GET', headers: { accept, 'accept-encoding': 'identity' } }),

    /** @throws OutboundFailure */
    post: (url: string, form: URLSearchParams): Promise<Answered> =>
      ask(url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'accept-encoding': 'identity' },
        body: form.toString(),
      }),

    /** Lets go of idle connections. */
    close: async (): Promise<void> => {
      if (client === undefined) return
      const { guarded, exempt } = await client
      await Promise.all([guarded.destroy(), exempt.destroy()])
    },
  }
}

/** The HTTP client, which is loaded by whoever fetches something; most commands never do, and start faster without it. */
async function loadClient(publicOnly: LookupFunction) {
  // The whole of a CommonJS package is its default; in the bundle its parts have no names of their own.
  const { Agent, buildConnector, request } = (await import('undici')).default
  const agentWith = (how: { lookup?: LookupFunction }) =>
    new Agent({
      connect: buildConnector({ timeout: CONNECT_WITHIN, ...how }),
      maxResponseSize: LONGEST_BODY,
      maxHeaderSize: LONGEST_HEADERS,
      connections: 8,
      pipelining: 1,
    })
  return { request, guarded: agentWith({ lookup: publicOnly }), exempt: agentWith({}) }
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.name === 'TimeoutError' ? `no answer within ${ANSWER_WITHIN / 1000} s` : error.message
}
