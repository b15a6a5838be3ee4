import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Node } from './node.ts'

export const MIB = 2 ** 20
const PAGE = 4096

/** Bytes of memory that a process holds. */
export const memoryOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE

/** How many files and connections a process has open. */
export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

// Runs inside the server, before anything of its own: lets go of what is garbage when asked by a signal.
const COLLECTOR = `
import { writeFileSync } from 'node:fs'
process.on('SIGWINCH', () => {
  globalThis.gc()
  writeFileSync(process.env.RELIABILITY_COLLECTED, '')
})`

/** What a node is started with so that its memory can be measured without garbage. */
export function garbageCollector(folder: string) {
  const file = join(folder, 'collected')
  const nodeFlags = ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(COLLECTOR)}`]

  /** Bytes that the node holds once garbage is gone. */
  async function measure(node: Node): Promise<number> {
    // What the first collection finds no longer needed goes with the second.
    for (let time = 0; time < 2; time++) {
      rmSync(file, { force: true })
      node.kill('SIGWINCH')
      for (let tries = 0; !existsSync(file); tries++) {
        if (tries > 1000) throw new Error('the server does not collect its garbage')
        await delay(10)
      }
    }
    return memoryOf(node.pid)
  }
  return { options: { nodeFlags, env: { RELIABILITY_COLLECTED: file } }, measure }
}
