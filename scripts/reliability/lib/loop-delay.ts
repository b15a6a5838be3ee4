import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Node } from './node.ts'

/** How late the event loop of a process came to its work since the last question; milliseconds. */
export interface LoopDelay {
  readonly p99: number
  readonly max: number
}

// Runs inside the server, before anything of its own: tells about the event loop when asked by a signal.
const MONITOR = `
import { writeFileSync, renameSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
const histogram = monitorEventLoopDelay({ resolution: 5 })
histogram.enable()
process.on('SIGWINCH', () => {
  const file = process.env.RELIABILITY_LOOP_DELAY
  writeFileSync(file + '.new', JSON.stringify({ p99: histogram.percentile(99) / 1e6, max: histogram.max / 1e6 }))
  renameSync(file + '.new', file)
  histogram.reset()
})`

/** What a node is started with to be asked. */
export function loopMonitor(folder: string) {
  const file = join(folder, 'loop-delay.json')
  const nodeFlags = ['--import', `data:text/javascript,${encodeURIComponent(MONITOR)}`]

  /** Asks; the count begins anew. */
  async function ask(node: Node): Promise<LoopDelay> {
    rmSync(file, { force: true })
    node.kill('SIGWINCH')
    for (let tries = 0; !existsSync(file); tries++) {
      if (tries > 1000) throw new Error('the server does not tell about its event loop')
      await delay(10)
    }
    return JSON.parse(readFileSync(file, 'utf8')) as LoopDelay
  }
  return { options: { nodeFlags, env: { RELIABILITY_LOOP_DELAY: file } }, ask }
}
