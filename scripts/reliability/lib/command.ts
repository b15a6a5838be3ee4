import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { COMMAND, environment } from '../../../test/fixtures/cli/cli.ts'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** Milliseconds. */
  readonly took: number
}

/** `tessera` with these arguments as a process that may be killed, or run as another user. */
export function startCommand(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  options: { readonly uid?: number } = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const started = performance.now()
  const child = spawn(process.execPath, [...COMMAND, ...args], {
    env: environment(settings),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    stdout,
    stderr,
    took: performance.now() - started,
  }))
  return { child, ended }
}
