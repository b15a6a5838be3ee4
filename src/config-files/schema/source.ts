/** A file as it was understood. */
export interface Source {
  readonly file: string
  readonly content: Readonly<Record<string, unknown>>
  /** The line in which the value at a path begins, where it can be told. */
  readonly lineOf: (path: readonly (string | number)[]) => number | undefined
}

/** Names and values, rather than a list or a single value. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
