import type { FastifyBaseLogger } from 'fastify'
import { type PostForm, ServerTrouble } from './call-server.ts'
import type { Settings } from './options.ts'

interface Dependencies extends Pick<Settings, 'clock' | 'schedule'> {
  readonly post: PostForm
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  /** Told which of the sessions are over. */
  readonly onEnded: (ids: readonly string[]) => void
}

/** Milliseconds for which uses are collected before the server hears of them. */
const COLLECT = 5000

/** The most seconds that the server reads; by then every session is over. */
const LONGEST_AGO = 999_999

/** The most sessions in one message. */
const MOST = 300

export type Touches = ReturnType<typeof createTouches>

/** Tells the server in batches which API sessions were used, and when last. */
export function createTouches({ post, clock, schedule, log, onEnded }: Dependencies) {
  /** When each session was used last, in milliseconds since 1970; only what the server does not know yet. */
  let used = new Map<string, number>()
  let cancel: (() => void) | undefined
  let closed = false

  const secondsSince = (at: number): number => Math.min(Math.max(0, Math.floor((clock() - at) / 1000)), LONGEST_AGO)

  function plan(): void {
    if (closed || cancel !== undefined) return
    cancel = schedule(() => {
      cancel = undefined
      void flush()
    }, COLLECT)
  }

  async function send(batch: readonly (readonly [string, number])[]): Promise<void> {
    const ages = batch.map(([id, at]) => `${id}:${secondsSince(at)}`)
    try {
      const { status, body } = await post('/connect/session/touches', { touches: ages.join(' ') })
      if (status !== 200) throw new ServerTrouble(`the identity server answered ${status} to touches`)
      if (Array.isArray(body['ended'])) onEnded(body['ended'].map(String))
    } catch (error) {
      log.warn({ err: error }, 'the identity server could not be informed which API sessions are in use')
      // What it does not understand it will not understand later either.
      if (error instanceof ServerTrouble && error.status === 400) return
      for (const [id, at] of batch) used.set(id, Math.max(at, used.get(id) ?? 0))
      plan()
    }
  }

  async function flush(): Promise<void> {
    const all = [...used]
    used = new Map()
    for (let start = 0; start < all.length; start += MOST) await send(all.slice(start, start + MOST))
  }

  return {
    /** A call used this session. */
    note(id: string): void {
      used.set(id, clock())
      plan()
    },

    /** Sends what was collected; nothing is collected any more. */
    close(): Promise<void> {
      closed = true
      cancel?.()
      return flush()
    },
  }
}
