import { explain } from './kit/explain-error.ts'
import { reportFailure } from './kit/output.ts'
import type { Terminal } from './kit/terminal.ts'
import { createProgram } from './program.ts'

/**
 * Runs one command to its end, whatever becomes of it.
 * @param args as a shell would pass them, without the name of the program
 * @returns the exit code
 */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const complaints: string[] = []
  const program = createProgram(terminal, (text) => complaints.push(text))
  try {
    await program.parseAsync(args, { from: 'user' })
    return terminal.exitCode
  } catch (error) {
    const showStack = /^(debug|trace)$/.test(terminal.environment['TESSERA_LOG_LEVEL'] ?? '')
    const { lines, exitCode } = explain(error, complaints.join(''), showStack)
    if (exitCode !== 0) reportFailure(terminal, lines, exitCode, program.opts<{ json?: boolean }>().json)
    return exitCode
  }
}
