import { answersWith, type ResponseType } from '../../../domain/apps/app-choices.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'

/** Needed wherever an ID token comes through the browser. @see OIDC Core §3.3.2.11 */
export function readNonce(form: Form, responseType: ResponseType): string | undefined {
  const nonce = form.get('nonce')
  if (nonce === undefined && answersWith(responseType, 'id_token')) {
    throw new Refused(
      'invalid_request',
      'parameter is missing: nonce (required if the response contains an ID token)',
      {
        rule: 'nonce-missing',
        cause: `response_type ${responseType} puts an ID token into the response, and no nonce was sent to bind it to the request`,
      },
    )
  }
  return nonce
}
