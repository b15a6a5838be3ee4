import type { Explanation } from '../../operations/refusals/explain-refusal.ts'

/** One line for each value that would have been right. */
export const expectedLines = ({
  expected,
  expectedOneOf,
}: Pick<Explanation, 'expected' | 'expectedOneOf'>): readonly string[] =>
  expectedOneOf.length > 0 ? expectedOneOf : [expected ?? ''].filter((line) => line !== '')
