import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { Outcome } from '../../domain/outbox/delivery.ts'
import { LOGOUT_NOTICE } from '../../domain/outbox/logout-notice.ts'
import type { Sender } from '../../domain/outbox/sender.ts'
import type { User } from '../../domain/users/user.ts'
import type { Repositories } from '../../store/store.ts'

interface Dependencies {
  readonly apps: Pick<Repositories['apps'], 'find'>
  readonly users: Pick<Repositories['users'], 'find'>
  /** Makes the logout token for an app; without the person where they are forgotten. */
  readonly sign: (app: TrustedApplication, user: User | undefined, sid: string) => Promise<string>
  readonly post: (url: string, form: URLSearchParams) => Promise<{ readonly status: number }>
}

/** Tells apps that a sign-in session has ended. @see OIDC Back-Channel Logout §2.5 */
export const createLogoutNotices = ({ apps, users, sign, post }: Dependencies): Sender => ({
  kind: LOGOUT_NOTICE,
  words: {
    one: 'telling an app of a sign-out',
    all: 'telling apps of sign-outs',
    undone: 'an app could not be told about a sign-out',
  },
  about: ({ destination: app }) => ({ app }),

  async send(delivery) {
    const app = await apps.find(delivery.destination)
    if (!app?.isEnabled) return { kind: 'pointless', error: 'the app is disabled' }
    if (app.backchannelLogoutUri === undefined)
      return { kind: 'pointless', error: 'the app no longer has a BackchannelLogoutUri' }
    const { user: id, sid } = LOGOUT_NOTICE.payloadOf(delivery)
    const token = await sign(app, id === undefined ? undefined : await users.find(id), sid)
    return deliveryOutcome((await post(app.backchannelLogoutUri, new URLSearchParams({ logout_token: token }))).status)
  },

  givenUp(delivery, { delivery: id, attempts, error }) {
    const { user, sid: session } = LOGOUT_NOTICE.payloadOf(delivery)
    return {
      event: 'logout_notice_given_up',
      actor: 'server',
      app: delivery.destination,
      ...(user === undefined ? {} : { user }),
      detail: { delivery: id, session, attempts, error },
    }
  },
})

/** What an answer means; redirects are not followed. @see OIDC Back-Channel Logout §2.8 */
function deliveryOutcome(status: number): Outcome {
  if (status === 200 || status === 204) return { kind: 'delivered' }
  const error = `the app answered ${status}`
  const passes = status < 400 || status >= 500 || [408, 425, 429].includes(status)
  return passes ? { kind: 'failed', error } : { kind: 'refused', error }
}
