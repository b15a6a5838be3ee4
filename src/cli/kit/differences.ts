import { columns } from './output.ts'

type Values = Readonly<Record<string, string | number | boolean | null>>

/** What a change made of a record, for people: a line for each value that is another one now. */
export function differences(before: Values, after: Values): string {
  const changed = Object.keys(after).filter((name) => before[name] !== after[name])
  if (changed.length === 0) return 'Nothing to change: the record already has these values.'
  return columns(changed.map((name) => [name, show(before[name]), '->', show(after[name])]))
}

const show = (value: Values[string] | undefined): string =>
  value === null || value === '' ? '(nothing)' : String(value).replaceAll(/\r?\n/g, ', ')
