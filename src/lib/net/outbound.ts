import { isIP, type LookupFunction } from 'node:net'
import type { Dispatcher } from 'undici'
import { isUntrusted, UNTRUSTED_CERTIFICATE } from './certificate-fault.ts'
import { isPublicAddress } from './network.ts'
import { askNameServers, askSystem, type Resolve } from './resolve.ts'

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
function whyNotFetchable(url: string, isExempt: (url: URL) => boolean): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed) return 'is not a URL'
  if (parsed.username !== '' || parsed.password !== '') return 'must not contain a user name or password'
  if (parsed.hash !== '') return 'must not have a fragment'
  if (isExempt(parsed)) return undefined
  if (parsed.protocol !== 'https:') return 'must be an https URL'
  const host = bareHost(parsed.hostname).replace(/\.$/, '')
  if (host === 'localhost' || host.endsWith('.localhost') || (isIP(host) !== 0 && !isPublicAddress(host)))
    return 'leads to an address that is not on the public internet'
  return undefined
}

/** `[::1]` is written so in a URL, and `::1` everywhere else. */
const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, '').toLowerCase()

const USUAL_PORTS: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' }

/** Whether a URL leads to one of these hosts; one that is named with a port stands for that port alone. */
function createIsExempt(exemptHosts: readonly ExemptHost[]): (url: URL) => boolean {
  return ({ protocol, hostname, port }) => {
    const usual = USUAL_PORTS[protocol]
    const host = bareHost(hostname)
    return (
      usual !== undefined &&
      exemptHosts.some((known) => known.host === host && [undefined, port || usual].includes(known.port))
    )
  }
}

/** A host that may be private and without TLS. */
export interface ExemptHost {
  /** As URLs write it, without the brackets of an IPv6 address. */
  readonly host: string
  /** `undefined` is every port. */
  readonly port: string | undefined
}

interface OutboundOptions {
  readonly exemptHosts: readonly ExemptHost[]
  /** Finds the addresses of a name that anybody may have registered. */
  readonly resolve?: Resolve
  /** Finds those of an exempt host, which may be a name that only the system knows, of /etc/hosts or of its own domain. */
  readonly resolveExempt?: Resolve
}

/**
 * Fetches what apps register, from the public internet only: whoever may register a URL must not be able to make this server
 * talk to its neighbours.
 */
export function createOutbound({
  exemptHosts,
  resolve = askNameServers(),
  resolveExempt = askSystem(),
}: OutboundOptions) {
  const isExempt = createIsExempt(exemptHosts)
  // Checked here, every address that is really connected to is seen, whatever the name said before.
  const publicOnly = lookupBy(async (host) => {
    const found = await resolve(host)
    const refused = found.find(({ address }) => !isPublicAddress(address))
    if (refused) throw new Error(`${host} is ${refused.address}, which is not on the public internet`)
    return found
  })
  let client: ReturnType<typeof loadClient> | undefined

  async function ask<T>(
    url: string,
    options: { method: 'GET' | 'POST'; headers: Record<string, string>; body?: string },
    read: (answer: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T> {
    const refused = whyNotFetchable(url, isExempt)
    if (refused !== undefined) throw new OutboundFailure(url, refused)
    client ??= loadClient(publicOnly, lookupBy(resolveExempt))
    const { request, guarded, exempt } = await client.catch((error: unknown) => {
      // A build that replaces the files of a running server; the next fetch may find them.
      client = undefined
      throw new OutboundFailure(url, reasonOf(error))
    })
    const dispatcher = isExempt(new URL(url)) ? exempt : guarded
    try {
      return await read(await request(url, { ...options, dispatcher, signal: AbortSignal.timeout(ANSWER_WITHIN) }))
    } catch (error) {
      throw new OutboundFailure(url, reasonOf(error))
    }
  }

  return {
    /** Says why a URL may not be registered for fetching, or `undefined`. */
    whyNotFetchable: (url: string): string | undefined => whyNotFetchable(url, isExempt),

    /** @throws OutboundFailure */
    get: (url: string, { accept }: { readonly accept: string }): Promise<Answered> =>
      ask(url, { method: 'GET', headers: { accept, 'accept-encoding': 'identity' } }, readWhole),

    /** Asks what would be answered to a GET, of which no body is read, however long it is. @throws OutboundFailure */
    status: (url: string): Promise<number> => ask(url, { method: 'GET', headers: { accept: '*/*' } }, readStatus),

    /** @throws OutboundFailure */
    post: (url: string, form: URLSearchParams): Promise<Answered> => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'accept-encoding': 'identity' }
      return ask(url, { method: 'POST', headers, body: form.toString() }, readWhole)
    },

    /** Lets go of idle connections. */
    close: async (): Promise<void> => {
      if (client === undefined) return
      const { guarded, exempt } = await client
      await Promise.all([guarded.destroy(), exempt.destroy()])
    },
  }
}

async function readWhole({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Answered> {
  const type = headers['content-type']
  return { status: statusCode, contentType: typeof type === 'string' ? type : undefined, body: await body.text() }
}

async function readStatus({ statusCode, body }: Dispatcher.ResponseData): Promise<number> {
  // It may have broken already, which nobody else would hear of.
  body.on('error', () => undefined).destroy()
  return statusCode
}

/** The same as sockets ask for it. */
const lookupBy =
  (resolve: Resolve): LookupFunction =>
  (host, { all }, tell) =>
    void resolve(host).then(
      (found) => {
        const [first] = found
        if (!first) tell(new Error(`${host} has no address`), '', 0)
        else if (all) tell(null, [...found])
        else tell(null, first.address, first.family)
      },
      (error: Error) => tell(error, '', 0),
    )

/** The HTTP client, which is loaded by whoever fetches something; most commands never do, and start faster without it. */
async function loadClient(publicOnly: LookupFunction, exempt: LookupFunction) {
  // The whole of a CommonJS package is its default; in the bundle its parts have no names of their own.
  const { Agent, buildConnector, request } = (await import('undici')).default
  const agentWith = (lookup: LookupFunction) =>
    new Agent({
      connect: buildConnector({ timeout: CONNECT_WITHIN, lookup }),
      maxResponseSize: LONGEST_BODY,
      maxHeaderSize: LONGEST_HEADERS,
      connections: 8,
      pipelining: 1,
    })
  return { request, guarded: agentWith(publicOnly), exempt: agentWith(exempt) }
}

function reasonOf(error: unknown): string {
  if (isUntrusted(error)) return `${UNTRUSTED_CERTIFICATE}: ${error instanceof Error ? error.message : String(error)}`
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.name === 'TimeoutError' ? `no answer within ${ANSWER_WITHIN / 1000} s` : error.message
}
