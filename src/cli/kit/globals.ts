import type { Command } from 'commander'

interface Globals {
  readonly config?: string
  readonly json?: boolean
  readonly acceptClock?: boolean
}

/** The flags that every command takes. */
export const globalsOf = (command: Command): Globals => command.optsWithGlobals<Globals>()
