/** Something that was started and can be ended. */
export interface Closable {
  close(): Promise<unknown>
}

export interface Shutdown {
  /** Notes a part; parts are closed in reverse order. */
  add(part: Closable): void
  /** Closes every part and ends the process; only the first call counts. */
  stop(exitCode: number): Promise<void>
}

/** Closes what was started, in order, whatever the reason to stop is. */
export function createShutdown(exit: (code: number) => void): Shutdown {
  const parts: Closable[] = []
  let stopping = false
  return {
    add: (part) => parts.unshift(part),
    async stop(exitCode) {
      if (stopping) return
      stopping = true
      for (const part of parts) {
        // One part that cannot be closed must not keep the others open.
        await part.close().catch((error: unknown) => console.error(`Could not stop cleanly: ${String(error)}`))
      }
      exit(exitCode)
    },
  }
}
