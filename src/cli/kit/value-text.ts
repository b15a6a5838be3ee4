import type { FieldChanges } from '../../domain/records/field-changes.ts'

const NOTHING = '(nothing)'

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value of a record as people read it: lists with commas, a scope as its name and what it lets an app do. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined || value === '') return NOTHING
  if (Array.isArray(value)) return value.map(valueText).join(', ') || NOTHING
  if (!isRecord(value)) return String(value)
  const { Name: name, Description: description, ...rest } = value
  if (typeof name !== 'string' || Object.keys(rest).length > 0) return JSON.stringify(value)
  return typeof description === 'string' ? `${name} (${description})` : name
}

/** The detail of an event in words: `name=value`, and `name=before->after` for what changed. */
export function detailText(detail: Readonly<Record<string, unknown>>): string {
  const words = Object.entries(detail).flatMap(([name, value]) =>
    name === 'fields' && isRecord(value) ? changedFields(value as FieldChanges) : [`${name}=${word(value)}`],
  )
  return words.join(' ')
}

/** What a new record does not have, and what a removed one did not, is not worth a word. */
const changedFields = (fields: FieldChanges): string[] =>
  Object.entries(fields)
    .filter(([, { from, to }]) => valueText(from) !== valueText(to))
    .map(([name, { from, to }]) => `${name}=${from === null ? word(to) : `${word(from)}->${word(to)}`}`)

/** One word of a shell's kind: in quotes where it holds spaces. */
function word(value: unknown): string {
  const text = valueText(value)
  return text === NOTHING || !/[\s"=]|->/.test(text) ? text : JSON.stringify(text)
}
