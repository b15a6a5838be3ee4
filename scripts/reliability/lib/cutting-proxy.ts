import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../../test/fixtures/instance/ports.ts'
import type { Run } from './run.ts'

/** When the connection goes away: before the commit arrives, or after it is done and before the answer. */
export type Cut = 'before' | 'after'

/** Stands between a node and PostgreSQL, and cuts connections at the worst moment. */
export interface CuttingProxy {
  readonly port: number
  /** The next commit is cut so. */
  cutNext(how: Cut): void
  /** How many were cut. */
  readonly cuts: Record<Cut, number>
}

// A transaction that uses up a refresh token or a code; others write on the side.
const OF_INTEREST = 'refresh_tokens'
// The message with which the driver commits: 'Q', its length, the statement.
const COMMIT = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1')

export async function startCuttingProxy(run: Run, databasePort: number): Promise<CuttingProxy> {
  const port = await freePort()
  const cuts: Record<Cut, number> = { before: 0, after: 0 }
  let armed: Cut | undefined

  const server = createServer((client) => {
    const database = connect(databasePort, '127.0.0.1')
    let cutting = false
    let touched = false
    const end = (): void => {
      client.destroy()
      database.destroy()
    }
    for (const socket of [client, database] as Socket[]) socket.on('error', end).on('close', end)

    client.on('data', (chunk: Buffer) => {
      if (chunk.includes('begin isolation')) touched = false
      touched ||= chunk.includes(OF_INTEREST)
      if (armed === undefined || !touched || !chunk.includes(COMMIT)) return void database.write(chunk)
      const how = armed
      armed = undefined
      cuts[how]++
      if (how === 'before') return end()
      cutting = true
      return void database.write(chunk)
    })
    database.on('data', (chunk: Buffer) => {
      // The answer of the commit: it is done, and nobody learns of it.
      if (cutting) return end()
      client.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  run.defer(() => server.close())
  return {
    port,
    cuts,
    cutNext: (how) => {
      armed = how
    },
  }
}
