import type { AppRegistration } from '../../../domain/apps/trusted-application.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'

/** What the record says counts where the request says nothing. @returns seconds @see OIDC Core §3.1.2.1, OIDC Registration §2 */
export function readMaxAge(form: Form, app: Pick<AppRegistration, 'defaultMaxAge'>): number | undefined {
  const sent = form.get('max_age')
  if (sent === undefined) return app.defaultMaxAge
  if (!/^\d{1,10}$/.test(sent)) {
    const cause = 'max_age must be a number of seconds, written in digits only'
    throw new Refused('invalid_request', 'max_age is not a whole number of seconds', {
      rule: 'max-age-malformed',
      sent: sent.slice(0, 100),
      cause,
    })
  }
  return Number(sent)
}
