/** Something a person can put right; the demo shows its message as one line, without a stack trace. */
export class DemoProblem extends Error {}

/** What went wrong, down to the first cause that says something, on one line. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // fetch says only "fetch failed"; the reason is further down.
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (error instanceof AggregateError && error.message === '')
    return [...new Set(error.errors.map(reasonOf))].join(', ')
  return error.message.replaceAll(/\s+/g, ' ')
}
