import { type Form, refuseRepeated } from '../domain/form.ts'
import type { ApiCatalogue } from '../domain/resource-indicators.ts'
import { type ReadIdTokenHint, readSubjectHint } from './checks/id-token-hint.ts'
import { readMaxAge } from './checks/max-age.ts'
import { readNonce } from './checks/nonce.ts'
import { readCodeChallenge } from './checks/pkce.ts'
import { readPrompt } from './checks/prompt.ts'
import { refuseRequestObject } from './checks/request-object.ts'
import { readRequestedResources } from './checks/resource.ts'
import { readResponseMode } from './checks/response-mode.ts'
import { readResponseType } from './checks/response-type.ts'
import { readRequestedScope } from './checks/scope.ts'
import type { AuthorizationRequest, Redirectable } from './request.ts'

/**
 * Checks the parameters of an authorization request from top to bottom; the first that fails is told to the app by redirect.
 * What makes the rest meaningless comes first: repeated parameters, request objects, the response type.
 * @throws OAuthError to be redirected
 */
export async function validate(
  form: Form,
  redirectable: Redirectable,
  readHint: ReadIdTokenHint,
  catalogue: ApiCatalogue,
): Promise<AuthorizationRequest> {
  const { app } = redirectable
  refuseRepeated(form)
  refuseRequestObject(form)
  const responseType = readResponseType(form, app)
  const responseMode = readResponseMode(form, responseType)
  const scope = readRequestedScope(form, app, responseType)
  return {
    ...redirectable,
    responseType,
    responseMode,
    scope,
    resources: readRequestedResources(form, scope, app, catalogue),
    codeChallenge: readCodeChallenge(form, app),
    nonce: readNonce(form, responseType),
    prompt: readPrompt(form),
    maxAge: readMaxAge(form),
    loginHint: form.get('login_hint'),
    subjectHint: await readSubjectHint(form, readHint),
  }
}
