import { describeFault, type Fault, type Missing, Refused } from '../../domain/refusals/errors.ts'

/** The change itself is wrong; like every change that is refused, nothing of it happened. */
export const invalidChange = (faults: readonly Fault[]): Refused =>
  refusedFor(['invalid_change', 'record-invalid', 'the record is not valid'], faults)

/** The change meets something that exists. */
export const conflict = (faults: readonly Fault[]): Refused =>
  refusedFor(['conflict', 'record-conflict', 'the change conflicts with existing records'], faults)

/** What is to be changed is not there. */
export const notThere = (faults: readonly Fault[], missing?: Missing): Refused =>
  refusedFor(['not_found', 'record-unknown', 'no such record exists'], faults, missing)

type Kind = readonly [
  code: 'invalid_change' | 'conflict' | 'not_found',
  rule: 'record-invalid' | 'record-conflict' | 'record-unknown',
  description: string,
]

// Their reasons repeat what may tell about a person, and refusals hold nothing about people.
const PERSONAL: readonly string[] = ['login', 'email', 'user']

function refusedFor([code, rule, description]: Kind, faults: readonly Fault[], missing?: Missing): Refused {
  const described = faults.map((fault) => (PERSONAL.includes(fault.attribute) ? fault.attribute : describeFault(fault)))
  const attributes = [...new Set(faults.map(({ attribute }) => attribute))].join(', ')
  const cause = `${description}: ${described.join('; ')}`
  return new Refused(code, `${description}: ${attributes}`, { rule, cause, faults: described }, { faults, missing })
}

/** Whether a change was refused for what is wrong with it. */
export const isInvalidChange = (error: unknown): error is Refused =>
  error instanceof Refused && error.code === 'invalid_change'

/** Whether a change was refused as it conflicts with existing records. */
export const isConflict = (error: unknown): error is Refused => error instanceof Refused && error.code === 'conflict'

/** Whether a change was refused, for whatever reason. */
export const isRefusedChange = (error: unknown): error is Refused =>
  isInvalidChange(error) || isConflict(error) || (error instanceof Refused && error.code === 'not_found')
