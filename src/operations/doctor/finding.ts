export type Severity = 'ok' | 'warning' | 'fault'

/** What a look at one thing showed, and what mends it. */
export interface Finding {
  readonly check: string
  readonly severity: Severity
  readonly found: string
  /** A command, a setting or a deed; there is none where all is well. */
  readonly fix: string | null
}

export const fine = (check: string, found: string): Finding => ({ check, severity: 'ok', found, fix: null })
export const warning = (check: string, found: string, fix: string): Finding => ({
  check,
  severity: 'warning',
  found,
  fix,
})
export const fault = (check: string, found: string, fix: string): Finding => ({ check, severity: 'fault', found, fix })

export const messageOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error instanceof Error ? error.message : String(error)}${cause}`
}
