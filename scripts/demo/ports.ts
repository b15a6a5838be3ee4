import { createServer } from 'node:net'
import type { Part, Ports } from './addresses.ts'
import { DemoProblem } from './problem.ts'

const USES: Readonly<Record<Part, { readonly use: string; readonly flag: string }>> = {
  identity: { use: 'the identity server', flag: '--port' },
  web: { use: 'the web app', flag: '--web-port' },
  spa: { use: 'the single-page app', flag: '--spa-port' },
  api: { use: 'the instance API', flag: '--api-port' },
}

const PARTS = Object.keys(USES) as Part[]

// A browser asks ::1 before 127.0.0.1, so somebody else's server there would be met instead of ours.
const LOOPBACK_ADDRESSES = ['127.0.0.1', '::1']

/** Says why nothing can listen there; `undefined` when it can, or when the machine has no such address. */
function whyUnusable(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'EADDRINUSE') resolve('is already in use')
      else if (code === 'EACCES') resolve('is not open to this user')
      else resolve(undefined)
    })
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(undefined)))
  })
}

async function faultOf(part: Part, ports: Ports): Promise<string | undefined> {
  const port = ports[part]
  const { use, flag } = USES[part]
  const twin = PARTS.slice(0, PARTS.indexOf(part)).find((earlier) => ports[earlier] === port)
  if (twin !== undefined)
    return `Port ${port} is given to both ${USES[twin].use} and ${use}; change it with ${flag} <port>.`
  for (const host of LOOPBACK_ADDRESSES) {
    const reason = await whyUnusable(port, host)
    if (reason !== undefined)
      return `Port ${port} (${host}) ${reason}, and ${use} needs it; choose another with ${flag} <port>.`
  }
  return undefined
}

/**
 * Makes sure that every port can be listened on, before anything is started.
 * @throws DemoProblem one line for each port that cannot be used: which one, for what, and the flag that changes it
 */
export async function refuseTakenPorts(ports: Ports): Promise<void> {
  const faults: string[] = []
  for (const part of PARTS) {
    const fault = await faultOf(part, ports)
    if (fault !== undefined) faults.push(fault)
  }
  if (faults.length > 0) throw new DemoProblem(faults.join('\n'))
}
