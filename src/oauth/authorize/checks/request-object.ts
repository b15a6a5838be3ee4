import type { Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'

/** Request objects are refused, never ignored: their values would have had precedence. @see OIDC Core §3.1.2.6, §6 */
export function refuseRequestObject(form: Form): void {
  const description = 'request objects are not offered: send plain parameters'
  const refuse = (code: 'request_not_supported' | 'request_uri_not_supported', parameter: string): Refused =>
    new Refused(code, description, { rule: 'request-object-sent', parameter, cause: `${parameter} was sent` })
  if (form.has('request')) throw refuse('request_not_supported', 'request')
  if (form.has('request_uri')) throw refuse('request_uri_not_supported', 'request_uri')
}
