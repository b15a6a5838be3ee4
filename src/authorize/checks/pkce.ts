import { OAuthError } from '../../domain/errors.ts'
import type { Form } from '../../domain/form.ts'
import { isCodeChallenge } from '../../domain/pkce.ts'
import { needsPkce, type TrustedApplication } from '../../domain/trusted-application.ts'

/** Only S256: `plain`, which is also what a missing method means, protects nothing. @see RFC 7636 §4.3, RFC 9700 §2.1.1 */
export function readCodeChallenge(form: Form, app: TrustedApplication): string | undefined {
  const challenge = form.get('code_challenge')
  const method = form.get('code_challenge_method')
  if (challenge === undefined) {
    if (needsPkce(app))
      throw new OAuthError('invalid_request', 'parameter is missing: code_challenge (this app must use PKCE)')
    if (method !== undefined)
      throw new OAuthError('invalid_request', 'code_challenge_method is sent without code_challenge')
    return undefined
  }
  if (method !== 'S256') throw new OAuthError('invalid_request', 'code_challenge_method must be S256', { sent: method })
  if (!isCodeChallenge(challenge)) throw new OAuthError('invalid_request', 'code_challenge is not a base64url SHA-256')
  return challenge
}
