import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Run } from './run.ts'
import { requireTool } from './tools.ts'

/** What an operator would write; a node that says it is not ready gets nothing new. */
const configuration = (port: number, nodes: readonly number[]): string => `
global
  maxconn 1000
defaults
  mode http
  timeout connect 1s
  timeout client 20s
  timeout server 20s
  timeout check 2s
  option redispatch
  retries 3
frontend front
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /health/ready
  default-server check inter 300ms fall 2 rise 2
${nodes.map((node, index) => `  server node${index} 127.0.0.1:${node}`).join('\n')}
`

/** Starts haproxy in front of nodes. */
export async function startHaproxy(run: Run, port: number, nodes: readonly number[]): Promise<void> {
  const haproxy = requireTool('haproxy')
  const file = join(run.scratch(), 'haproxy.cfg')
  writeFileSync(file, configuration(port, nodes))
  const child = spawn(haproxy, ['-f', file, '-db'], { stdio: 'ignore' })
  const ended = once(child, 'close')
  run.defer(() => {
    child.kill('SIGTERM')
    return ended
  })
  for (let tries = 0; !(await isOpen(port)); tries++) {
    if (tries > 100 || child.exitCode !== null) throw new Error('haproxy does not start')
    await delay(50)
  }
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
