import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { COMMAND, environment } from '../../../test/fixtures/cli/cli.ts'
import type { Run } from './run.ts'
import type { Site } from './site.ts'

/** `tessera serve` as a process of its own. */
export interface Node {
  readonly pid: number
  readonly origin: string
  /** Milliseconds from the start of the process to the first 200 of /health/ready. */
  readonly readyAfter: number
  /** Log records so far. */
  readonly records: readonly Record<string, unknown>[]
  readonly stderr: () => string
  kill(signal: NodeJS.Signals): void
  /** Waits for the end. */
  ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  readonly running: () => boolean
}

interface Options {
  /** The port to listen on; the issuer's unless given. */
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
  /** A program that starts node, with its arguments. */
  readonly under?: readonly string[]
  readonly nodeFlags?: readonly string[]
}

const LONGEST_START = 30_000

/** Starts a node and waits until it is ready; it is killed at the end of the run, should it still be there. */
export async function startNode(run: Run, site: Site, options: Options = {}): Promise<Node> {
  const { port = Number(new URL(site.origin).port), env = {}, under = [], nodeFlags = [] } = options
  const started = performance.now()
  const [file = '', ...args] = [...under, process.execPath, ...nodeFlags, ...COMMAND, 'serve']
  const child = spawn(file, args, {
    env: { ...environment({ ...site.settings, TESSERA_LISTEN: `127.0.0.1:${port}` }), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let running = true
  const ended = once(child, 'close').then(([code, signal]) => {
    running = false
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }
  })
  run.defer(() => {
    child.kill('SIGKILL')
    return ended
  })

  const records: Record<string, unknown>[] = []
  let rest = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) records.push(JSON.parse(line) as Record<string, unknown>)
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })

  const origin = `http://127.0.0.1:${port}`
  while ((await readiness(origin)) !== 200) {
    if (!running) throw new Error(`the server ended: ${stderr}${JSON.stringify(records)}`)
    if (performance.now() - started > LONGEST_START) throw new Error('the server does not get ready')
    await delay(10)
  }
  return {
    pid: child.pid ?? 0,
    origin,
    readyAfter: performance.now() - started,
    records,
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    ended: () => ended,
    running: () => running,
  }
}

/** What /health/ready answers, on a connection of its own; 0 where nobody answers. */
export async function readiness(origin: string): Promise<number> {
  try {
    const answer = await fetch(`${origin}/health/ready`, { headers: { connection: 'close' } })
    await answer.text()
    return answer.status
  } catch {
    return 0
  }
}
