import { type ApiCatalogue, defaultScope, knownScopes } from '../../../domain/access/resource-indicators.ts'
import { answersWith, type ResponseType } from '../../../domain/apps/app-choices.ts'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import { isSeparatedByCommas, PROTOCOL_SCOPES, requireWithin, scopeIn } from '../../../domain/protocol/scope.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import type { AuthorizationRequest } from '../request/request.ts'

type RequestedScope = Pick<AuthorizationRequest, 'scope' | 'ignoredScope' | 'isScopeDefault'>

/**
 * Scopes of the protocol are open to every app, API scopes to those whose record lists them. Without any the request is for
 * the API scopes of the record.
 * @see RFC 6749 §3.3
 */
export function readRequestedScope(
  form: Form,
  app: TrustedApplication,
  responseType: ResponseType,
  catalogue: ApiCatalogue,
): RequestedScope {
  const sent = scopeIn(form)
  const { scope, ignored } = withoutUnknown(sent ?? defaultScope(form, app, catalogue), [
    ...knownScopes(catalogue),
    ...app.scope,
  ])
  if (answersWith(responseType, 'id_token') && !scope.includes('openid')) {
    throw new Refused('invalid_scope', 'the request asks for an ID token, but scope does not contain openid', {
      rule: 'openid-missing',
      cause: `response_type ${responseType} asks for an ID token, which requires the scope openid`,
      sent: sent?.join(' '),
    })
  }
  if (scope.length === 0) throw nothingToAskFor(form, app)
  requireWithin(scope, [...PROTOCOL_SCOPES, ...app.scope], 'scope is not registered for the app')
  // A refresh token comes with a code alone. @see OIDC Core §11
  const granted = answersWith(responseType, 'code') ? scope : scope.filter((name) => name !== 'offline_access')
  return { scope: granted, ignoredScope: ignored, isScopeDefault: sent === undefined }
}

/** In a request of OpenID Connect what nobody here knows is ignored; what an API has is for its apps alone. @see OIDC Core §3.1.2.1 */
function withoutUnknown(
  sent: readonly string[],
  known: readonly string[],
): { readonly scope: readonly string[]; readonly ignored: readonly string[] } {
  if (!sent.includes('openid')) return { scope: sent, ignored: [] }
  const ignored = sent.filter((name) => !known.includes(name) && !isSeparatedByCommas(name))
  return { scope: sent.filter((name) => !ignored.includes(name)), ignored }
}

/** Nothing was asked for, and the record has nothing to fall back on. */
function nothingToAskFor(form: Form, app: TrustedApplication): Refused {
  const named = form.all('resource').length > 0 && app.scope.length > 0
  return new Refused('invalid_scope', 'scope is missing; ask for at least openid or an API scope of the app', {
    rule: 'scope-missing',
    client_id: app.applicationUri,
    cause: named
      ? 'scope was not sent, and no API that resource names has a scope of the record'
      : 'scope was not sent, and the record has no API scopes that it could stand for',
    expected: [...PROTOCOL_SCOPES, ...app.scope].join(' '),
  })
}
