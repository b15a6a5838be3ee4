import { outboxKind } from './outbox-kind.ts'

interface LogoutNotice {
  /** The id of whoever was signed in. */
  readonly user?: string
  readonly sid: string
}

/** Tells an app, its destination by ApplicationUri, that a sign-in session has ended. @see OIDC Back-Channel Logout §2.5 */
export const LOGOUT_NOTICE = outboxKind<LogoutNotice>('logout_notice')
