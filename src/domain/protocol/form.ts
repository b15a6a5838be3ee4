import { Refused } from '../refusals/errors.ts'

const LIMITS: Readonly<Record<string, number>> = {
  client_id: 128,
  redirect_uri: 2048,
  post_logout_redirect_uri: 2048,
  scope: 1024,
  nonce: 512,
  claims: 4096,
  login_hint: 256,
  username: 256,
  code: 512,
  code_verifier: 512,
  // Another token, sent by mistake, is told that it is none.
  refresh_token: 8192,
  client_secret: 1024,
  request: 16_384,
  request_uri: 512,
  // What is too long for an assertion is checked with it, so that the client is told one thing.
  client_assertion: 65_536,
  password: 4096,
  token: 16_384,
  access_token: 16_384,
  id_token_hint: 16_384,
  interaction: 15_000,
  told: 15_000,
  touches: 15_000,
}
const DEFAULT_LIMIT = 2048
// The app's own affair; of a password only a hash is kept; addresses are only compared, and an answer tells which one comes nearest.
const ANY_TEXT: readonly string[] = ['state', 'password', 'redirect_uri', 'post_logout_redirect_uri']
const MOST_VALUES = 16

/** The parameters that may be sent more than once. @see RFC 8707 §2 */
const REPEATABLE = ['resource'] as const
type Repeatable = (typeof REPEATABLE)[number]

export const isRepeatable = (name: string): name is Repeatable => REPEATABLE.some((known) => known === name)

/** The longest value a parameter may have, in characters. */
export const longestValue = (parameter: string): number => LIMITS[parameter] ?? DEFAULT_LIMIT

/** The parameters of one request, each at most once save for `resource`; an empty one counts as absent. @see RFC 6749 §3.1, §3.2 */
export interface Form {
  /** @throws Refused `invalid_request` when the parameter is repeated, too long, or holds what no text may hold */
  get(name: string): string | undefined
  /** @throws Refused `invalid_request` also when it is missing */
  require(name: string): string
  /** Whether it was sent at all, whatever its value. */
  has(name: string): boolean
  /** Every value of a parameter that may be repeated. @throws Refused `invalid_request` when there are too many or one is too long */
  all(name: Repeatable): readonly string[]
  /** Names sent more than once that may not be. */
  readonly repeated: readonly string[]
  /** Every single-valued parameter, for keeping the request across a sign-in. */
  entries(): [string, string][]
}

/** Makes a form of a parsed query or body, in which a repeated name holds an array. */
export function createForm(parsed: Readonly<Record<string, string | string[] | undefined>>): Form {
  const repeated = Object.keys(parsed).filter((name) => Array.isArray(parsed[name]) && !isRepeatable(name))

  function get(name: string): string | undefined {
    const value = Object.hasOwn(parsed, name) ? parsed[name] : undefined
    if (Array.isArray(value))
      throw new Refused('invalid_request', `parameter is repeated: ${name}`, {
        rule: 'parameter-repeated',
        parameter: name,
        cause: `${name} was sent more than once`,
      })
    return value === undefined || value === '' ? undefined : requireSound(name, value)
  }

  return {
    get,
    require(name) {
      const value = get(name)
      if (value === undefined) {
        throw new Refused('invalid_request', `parameter is missing: ${name}`, {
          rule: 'parameter-missing',
          parameter: name,
          cause: `${name} was not sent, or was empty`,
        })
      }
      return value
    },
    has: (name) => Object.hasOwn(parsed, name) && parsed[name] !== '',
    all(name) {
      const values = [parsed[name] ?? []].flat().filter((value) => value !== '')
      if (values.length > MOST_VALUES)
        throw new Refused('invalid_request', `parameter has more than ${MOST_VALUES} values: ${name}`, {
          rule: 'parameter-has-too-many-values',
          parameter: name,
          cause: `${name} was sent ${values.length} times`,
        })
      return values.map((value) => requireSound(name, value))
    },
    repeated,
    entries: () => Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  }
}

/** Nothing that is looked up or kept holds a NUL, and not every database could keep it. */
function requireSound(name: string, value: string): string {
  if (ANY_TEXT.includes(name) || !value.includes('\0')) return requireShort(name, value)
  const code = name === 'scope' ? 'invalid_scope' : 'invalid_request'
  throw new Refused(code, `parameter contains a character that is not allowed: ${name}`, {
    rule: 'request-malformed',
    parameter: name,
    cause: `${name} contains the character NUL`,
  })
}

function requireShort(name: string, value: string): string {
  const limit = longestValue(name)
  if (value.length <= limit) return value
  const code = name === 'scope' ? 'invalid_scope' : 'invalid_request'
  throw new Refused(code, `parameter is too long: ${name} (at most ${limit} characters)`, {
    rule: 'parameter-too-long',
    parameter: name,
    length: value.length,
    cause: `${name} has ${value.length} characters; ${limit} are allowed`,
  })
}

/** Refuses a request in which any parameter occurs twice. @see RFC 6749 §3.1, §3.2 */
export function refuseRepeated(form: Form): Form {
  const [name] = form.repeated
  if (name !== undefined) {
    const parameter = name.slice(0, 64)
    const cause = `${parameter} was sent more than once`
    throw new Refused('invalid_request', `parameter is repeated: ${parameter}`, {
      rule: 'parameter-repeated',
      parameter,
      cause,
    })
  }
  return form
}
