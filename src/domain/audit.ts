/** A security-relevant event worth keeping; ids only, never a secret or a token. */
export interface AuditEvent {
  readonly event:
    | 'sign_in'
    | 'sign_in_failed'
    | 'sign_out'
    | 'consent_granted'
    | 'consent_denied'
    | 'code_reuse'
    | 'refresh_reuse'
    | 'token_revoked'
    | 'key_rotated'
  readonly app?: string
  readonly user?: string
  readonly session?: string
  readonly family?: string
  readonly address?: string
  /** For the operator alone. */
  readonly cause?: string
}

export type Audit = (event: AuditEvent) => void
