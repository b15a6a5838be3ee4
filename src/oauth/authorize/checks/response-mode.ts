import type { ResponseType } from '../../../domain/apps/app-choices.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import { allowsResponseMode, defaultResponseMode } from '../request/find-redirect.ts'
import { RESPONSE_MODES, type ResponseMode } from '../request/request.ts'

/** @see OAuth 2.0 Multiple Response Types §2.1 */
export function readResponseMode(form: Form, responseType: ResponseType): ResponseMode {
  const sent = form.get('response_mode')
  if (sent === undefined) return defaultResponseMode(responseType)
  const mode = RESPONSE_MODES.find((known) => known === sent)
  if (mode === undefined)
    throw new Refused('invalid_request', `response_mode is not supported; supported: ${RESPONSE_MODES.join(', ')}`, {
      rule: 'response-mode-unsupported',
      cause: 'this response_mode is not supported',
      sent: sent.slice(0, 100),
      expected: RESPONSE_MODES,
    })
  if (!allowsResponseMode(responseType, mode)) {
    throw new Refused('invalid_request', 'response_mode query is not allowed if the response contains a token', {
      rule: 'response-mode-unsafe',
      cause: 'the query is visible to servers and their logs, and the response contains an ID token',
      sent,
      expected: 'fragment or form_post',
    })
  }
  return mode
}
