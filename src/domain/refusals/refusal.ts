import type { ErrorCode, OperatorDetail, OperatorHalf } from './errors.ts'

/** A request that was turned down, as the operator can look it up; holds no secret and no token. */
export interface Refusal {
  /** What the client was shown. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** The route, such as `/id/connect/token`. */
  readonly endpoint: string
  readonly method: string
  readonly status: number
  readonly error: ErrorCode
  readonly description: string
  /** What was sent, as far as it is no secret, no token and nothing about a person. */
  readonly parameters: Readonly<Record<string, string>>
  /** Without a rule where it was recorded before every refusal had one. */
  readonly detail: OperatorDetail & Partial<Pick<OperatorHalf, 'rule'>>
  /** The `client_id` that was sent, whether or not such an app exists. */
  readonly app: string | undefined
  readonly address: string
}
