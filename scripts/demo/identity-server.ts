import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { DemoProblem } from './problem.ts'
import { type Environment, environmentWith, TESSERA } from './tessera-cli.ts'

const READY_WITHIN = 120_000
const STOPS_WITHIN = 10_000

export interface IdentityServer {
  /** Asks the server to end, and ends it the hard way when it takes too long. */
  close(): Promise<void>
  /** Settles with one line when the server ends although nobody asked it to. */
  readonly died: Promise<string>
}

export interface IdentityServerOptions {
  readonly settings: Environment
  /** Answers 200 when the server can be used. */
  readonly readyUrl: string
  readonly logFile: string
}

/**
 * Starts `tessera serve` as a process of its own and waits until it is ready.
 * @throws DemoProblem when it ends or stays unready for a minute, with the end of its log
 */
export async function startIdentityServer(options: IdentityServerOptions): Promise<IdentityServer> {
  const log = openSync(options.logFile, 'a', 0o600)
  const child = spawn(process.execPath, [TESSERA, 'serve', '--accept-clock'], {
    env: environmentWith(options.settings),
    stdio: ['ignore', log, log],
    // Out of reach of the terminal's Ctrl+C, so that the demo can stop its parts in order.
    detached: true,
    windowsHide: true,
  })
  closeSync(log)
  const ended = once(child, 'exit')
  const kill = (): boolean => child.kill('SIGKILL')
  process.once('exit', kill)
  let closing = false
  const close = async (): Promise<void> => {
    closing = true
    await endChild(child)
    process.off('exit', kill)
  }
  if (!(await becomesReady(child, options.readyUrl))) {
    const fault = isRunning(child) ? `was not ready after ${READY_WITHIN / 1000} s` : endOf(child)
    await close()
    throw new DemoProblem(
      `The identity server ${fault}; its log ${options.logFile} ends:\n${lastLines(options.logFile, 20)}`,
    )
  }
  const died = new Promise<string>((resolve) => {
    void ended.then(() => closing || resolve(`The identity server ${endOf(child)}; its log is ${options.logFile}.`))
  })
  return { close, died }
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

const endOf = ({ exitCode, signalCode }: ChildProcess): string =>
  exitCode === null ? `was ended by ${signalCode}` : `ended with exit code ${exitCode}`

async function becomesReady(child: ChildProcess, url: string): Promise<boolean> {
  const deadline = Date.now() + READY_WITHIN
  while (isRunning(child) && Date.now() < deadline) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.status === 200) return true
    await sleep(150)
  }
  return false
}

async function endChild(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN)
  await gone
  clearTimeout(hard)
}

const lastLines = (file: string, count: number): string =>
  readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
