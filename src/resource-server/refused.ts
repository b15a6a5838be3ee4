/** Why a request is not let in, as its sender is told. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 429 | 503
  /** A code of RFC 6750 §3.1, or `unauthorized`, `MaximumLicenseCountExceeded`, `temporarily_unavailable`. */
  readonly error: string
  readonly description: string
  /** The scopes that are missing. */
  readonly missing?: readonly string[]
  /** Seconds after which another try may succeed. */
  readonly retryAfter?: number
  /** Under which an operator finds it with `tessera refusal show`. */
  readonly refusalId?: string
}

/** Thrown where a request must not go on. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(refusal.description, options)
    this.refusal = refusal
  }
}

/** @see RFC 6750 §3.1 */
export const invalidToken = (description: string, cause?: unknown): Refused =>
  new Refused({ status: 401, error: 'invalid_token', description }, { cause })

/** @see RFC 6750 §3.1 */
export const invalidRequest = (description: string): Refused =>
  new Refused({ status: 400, error: 'invalid_request', description })
