import type { AuthorizationAnswer } from '../../domain/protocol/authorization-answer.ts'
import { appendParameters } from '../../domain/protocol/redirect-uri.ts'
import { errorUri, type Refused } from '../../domain/refusals/errors.ts'
import type { Redirectable } from './request/request.ts'

/**
 * Carries an answer back to the app, whose registered query is kept as it is.
 * @param issuer returned as `iss`, so that the app can tell two servers apart
 * @see RFC 6749 §4.1.2, RFC 9207 §2, OAuth 2.0 Form Post Response Mode §2
 */
export function answerTo(
  { redirectUri, state, responseMode }: Redirectable,
  own: Readonly<Record<string, string>>,
  issuer: string,
): AuthorizationAnswer {
  const parameters = { ...own, ...(state === undefined ? {} : { state }), iss: issuer }
  return responseMode === 'form_post'
    ? { kind: 'form_post', redirectUri, parameters }
    : { kind: 'redirect', url: appendParameters(redirectUri, parameters, responseMode) }
}

/** An error as the app is told it; `error_uri` leads a person to the refusal's id. @see RFC 6749 §4.1.2.1 */
export const errorParameters = (
  error: Pick<Refused, 'code' | 'description'>,
  refusalId: string,
  issuer: string,
): Record<string, string> => ({
  error: error.code,
  error_description: error.description,
  error_uri: errorUri(issuer, refusalId),
})
