import { randomInt } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { type Answer, type PostForm, ServerTrouble } from './call-server.ts'
import type { Notice, Notices } from './notices.ts'
import type { Settings } from './options.ts'

interface Dependencies extends Pick<Settings, 'clock' | 'schedule'> {
  readonly post: PostForm
  readonly notices: Pick<Notices, 'add'>
  readonly log: Pick<FastifyBaseLogger, 'warn' | 'info'>
}

/** Milliseconds between two questions; nodes that were started together do not ask together. */
const SHORTEST = 3000
const LONGEST = 4000

/** Milliseconds without news after which somebody should know. */
const SILENCE = 30_000

export type NoticePoll = ReturnType<typeof createNoticePoll>

/** Asks the server every few seconds whose tokens ended early. */
export function createNoticePoll({ post, notices, clock, schedule, log }: Dependencies) {
  let since: string | undefined
  let heardAt = clock()
  let warned = false
  let stopped = false
  let cancel = (): void => undefined
  let first: Promise<void> | undefined

  async function readAll(): Promise<void> {
    for (let more = true; more && !stopped; ) {
      const { status, body } = await post('/connect/session/notices', since === undefined ? {} : { since })
      if (status !== 200) throw new ServerTrouble(`the identity server answered ${status} to a request for notices`)
      notices.add(readNotices(body))
      since = typeof body['next'] === 'string' ? body['next'] : since
      more = body['more'] === true
    }
  }

  function heard(): void {
    heardAt = clock()
    if (warned) log.info('the identity server again says whose tokens ended early')
    warned = false
  }

  function heardNothing(error: unknown): void {
    const status = error instanceof ServerTrouble ? (error.status ?? 0) : 0
    // A cursor that the server does not take must not be shown to it for ever.
    if (status === 400) since = undefined
    // What the server refuses does not pass by itself.
    const refused = status >= 400 && status < 500
    if (warned || (!refused && clock() - heardAt < SILENCE)) return
    warned = true
    log.warn(
      { err: error },
      'the identity server does not say whose tokens ended early: for now, signed tokens are valid until they expire',
    )
  }

  async function poll(): Promise<void> {
    await readAll().then(heard, heardNothing)
    if (!stopped) cancel = schedule(() => void poll(), randomInt(SHORTEST, LONGEST))
  }

  return {
    start(): void {
      first ??= poll()
    },

    /** Resolves when the first question was answered, or was not: before that, nobody knows what ended before the start. */
    begun(): Promise<void> {
      first ??= poll()
      return first
    },

    stop(): void {
      stopped = true
      cancel()
    },
  }
}

function readNotices({ notices }: Answer['body']): Notice[] {
  if (!Array.isArray(notices)) throw new ServerTrouble('what the identity server sent is not a list of notices')
  return (notices as Record<string, unknown>[]).map(({ id, client_id, user_id, at }) => ({
    id: String(id),
    clientId: typeof client_id === 'string' ? client_id : undefined,
    userId: typeof user_id === 'string' ? user_id : undefined,
    at: Number(at) * 1000,
  }))
}
