import { type ErrorCode, OAuthError } from '../../domain/refusals/errors.ts'
import { type ChangeRefusal, ChangeRefused } from './change-refused.ts'

const ANSWER: Readonly<Record<ChangeRefusal, readonly [code: ErrorCode, description: string]>> = {
  invalid: ['invalid_change', 'the record cannot work'],
  conflict: ['conflict', 'something that exists is in the way'],
  'not found': ['not_found', 'there is no such record'],
}

// Their reasons repeat what may tell about a person, and refusals hold nothing about people.
const PERSONAL: readonly string[] = ['login', 'email', 'user']

/** The one place where a change that cannot be made becomes an error of the protocol. */
export function asProtocolError(error: unknown): unknown {
  if (!(error instanceof ChangeRefused)) return error
  const { kind, faults } = error
  const told = faults.map(({ attribute, reason }) =>
    PERSONAL.includes(attribute) ? attribute : `${attribute}: ${reason}`,
  )
  const [code, description] = ANSWER[kind]
  const attributes = [...new Set(faults.map(({ attribute }) => attribute))].join(', ')
  return new OAuthError(code, `${description}: ${attributes}`, { faults: told }, { faults })
}
