import { OAuthError } from './errors.ts'

const LIMITS: Readonly<Record<string, number>> = {
  client_id: 128,
  redirect_uri: 2048,
  post_logout_redirect_uri: 2048,
  scope: 1024,
  nonce: 512,
  login_hint: 256,
  username: 256,
  code: 512,
  code_verifier: 512,
  refresh_token: 512,
  client_secret: 1024,
  password: 4096,
  token: 16_384,
  access_token: 16_384,
  id_token_hint: 16_384,
  interaction: 15_000,
}
const DEFAULT_LIMIT = 2048

/** The longest value a parameter may have, in characters. */
export const longestValue = (parameter: string): number => LIMITS[parameter] ?? DEFAULT_LIMIT

/** The parameters of one request, each at most once; an empty one counts as absent. @see RFC 6749 §3.1, §3.2 */
export interface Form {
  /** @throws OAuthError `invalid_request` when the parameter is repeated or too long */
  get(name: string): string | undefined
  /** @throws OAuthError `invalid_request` also when it is missing */
  require(name: string): string
  /** Whether it was sent at all, whatever its value. */
  has(name: string): boolean
  /** Names sent more than once. */
  readonly repeated: readonly string[]
  /** Every single-valued parameter, for keeping the request across a sign-in. */
  entries(): [string, string][]
}

/** Makes a form of a parsed query or body, in which a repeated name holds an array. */
export function createForm(parsed: Readonly<Record<string, string | string[] | undefined>>): Form {
  const repeated = Object.keys(parsed).filter((name) => Array.isArray(parsed[name]))

  function get(name: string): string | undefined {
    const value = Object.hasOwn(parsed, name) ? parsed[name] : undefined
    if (Array.isArray(value))
      throw new OAuthError('invalid_request', `parameter is repeated: ${name}`, {
        rule: 'parameter-repeated',
        parameter: name,
        cause: `${name} was sent more than once`,
      })
    const limit = longestValue(name)
    if (value !== undefined && value.length > limit) {
      const code = name === 'scope' ? 'invalid_scope' : 'invalid_request'
      throw new OAuthError(code, `parameter is too long: ${name} (at most ${limit} characters)`, {
        rule: 'parameter-too-long',
        parameter: name,
        length: value.length,
        cause: `${name} has ${value.length} characters; ${limit} are allowed`,
      })
    }
    return value === '' ? undefined : value
  }

  return {
    get,
    require(name) {
      const value = get(name)
      if (value === undefined) {
        throw new OAuthError('invalid_request', `parameter is missing: ${name}`, {
          rule: 'parameter-missing',
          parameter: name,
          cause: `${name} was not sent, or was empty`,
        })
      }
      return value
    },
    has: (name) => Object.hasOwn(parsed, name) && parsed[name] !== '',
    repeated,
    entries: () => Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  }
}

/** Refuses a request in which any parameter occurs twice. @see RFC 6749 §3.1, §3.2 */
export function refuseRepeated(form: Form): Form {
  const [name] = form.repeated
  if (name !== undefined) {
    const parameter = name.slice(0, 64)
    const cause = `${parameter} was sent more than once`
    throw new OAuthError('invalid_request', `parameter is repeated: ${parameter}`, {
      rule: 'parameter-repeated',
      parameter,
      cause,
    })
  }
  return form
}
