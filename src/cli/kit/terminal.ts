import type { Command } from 'commander'

interface Input extends NodeJS.ReadableStream {
  readonly isTTY?: boolean
}

interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Where a command runs: what it reads and writes, and what it leaves behind. The process has one; tests make their own. */
export interface Terminal {
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  readonly environment: NodeJS.ProcessEnv
  /** Set once by a command that was done and found a fault: `doctor`, `db check`, `explain-request`. */
  exitCode: number
}

const PLACES = new WeakMap<Command, Terminal>()

/** Has a program and all of its commands run at this terminal. */
export const placeAt = (terminal: Terminal, program: Command): Command => {
  PLACES.set(program, terminal)
  return program
}

/**
 * The terminal that a command runs at.
 * @throws Error for a command that belongs to no program
 */
export function terminalOf(command: Command): Terminal {
  const terminal = PLACES.get(command) ?? (command.parent ? terminalOf(command.parent) : undefined)
  if (terminal === undefined) throw new Error(`${command.name()} runs nowhere`)
  return terminal
}
