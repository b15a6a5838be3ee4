import { OAuthError, type OperatorDetail } from '../../domain/refusals/errors.ts'

/** Why the sign-in form is shown again. */
export interface Problem {
  readonly name: 'wrong_credentials' | 'missing' | 'busy' | 'throttled'
  readonly why?: OperatorDetail
  /** After how many seconds it is worth trying again. */
  readonly retryAfter?: number
}

/** The same as the protocol's error; the page has words of its own for people. */
export function errorOf({ name, why = {}, retryAfter }: Problem): OAuthError {
  const options = retryAfter === undefined ? {} : { retryAfter }
  switch (name) {
    case 'wrong_credentials':
      return new OAuthError('access_denied', 'the login or the password is wrong', why, { status: 401 })
    case 'missing':
      return new OAuthError('invalid_request', 'the login or the password is missing', {
        ...why,
        rule: 'sign-in-incomplete',
        cause: 'the form was sent without a login or without a password',
      })
    case 'busy':
      return new OAuthError(
        'temporarily_unavailable',
        'too many people are signing in right now',
        { ...why, rule: 'server-busy', cause: 'the queue of passwords to check is full' },
        options,
      )
    case 'throttled':
      return new OAuthError('temporarily_unavailable', 'too many attempts to sign in have failed', why, {
        ...options,
        status: 429,
      })
  }
}
