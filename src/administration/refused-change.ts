import { type ErrorCode, OAuthError } from '../domain/errors.ts'
import { type ChangeRefusal, ChangeRefused } from './fault.ts'

const CODE: Readonly<Record<ChangeRefusal, ErrorCode>> = {
  invalid: 'invalid_change',
  conflict: 'conflict',
  'not found': 'not_found',
}

// Their reasons repeat what may tell about a person, and refusals hold nothing about people.
const PERSONAL: readonly string[] = ['login', 'email']

/** The one place where a change that cannot be made becomes an error of the protocol. */
export function asProtocolError(error: unknown): unknown {
  if (!(error instanceof ChangeRefused)) return error
  const { kind, faults } = error
  const told = faults.map(({ attribute, reason }) =>
    PERSONAL.includes(attribute) ? attribute : `${attribute}: ${reason}`,
  )
  const [first] = faults
  const description = faults.length === 1 && first ? first.reason : `${faults.length} things are wrong`
  return new OAuthError(CODE[kind], description, { faults: told }, { faults })
}
