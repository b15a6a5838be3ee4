import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { fetchCustomers } from './fetch-customers.ts'
import { failureLine } from './oauth-errors.ts'
import { createRelyingParty, type RelyingPartyOptions } from './relying-party.ts'

export interface SyncServiceOptions extends RelyingPartyOptions {
  readonly apiUrl: string
  /** API scopes to ask for, space-delimited. */
  readonly scope: string
  /** Milliseconds from one call to the next. */
  readonly every: number
  readonly log: (line: string) => void
}

interface ServiceToken {
  readonly value: string
  /** Who the token says is calling: the app's System User. */
  readonly actor: string
  /** Milliseconds since 1970 from which a new one is fetched. */
  readonly renewAt: number
}

// A token that ends while a request is under way would be refused, so a new one is fetched a little early.
const RENEW_EARLY = 60_000

function readToken(answer: Awaited<ReturnType<typeof client.clientCredentialsGrant>>): ServiceToken {
  const lifetime = (answer.expires_in ?? 0) * 1000
  const actor = decodeJwt(answer.access_token)['client_system_user']
  return {
    value: answer.access_token,
    actor: typeof actor === 'string' ? actor : 'nobody named',
    renewAt: Date.now() + Math.max(lifetime - RENEW_EARLY, lifetime / 2),
  }
}

/** Starts the background service: it fetches its own token (client credentials), and logs one line whenever a call of the API ends in another way than the last. */
export async function startSyncService(options: SyncServiceOptions): Promise<{ close(): Promise<void> }> {
  const stop = new AbortController()
  const relyingParty = createRelyingParty(options)
  let token: ServiceToken | undefined

  async function currentToken(): Promise<ServiceToken> {
    if (token !== undefined && Date.now() < token.renewAt) return token
    const config = await relyingParty()
    token = readToken(await client.clientCredentialsGrant(config, { scope: options.scope }))
    return token
  }

  async function callOnce(): Promise<string> {
    let current: ServiceToken
    try {
      current = await currentToken()
    } catch (error) {
      return `no token from ${options.issuer} (${failureLine(error)}); trying again in ${options.every / 1000} s`
    }
    const { status, customers, problem } = await fetchCustomers(options.apiUrl, current.value, 100)
    // The server may have changed its mind or its keys: a refused token is not used again.
    if (status === 401) token = undefined
    return `${current.actor}  ${status ?? '---'}  ${problem ?? `${customers.length} customers`}`
  }

  async function run(): Promise<void> {
    let last = ''
    while (!stop.signal.aborted) {
      const line = await callOnce()
      // The same again would push the passwords out of sight.
      const isNews = line !== last
      last = line
      if (isNews && !stop.signal.aborted) options.log(`${new Date().toLocaleTimeString('en-GB')}  sync  ${line}`)
      await sleep(options.every, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }

  const running = run()
  return {
    close: () => {
      stop.abort()
      return running
    },
  }
}
