import type { FastifyRequest } from 'fastify'
import { didYouMean } from './nearest.ts'
import type { Refusal } from './refused.ts'
import { type Schedule, scheduleWithNode } from './schedule.ts'

/** What an API's author says of the API and of the identity server it trusts. */
export interface ResourceServerOptions {
  /** The issuer, as discovery names it: `https://id.example.com/id`. Everything else comes from its discovery. */
  readonly issuer: string
  /** The identifier of this API, which tokens must name in `aud`. */
  readonly audience: string
  /** The app that this API is; needed for reference tokens, API sessions and news of tokens that ended early. */
  readonly clientId?: string | undefined
  readonly clientSecret?: string | undefined
  /** Opens an API session, which occupies a licence slot, with the first call of each app and user. Default: false. */
  readonly apiSessions?: boolean | undefined
  /** Every route must say `config.scope`, or `config.open`; one that does neither stops the start. Default: false. */
  readonly requireScope?: boolean | undefined
  /** Asks the identity server before the API is ready: a wrong issuer or secret stops the start. Default: false. */
  readonly verifyOnReady?: boolean | undefined
  /** What people call this API: `realm` of challenges and `resource_name`. Default: the audience. */
  readonly resourceName?: string | undefined
  /** The URL of this API; with it the metadata of RFC 9728 are published. */
  readonly resource?: string | undefined
  /** The scopes that this API knows, for the metadata. */
  readonly scopes?: readonly string[] | undefined
  /** Makes the body of a refusal. Default: `{ error, error_description, scope? }`. */
  readonly formatRefusal?: ((refusal: Refusal, request: FastifyRequest) => unknown) | undefined
  /** How to reach the server. Default: Node's `fetch`. */
  readonly fetch?: typeof fetch | undefined
  /** Milliseconds since 1970. Default: this machine's clock. */
  readonly clock?: (() => number) | undefined
  /** Runs a task later. Default: a timer that keeps no process alive. */
  readonly schedule?: Schedule | undefined
}

/** The app that this API is at the identity server. */
export interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

/** The options with every default filled in. */
export interface Settings extends Pick<ResourceServerOptions, 'issuer' | 'audience' | 'resource' | 'formatRefusal'> {
  readonly credentials: ClientCredentials | undefined
  readonly apiSessions: boolean
  readonly requireScope: boolean
  readonly verifyOnReady: boolean
  readonly resourceName: string
  readonly fetch: typeof fetch
  readonly clock: () => number
  readonly schedule: Schedule
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

const whyNoUrl = (text: unknown): string | undefined => {
  if (typeof text !== 'string' || !URL.canParse(text) || !/^https?:\/\//i.test(text)) return 'must be an http(s) URL'
  const { protocol, hostname, hash, username } = new URL(text)
  if (hash !== '' || username !== '') return 'must have no fragment and no user name'
  return protocol === 'https:' || LOOPBACK.test(hostname)
    ? undefined
    : 'must be https (plain http is for loopback only)'
}

const OPTIONS: Readonly<Record<keyof ResourceServerOptions, true>> = {
  ...{ issuer: true, audience: true, clientId: true, clientSecret: true, apiSessions: true, requireScope: true },
  ...{
    verifyOnReady: true,
    resourceName: true,
    resource: true,
    scopes: true,
    formatRefusal: true,
    fetch: true,
    clock: true,
    schedule: true,
  },
}
/** What the framework itself understands where a plugin is registered. */
const OF_FASTIFY: readonly string[] = ['prefix', 'logLevel', 'logSerializers']

/** @throws Error that names an option that there is not */
export function refuseUnknownOptions(options: object): void {
  const known = Object.keys(OPTIONS)
  const unknown = Object.keys(options).filter((name) => !known.includes(name) && !OF_FASTIFY.includes(name))
  const faults = unknown.map((name) => `${name} is not an option${didYouMean(name, known)}`)
  if (faults.length > 0) throw new Error(`@tessera-id/resource-server: ${faults.join('; ')}`)
}

function faultsOf(options: ResourceServerOptions): string[] {
  const { issuer, audience, clientId, clientSecret, apiSessions, requireScope, verifyOnReady, resource } = options
  const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean'
  const fault = (name: string, reason: string | false | undefined): string[] => (reason ? [`${name} ${reason}`] : [])
  return [
    ...fault('issuer', whyNoUrl(issuer)),
    ...fault('audience', !audience && 'is missing: the identifier of this API, as listed by "tessera resource list"'),
    ...fault('clientId', !clientId && Boolean(clientSecret) && 'is missing, although there is a clientSecret'),
    ...fault('clientSecret', !clientSecret && Boolean(clientId) && 'is missing, although there is a clientId'),
    ...fault('apiSessions', !isFlag(apiSessions) && 'must be true or false'),
    ...fault('requireScope', !isFlag(requireScope) && 'must be true or false'),
    ...fault('verifyOnReady', !isFlag(verifyOnReady) && 'must be true or false'),
    ...fault('apiSessions', apiSessions === true && !clientId && 'needs clientId and clientSecret'),
    ...fault('resource', resource !== undefined && whyNoUrl(resource)),
  ]
}

/**
 * Fills the defaults in.
 * @throws Error that names everything that is wrong
 */
export function readOptions(options: ResourceServerOptions): Settings {
  refuseUnknownOptions(options)
  const faults = faultsOf(options)
  if (faults.length > 0) throw new Error(`@tessera-id/resource-server: ${faults.join('; ')}`)
  const { issuer, audience, clientId, clientSecret, resource, formatRefusal } = options
  return {
    ...{ issuer, audience, resource, formatRefusal },
    credentials: clientId && clientSecret ? { clientId, clientSecret } : undefined,
    apiSessions: options.apiSessions ?? false,
    requireScope: options.requireScope ?? false,
    verifyOnReady: options.verifyOnReady ?? false,
    resourceName: options.resourceName ?? audience,
    fetch: options.fetch ?? fetch,
    clock: options.clock ?? Date.now,
    schedule: options.schedule ?? scheduleWithNode,
  }
}
