import { OAuthError } from '../../domain/errors.ts'
import type { Form } from '../../domain/form.ts'

/** Request objects are refused, never ignored: their values would have had precedence. @see OIDC Core §3.1.2.6, §6 */
export function refuseRequestObject(form: Form): void {
  if (form.has('request'))
    throw new OAuthError('request_not_supported', 'request objects are not offered: send plain parameters')
  if (form.has('request_uri')) {
    throw new OAuthError('request_uri_not_supported', 'request objects are not offered: send plain parameters')
  }
}
