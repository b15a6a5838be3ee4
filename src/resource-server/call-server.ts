import { hasTwinNames, isNestedTooDeep } from './nested.ts'
import type { ClientCredentials, Settings } from './options.ts'
import { createRecall } from './recall.ts'

/** The identity server could not be asked, or did not answer as it should; says nothing about a token. */
export class ServerTrouble extends Error {
  /** What it answered, if anything. */
  readonly status: number | undefined

  constructor(message: string, options?: ErrorOptions & { readonly status?: number }) {
    super(message, options)
    this.status = options?.status
  }
}

/** An answer that is one JSON object. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  /** Seconds, from the header Retry-After. */
  readonly retryAfter: number | undefined
}

export type IdentityServer = ReturnType<typeof createIdentityServer>

/** Sends a form with the credentials of this API. @param path below the issuer, or a whole URL */
export type PostForm = (path: string, form: Readonly<Record<string, string>>) => Promise<Answer>

/** How long an answer may take, in milliseconds. */
const PATIENCE = 5000

// As one try in a second is enough where the server is away.
const RETRY_AFTER = 1000

type Dependencies = Pick<Settings, 'issuer' | 'fetch' | 'clock'>

/** Speaks to the identity server; nothing here is about tokens. */
export function createIdentityServer({ issuer, fetch, clock }: Dependencies) {
  const base = issuer.replace(/\/$/, '')
  const attempts = createRecall<Answer['body']>({ clock, keepFor: RETRY_AFTER, limit: 1 })
  let metadata: Answer['body'] | undefined

  /** A redirect is not followed: it would take the credentials along. */
  async function call(url: string, init: RequestInit = {}): Promise<Answer> {
    const { pathname } = new URL(url)
    let response: Response
    let text: string
    try {
      response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(PATIENCE) })
      text = await response.text()
    } catch (error) {
      throw new ServerTrouble(`the identity server did not answer at ${pathname}`, { cause: error })
    }
    const retryAfter = /^\d{1,6}$/.exec(response.headers.get('retry-after') ?? '')?.[0]
    const answer = { status: response.status, retryAfter: retryAfter === undefined ? undefined : Number(retryAfter) }
    try {
      return { ...answer, body: readObject(text) }
    } catch (error) {
      throw new ServerTrouble(`the identity server answered ${response.status} at ${pathname}, not with JSON`, {
        cause: error,
      })
    }
  }

  async function get(url: string): Promise<Answer['body']> {
    const { status, body } = await call(url, { headers: { accept: 'application/json' } })
    if (status !== 200) throw new ServerTrouble(`the identity server answered ${status} at ${new URL(url).pathname}`)
    return body
  }

  /** @see OIDC Discovery §4.3 */
  async function discover(): Promise<Answer['body']> {
    const found = await get(`${base}/.well-known/openid-configuration`)
    if (found['issuer'] !== issuer)
      throw new ServerTrouble(`discovery of ${issuer} names another issuer: ${String(found['issuer'])}`)
    metadata = found
    return found
  }

  return {
    get,

    /** A URL from discovery. */
    async locate(name: 'jwks_uri' | 'introspection_endpoint'): Promise<string> {
      const url = (metadata ?? (await attempts.recall('discovery', discover)))[name]
      // What is asked over TLS for its address must not send us to where everybody listens.
      if (typeof url === 'string' && URL.canParse(url) && (url.startsWith('https:') || issuer.startsWith('http:')))
        return url
      throw new ServerTrouble(`discovery of ${issuer} has no usable ${name}`)
    },

    /** @see RFC 6749 §2.3.1 */
    postAs: (credentials: ClientCredentials): PostForm => {
      const authorization = basicHeader(credentials)
      return async (path, form) => {
        const url = path.startsWith('/') ? `${base}${path}` : path
        const headers = {
          authorization,
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
        }
        const answer = await call(url, { method: 'POST', headers, body: new URLSearchParams(form).toString() })
        if (answer.status === 200 || answer.status === 429 || answer.body['error'] === 'invalid_token') return answer
        const { error, error_description = error } = answer.body
        throw new ServerTrouble(
          `the identity server answered ${answer.status} at ${new URL(url).pathname}: ${String(error_description)}`,
          { status: answer.status },
        )
      }
    },
  }
}

const formEncode = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2)

const basicHeader = ({ clientId, clientSecret }: ClientCredentials): string =>
  `Basic ${Buffer.from(`${formEncode(clientId)}:${formEncode(clientSecret)}`).toString('base64')}`

function readObject(text: string): Answer['body'] {
  if (isNestedTooDeep(text) || hasTwinNames(text)) throw new Error('nested too deep, or a name twice')
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object')
  return value as Answer['body']
}
