/** What the statements of a connection pass. */
export interface Gate {
  /** Before each statement. @throws where none may be made */
  enter(): void
  /** After one that failed. @returns what is thrown */
  failed(error: unknown): unknown
}

export type Line = ReturnType<typeof createLine>

/** The units of work on it reach the connection no more. */
class LineCut extends Error {}

/**
 * The way of units of work, one after the other, to the connection that writes. After a fault that no transaction outlives a unit
 * gets no further, though it may have caught the error: its next statement would be committed by itself.
 * @param endsAll whether an error has ended the whole transaction
 */
export function createLine(endsAll: (error: unknown) => boolean) {
  let made = 0
  let stopped: { readonly by: unknown } | undefined
  let isCut = false
  const requireOpen = (): void => {
    if (isCut) throw new LineCut('this unit of work was given up; another one uses the connection')
    if (stopped) throw stopped.by
  }

  return {
    /** Lets the next unit begin. */
    begin(): void {
      stopped = undefined
    },
    /** @throws what stopped the unit under way */
    requireOpen,
    /** How many statements were made so far. */
    steps: (): number => made,
    /** Keeps whatever is still under way from the connection, for good. */
    cut(): void {
      isCut = true
    },
    enter(): void {
      requireOpen()
      made += 1
    },
    failed(error: unknown): unknown {
      if (endsAll(error)) stopped ??= { by: error }
      return error
    },
  }
}
