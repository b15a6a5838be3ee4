import { createHmac } from 'node:crypto'
import type { SealingKey } from '../../lib/crypto/sealed-box.ts'

export type BrowserStateOf = (sid: string) => string

/** What scripts of this server may know of a sign-in session: it stays while the session does, and opens nothing. @see OIDC Session Management §3.1 */
export const createBrowserState =
  (key: SealingKey): BrowserStateOf =>
  (sid) =>
    createHmac('sha256', key).update(sid).digest('base64url')
