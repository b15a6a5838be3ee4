import { answersWith, type ResponseType } from '../../../domain/apps/app-choices.ts'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import { PROTOCOL_SCOPES, readScope, requireWithin } from '../../../domain/protocol/scope.ts'
import { Refused } from '../../../domain/refusals/errors.ts'

/** Scopes of the protocol are open to every app, API scopes to those whose record lists them. @see RFC 6749 §3.3 */
export function readRequestedScope(form: Form, app: TrustedApplication, responseType: ResponseType): string[] {
  const sent = form.get('scope')
  if (sent === undefined)
    throw new Refused('invalid_scope', 'scope is missing; ask for at least openid or an API scope of the app', {
      rule: 'scope-missing',
      client_id: app.applicationUri,
      cause: 'scope was not sent, or was empty',
      expected: [...PROTOCOL_SCOPES, ...app.scope].join(' '),
    })
  const scope = readScope(sent)
  requireWithin(scope, [...PROTOCOL_SCOPES, ...app.scope], 'scope is not registered for the app')
  if (answersWith(responseType, 'id_token') && !scope.includes('openid')) {
    throw new Refused('invalid_scope', 'the request asks for an ID token, but scope does not contain openid', {
      rule: 'openid-missing',
      cause: `response_type ${responseType} asks for an ID token, which requires the scope openid`,
      sent,
    })
  }
  // A refresh token comes with a code alone. @see OIDC Core §11
  return answersWith(responseType, 'code') ? scope : scope.filter((name) => name !== 'offline_access')
}
