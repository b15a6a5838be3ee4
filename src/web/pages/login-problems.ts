import { type OperatorHalf, Refused } from '../../domain/refusals/errors.ts'

/** Why the sign-in form is shown again; `retryAfter` is after how many seconds it is worth trying again. */
export type Problem =
  | { readonly name: 'wrong_credentials'; readonly why: OperatorHalf }
  | { readonly name: 'missing' }
  | { readonly name: 'busy'; readonly retryAfter: number }
  | { readonly name: 'throttled'; readonly why: OperatorHalf; readonly retryAfter: number }

/** The same as the protocol's error; the page has words of its own for people. @param client_id the app they come from */
export function errorOf(problem: Problem, client_id: string): Refused {
  switch (problem.name) {
    case 'wrong_credentials':
      return new Refused(
        'access_denied',
        'the login or password is wrong',
        { client_id, ...problem.why },
        { status: 401 },
      )
    case 'missing':
      return new Refused('invalid_request', 'the login or password is missing', {
        client_id,
        rule: 'sign-in-incomplete',
        cause: 'the form was sent without a login or a password',
      })
    case 'busy':
      return new Refused(
        'temporarily_unavailable',
        'too many people are signing in right now',
        { client_id, rule: 'server-busy', cause: 'the queue of password checks is full' },
        { retryAfter: problem.retryAfter },
      )
    case 'throttled':
      return new Refused(
        'temporarily_unavailable',
        'too many sign-in attempts have failed',
        { client_id, ...problem.why },
        { retryAfter: problem.retryAfter, status: 429 },
      )
  }
}
