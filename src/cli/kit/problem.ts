/** Something the caller can put right; it is printed as plain lines, without a stack trace. */
export class Problem extends Error {
  readonly exitCode: 1 | 2
  readonly lines: readonly string[]

  constructor(exitCode: 1 | 2, lines: readonly string[]) {
    super(lines.join('\n'))
    this.exitCode = exitCode
    this.lines = lines
  }
}

/** A flag or value that is wrong by itself: exit code 2. */
export const wrongUsage = (...lines: string[]): Problem => new Problem(2, lines)

/** A sound request that cannot be met, such as a name that is not there or is taken: exit code 1. */
export const impossible = (...lines: string[]): Problem => new Problem(1, lines)
