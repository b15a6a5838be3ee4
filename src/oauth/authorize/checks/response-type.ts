import { requireInteractive } from '../../../domain/access/require-interactive.ts'
import type { ResponseType } from '../../../domain/apps/app-choices.ts'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'

const asSet = (value: string): string => value.split(' ').sort().join(' ')

/**
 * The order of the words in a response type does not matter.
 * @param offered by this server
 * @see RFC 6749 §3.1.1
 */
export function readResponseType(form: Form, app: TrustedApplication, offered: readonly ResponseType[]): ResponseType {
  const sent = form.require('response_type')
  const type = offered.find((known) => asSet(known) === asSet(sent))
  if (type === undefined) {
    throw new Refused('unsupported_response_type', `response_type is not supported; supported: ${offered.join(', ')}`, {
      rule: 'response-type-unsupported',
      cause: 'this response_type is not supported',
      sent: sent.slice(0, 100),
      expected: offered,
    })
  }
  requireInteractive(app)
  if (!app.responseTypes.includes(type)) {
    throw new Refused('unauthorized_client', 'the app may not use this response_type', {
      rule: 'response-type-unregistered',
      client_id: app.applicationUri,
      cause: 'ResponseTypes of the record does not list this response_type',
      sent: type,
      expected: app.responseTypes,
    })
  }
  return type
}
