/** A mutant that behaves as the source does, so that no test can notice it. */
interface Equivalent {
  readonly file: string
  /** Part of the line on which it stands. */
  readonly line: string
  readonly was: string
  readonly is: string
  readonly why: string
}

export const equivalents: readonly Equivalent[] = []
