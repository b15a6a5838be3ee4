import { onceAtATime } from '../flow/once-at-a-time.ts'
import type { Outbound } from './outbound.ts'

/**
 * Fetches a document as text, once for everybody who asks for it at the same time; anything but a plain success is a failure
 * whose message says so.
 */
export const createFetchText = (outbound: Pick<Outbound, 'get'>, accept: string): ((uri: string) => Promise<string>) =>
  onceAtATime(async (uri) => {
    const { status, body } = await outbound.get(uri, { accept })
    if (status === 200) return body
    throw new Error(
      `the answer was status ${status}${status >= 300 && status < 400 ? ', and redirects are not followed' : ''}`,
    )
  })
