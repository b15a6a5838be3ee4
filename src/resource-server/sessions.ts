import { type PostForm, ServerTrouble } from './call-server.ts'
import type { Settings } from './options.ts'
import { createRecall, dropOldest } from './recall.ts'
import { invalidToken, Refused } from './refused.ts'
import type { Touches } from './touches.ts'

interface Dependencies extends Pick<Settings, 'clock'> {
  readonly post: PostForm
  readonly touches: Pick<Touches, 'note'>
}

interface Session {
  readonly id: string
  /** Milliseconds since 1970 at which it is over unless it was used; by then the server is asked again. */
  readonly endsAt: number
}

/** The most tokens whose session is remembered. */
const LIMIT = 10_000

const NO_SLOT = 'MaximumLicenseCountExceeded'

export type Sessions = ReturnType<typeof createSessions>

/** The API sessions of callers: opened by the first call with a token, and kept alive by the ones that follow. */
export function createSessions({ post, touches, clock }: Dependencies) {
  const held = new Map<string, Session>()
  // Calls that come together open one session, and one that found no slot asks again a second later.
  const opening = createRecall<Session>({ clock, keepFor: 1000, limit: LIMIT })

  async function open(key: string, token: string): Promise<Session> {
    const askedAt = clock()
    const { status, body, retryAfter } = await post('/connect/session', { token })
    if (body['error'] === NO_SLOT) throw noSlot(body, retryAfter)
    if (status === 429) throw new ServerTrouble('the identity server is asked for too many API sessions')
    if (status !== 200) throw invalidToken('the access token has ended, or this API may not open a session with it')
    const { session_id: id, expires_in: lasts } = body
    if (typeof id !== 'string' || typeof lasts !== 'number')
      throw new ServerTrouble('what the identity server sent is not an API session')
    const session = { id, endsAt: askedAt + lasts * 1000 }
    held.delete(key)
    held.set(key, session)
    dropOldest(held, LIMIT)
    // From here on `held` says it, until the server says that it is over.
    opening.forget(key)
    return session
  }

  return {
    /**
     * The session that a call belongs to.
     * @param key stands for the token
     * @throws Refused when no slot is free, or the token has ended
     */
    async use(key: string, token: string): Promise<string> {
      const known = held.get(key)
      if (known !== undefined && clock() < known.endsAt) {
        touches.note(known.id)
        return known.id
      }
      return (await opening.recall(key, () => open(key, token))).id
    },

    /** The server says that these are over; the next call opens another one. */
    forget(ended: readonly string[]): void {
      for (const [key, { id }] of held) if (ended.includes(id)) held.delete(key)
    },
  }
}

function noSlot({ error_description, refusal_id }: Readonly<Record<string, unknown>>, retryAfter = 60): Refused {
  return new Refused({
    status: 429,
    error: NO_SLOT,
    description: typeof error_description === 'string' ? error_description : 'all licence slots are in use',
    retryAfter,
    ...(typeof refusal_id === 'string' ? { refusalId: refusal_id } : {}),
  })
}
