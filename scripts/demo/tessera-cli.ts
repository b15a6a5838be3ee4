import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DemoProblem } from './problem.ts'

/** The compiled `tessera` command, wherever the demo is started from. */
export const TESSERA = fileURLToPath(new URL('../../dist/src/cli/tessera.js', import.meta.url))

const TIME_LIMIT = 120_000

export type Environment = Readonly<Record<string, string>>

/** The environment of a process, with Tessera's settings replaced: the caller's own must not reach the demo. */
export const environmentWith = (settings: Environment): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TESSERA_'))),
  NODE_ENV: 'development',
  ...settings,
})

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `tessera` with arguments and, if needed, a line on its standard input. */
export type TesseraCommand = (args: readonly string[], input?: string) => Promise<CommandResult>

/** @throws DemoProblem when the server has not been compiled */
export function requireBuild(): void {
  if (!existsSync(TESSERA))
    throw new DemoProblem('Tessera is not compiled yet; run "npm run build" first (npm run demo does).')
}

/** The real command line against the demo's database, as a script would use it. */
export const createTesseraCommand =
  (settings: Environment): TesseraCommand =>
  (args, input = '') =>
    new Promise((resolve, reject) => {
      // Nobody is surprised that a demo was off for a week.
      const child = spawn(process.execPath, [TESSERA, ...args, '--accept-clock'], {
        env: environmentWith(settings),
        timeout: TIME_LIMIT,
        // Ctrl+C is for the demo to handle, which lets a command that has begun end.
        detached: true,
        windowsHide: true,
      })
      const output = { stdout: '', stderr: '' }
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output.stdout += text
      })
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output.stderr += text
      })
      // A command that ends without reading its input closes the pipe; its exit code says more.
      child.stdin.on('error', () => undefined).end(input)
      child.once('error', reject)
      child.once('close', (code) => resolve({ exitCode: code ?? 1, ...output }))
    })

/**
 * Runs a command that must succeed, and gives its JSON answer.
 * @throws DemoProblem with the command's own words
 */
export async function answerOf(
  tessera: TesseraCommand,
  args: readonly string[],
  input?: string,
): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await tessera([...args, '--json'], input)
  const shown = `tessera ${args.join(' ')}`
  if (exitCode !== 0) throw new DemoProblem(`${shown} failed (${exitCode}): ${stderr.trim() || stdout.trim()}`)
  try {
    return JSON.parse(stdout) as Record<string, unknown>
  } catch {
    throw new DemoProblem(`${shown} did not answer with JSON: ${stdout.trim()}`)
  }
}
