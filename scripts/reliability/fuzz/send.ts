import { connect, type Socket } from 'node:net'
import type { Sent } from './wire.ts'

/** What came back. */
export interface Received {
  /** Of each answer on the connection; none where it was closed without a word. */
  readonly statuses: readonly number[]
  /** Milliseconds until the answer, or until the connection was closed. */
  readonly took: number
  readonly head: string
}

// Longer than the server takes over anything.
const PATIENCE = 20_000

/** Sends requests of one kind after another over a connection that is kept, and each that is no HTTP over one of its own. */
export function createSender(port: number) {
  let kept: Socket | undefined

  function speak({ bytes, method, sound }: Sent): Promise<Received> {
    const socket = sound && kept && !kept.destroyed ? kept : connect({ host: '127.0.0.1', port, noDelay: true })
    kept = sound ? socket : kept
    const started = performance.now()
    return new Promise((resolve) => {
      let answer = ''
      const finish = (): void => {
        socket.off('data', onData).off('close', finish).off('timeout', hangUp)
        if (/^connection: close\r$/im.test(answer)) socket.destroy()
        const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status))
        resolve({ statuses, took: performance.now() - started, head: answer.slice(0, 300) })
      }
      const hangUp = (): void => void socket.destroy()
      const onData = (chunk: Buffer): void => {
        answer += chunk.toString('latin1')
        if (sound && isWhole(answer, method)) finish()
      }
      socket.on('data', onData).on('close', finish)
      if (socket.listenerCount('error') === 0) socket.on('error', () => undefined)
      socket.setTimeout(PATIENCE).on('timeout', hangUp)
      // What never comes to its end is ended here, so that the server need not wait for it.
      if (sound) socket.write(bytes)
      else socket.end(bytes)
    })
  }

  return { speak, close: (): void => void kept?.destroy() }
}

/** Whether an answer has come to its end. @see RFC 9112 §6.3 */
function isWhole(answer: string, method: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end < 0) return false
  const head = answer.slice(0, end)
  if (/^HTTP\/1\.1 1\d\d/.test(head)) return isWhole(answer.slice(end + 4), method)
  if (method === 'HEAD' || /^HTTP\/1\.1 (204|304)/.test(head)) return true
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  if (length !== undefined) return answer.length - end - 4 >= Number(length)
  return /^transfer-encoding: chunked/im.test(head) && answer.endsWith('0\r\n\r\n')
}
