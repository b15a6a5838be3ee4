import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { DemoProblem, reasonOf } from './problem.ts'

/** A failure as a person should see it. */
export interface Failure {
  readonly error: string
  readonly description: string
}

/** Takes the server's own words out of what openid-client throws, and its own words where the server said nothing. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof AuthorizationResponseError || thrown instanceof ResponseBodyError)
    return { error: thrown.error, description: thrown.error_description ?? 'The server gave no description.' }
  if (thrown instanceof WWWAuthenticateChallengeError) {
    const { error, error_description } = thrown.cause[0]?.parameters ?? {}
    return {
      error: error ?? `HTTP ${thrown.status}`,
      description: error_description ?? 'The server gave no description.',
    }
  }
  if (thrown instanceof ClientError && thrown.code === 'OAUTH_TIMEOUT')
    return { error: 'no answer', description: 'the identity server took too long' }
  if (thrown instanceof ClientError) {
    const cause = reasonOf(thrown)
    return { error: 'unexpected answer', description: cause === thrown.message ? cause : `${thrown.message}: ${cause}` }
  }
  if (thrown instanceof DemoProblem) return { error: 'not possible', description: thrown.message }
  // fetch puts the network's reason into the cause of its TypeError.
  const isNetwork = thrown instanceof TypeError && thrown.cause !== undefined
  return { error: isNetwork ? 'no answer' : 'unexpected', description: reasonOf(thrown) }
}

/** The same on one line. */
export function failureLine(thrown: unknown): string {
  const { error, description } = failureOf(thrown)
  return `${error}: ${description}`
}
