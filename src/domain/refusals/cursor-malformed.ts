import { type Fault, Refused } from './errors.ts'

/** A cursor that no page of this list ended with. */
export const cursorMalformed = (faults: readonly Fault[] = []): Refused =>
  new Refused(
    'invalid_request',
    'the cursor cannot be read',
    { rule: 'cursor-malformed', cause: 'cursor is not the next value of a page of this list' },
    { faults },
  )
