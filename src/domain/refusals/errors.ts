import type { RefusalRule } from './refusal-rule.ts'

/** Every error code a client can meet, with the HTTP status it is answered with. */
const STATUS = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  unsupported_response_type: 400,
  unsupported_token_type: 400,
  access_denied: 400,
  login_required: 400,
  consent_required: 400,
  account_selection_required: 400,
  interaction_required: 400,
  interaction_expired: 400,
  invalid_request_object: 400,
  invalid_request_uri: 400,
  request_not_supported: 400,
  request_uri_not_supported: 400,
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  invalid_software_statement: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  not_found: 404,
  conflict: 409,
  precondition_failed: 412,
  invalid_change: 422,
  precondition_required: 428,
  MaximumLicenseCountExceeded: 429,
  server_error: 500,
  temporarily_unavailable: 503,
} as const

export type ErrorCode = keyof typeof STATUS

/** What the operator may see of a refusal, beyond what the client is told; never a secret or a token. */
export type OperatorDetail = Readonly<Record<string, string | number | boolean | null | readonly string[] | undefined>>

/** The operator's half of a refusal. */
export type OperatorHalf = OperatorDetail & {
  /** Which rule was broken: the remedy follows from it. */
  readonly rule: RefusalRule
  /** In what way it was, in one line. */
  readonly cause: string
}

/** One of several things that are wrong at once: the attribute it concerns and why. */
export interface Fault {
  readonly attribute: string
  readonly reason: string
}

/** A record that was named and is not there. */
export interface Missing {
  readonly kind: 'user' | 'app'
  readonly name: string
}

/** What else the answer to a refusal may need. */
interface RefusalOptions {
  /** Everything that is wrong with a change, to be told all at once. */
  readonly faults?: readonly Fault[]
  /** Of which a similar one may have been meant. */
  readonly missing?: Missing | undefined
  /** Overrides the code's usual HTTP status (413, 405, ...). */
  readonly status?: number
  /** Where a person can begin again, for the error page. */
  readonly restart?: string | undefined
  /** After how many seconds it is worth trying again. */
  readonly retryAfter?: number | undefined
}

/**
 * The one error, whoever says no: a code and a description for the client; rule, cause and detail for the operator.
 * @see RFC 6749 §5.2
 */
export class Refused extends Error {
  readonly code: ErrorCode
  readonly description: string
  readonly detail: OperatorHalf
  readonly status: number
  readonly restart: string | undefined
  readonly retryAfter: number | undefined
  readonly faults: readonly Fault[]
  readonly missing: Missing | undefined

  /**
   * @param code one of the registered error codes
   * @param description one short sentence for the client's developer
   * @param detail the rule that was broken, the cause, and what else the operator needs to mend it
   */
  constructor(code: ErrorCode, description: string, detail: OperatorHalf, options: RefusalOptions = {}) {
    super([`${code}: ${description}`, ...(options.faults ?? []).map(describeFault)].join('\n'))
    this.name = 'Refused'
    this.code = code
    this.description = onlyAllowedCharacters(description)
    this.detail = detail
    this.status = options.status ?? STATUS[code]
    this.restart = options.restart
    this.retryAfter = options.retryAfter
    this.faults = options.faults ?? []
    this.missing = options.missing
  }
}

/** The same refusal, filed under an app where it names none. */
export function aboutApp(error: Refused, applicationUri: string): Refused {
  if (error.detail['client_id'] !== undefined) return error
  return new Refused(error.code, error.description, { ...error.detail, client_id: applicationUri }, error)
}

/** A fault in one line. */
export const describeFault = ({ attribute, reason }: Fault): string => `${attribute}: ${reason}`

/** Keeps a description inside the characters an error_description may have. @see RFC 6749 §5.2 */
const onlyAllowedCharacters = (text: string): string => text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')

/** Where a person reads a refusal's id. @see RFC 6749 §4.1.2.1, §5.2 */
export const errorUri = (issuer: string, refusalId: string): string => `${issuer}/error?refusal=${refusalId}`
