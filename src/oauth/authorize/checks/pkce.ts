import { answersWith, type ResponseType } from '../../../domain/apps/app-choices.ts'
import { needsPkce, type TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import { isCodeChallenge } from '../../../domain/protocol/pkce.ts'
import { Refused } from '../../../domain/refusals/errors.ts'

/** Only S256: `plain`, which is also what a missing method means, protects nothing. @see RFC 7636 §4.3, RFC 9700 §2.1.1 */
export function readCodeChallenge(form: Form, app: TrustedApplication, responseType: ResponseType): string | undefined {
  if (!answersWith(responseType, 'code')) return undefined
  const challenge = form.get('code_challenge')
  const method = form.get('code_challenge_method')
  if (challenge === undefined) {
    if (needsPkce(app))
      throw new Refused('invalid_request', 'parameter is missing: code_challenge (this app must use PKCE)', {
        rule: 'pkce-missing',
        client_id: app.applicationUri,
        cause: `${app.clientType === 'Public' ? 'a Public app' : 'an app with RequirePkce true'} must send a code_challenge, and none was sent`,
      })
    if (method !== undefined)
      throw new Refused('invalid_request', 'code_challenge_method was sent without code_challenge', {
        rule: 'pkce-method-alone',
        cause: 'code_challenge_method was sent, but no code_challenge',
      })
    return undefined
  }
  if (method !== 'S256') {
    throw new Refused('invalid_request', 'code_challenge_method must be S256', {
      rule: 'pkce-method-unsupported',
      cause:
        method === undefined
          ? 'code_challenge_method was not sent, which means plain, and plain does not protect the code'
          : 'only the method S256 protects the code',
      sent: method,
      expected: 'S256',
    })
  }
  if (!isCodeChallenge(challenge)) {
    throw new Refused('invalid_request', 'code_challenge is not a base64url SHA-256', {
      rule: 'pkce-challenge-malformed',
      cause: `code_challenge has ${challenge.length} characters or contains one that is not base64url; the base64url SHA-256 of a verifier has 43, without padding`,
    })
  }
  return challenge
}
