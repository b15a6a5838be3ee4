import { type ErrorCode, OAuthError } from '../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import { type ChangeRefusal, ChangeRefused } from './change-refused.ts'

const ANSWER: Readonly<Record<ChangeRefusal, readonly [code: ErrorCode, rule: RefusalRule, description: string]>> = {
  invalid: ['invalid_change', 'record-invalid', 'the record cannot work'],
  conflict: ['conflict', 'record-conflict', 'something that exists is in the way'],
  'not found': ['not_found', 'record-unknown', 'there is no such record'],
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
  const [code, rule, description] = ANSWER[kind]
  const attributes = [...new Set(faults.map(({ attribute }) => attribute))].join(', ')
  const cause = `${description}: ${told.join('; ')}`
  return new OAuthError(code, `${description}: ${attributes}`, { rule, cause, faults: told }, { faults })
}
