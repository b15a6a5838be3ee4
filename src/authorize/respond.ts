import type { OAuthError } from '../domain/errors.ts'
import { appendParameters } from '../domain/redirect-uri.ts'
import type { Redirectable } from './request.ts'

/**
 * The URL that carries an answer back to the app, its registered query kept as it is.
 * @param issuer returned as `iss`, so that the app can tell two servers apart
 * @see RFC 6749 §4.1.2, RFC 9207 §2
 */
export const answerUrl = (to: Redirectable, parameters: Readonly<Record<string, string>>, issuer: string): string =>
  appendParameters(
    to.redirectUri,
    { ...parameters, ...(to.state === undefined ? {} : { state: to.state }), iss: issuer },
    to.responseMode,
  )

/** An error as the app is told it; `error_uri` leads a person to the refusal's id. @see RFC 6749 §4.1.2.1 */
export const errorParameters = (error: OAuthError, refusalId: string, issuer: string): Record<string, string> => ({
  error: error.code,
  error_description: error.description,
  error_uri: `${issuer}/error?refusal=${refusalId}`,
})
