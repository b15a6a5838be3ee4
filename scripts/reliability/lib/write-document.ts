import type { Check } from './check.ts'
import type { Reached } from './report.ts'
import type { Form } from './run.ts'

export function writeDocument(
  _reached: readonly Reached[],
  _checks: readonly Check[],
  _form: Form,
  _date: string | undefined,
): void {
  throw new Error('later')
}
