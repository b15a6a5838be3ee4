import type { ConfigurationFault } from './fault.ts'
import type { FileRecord, Suggest } from './records.ts'

/** How a value is written: a list may be one text with its separator, or a list of texts. */
export type Form = 'text' | 'flag' | 'seconds' | 'commas' | 'spaces' | 'members' | 'other' | readonly (string | null)[]

/** An attribute as files know it. */
export interface Field {
  readonly description: string
  readonly form: Form
}

const SEPARATORS: Readonly<Record<string, string>> = { commas: ',', spaces: ' ' }

const separatorOf = (form: Form): string | undefined => (typeof form === 'string' ? SEPARATORS[form] : undefined)

/** May the value be a list? */
export const isList = (form: Form): boolean => separatorOf(form) !== undefined

/** The text that a value of a file stands for; `undefined` when it has the wrong form. Nothing is an empty text. */
export function textOf(value: unknown, form: Form): string | undefined {
  if (value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return form === 'flag' ? String(value) : undefined
  if (typeof value === 'number') return form === 'seconds' && Number.isInteger(value) ? String(value) : undefined
  const separator = separatorOf(form)
  if (separator === undefined || !Array.isArray(value)) return undefined
  const sound = value.every((part): part is string => typeof part === 'string' && !part.includes(separator))
  return sound ? value.join(separator) : undefined
}

/** Notes a fault of a record. */
export type Complain = (attribute: string | undefined, reason: string) => void

/** Gathers the faults of a record. */
export function complaintsOf({ kind, id, placeOf }: FileRecord): { complain: Complain; faults: ConfigurationFault[] } {
  const faults: ConfigurationFault[] = []
  return {
    faults,
    complain: (attribute, reason) => faults.push({ ...placeOf(attribute), kind, id, attribute, reason }),
  }
}

/** Refuses attributes that do not exist; what they hold is not repeated. */
export function refuseUnknown(
  fields: Readonly<Record<string, unknown>>,
  known: readonly string[],
  suggest: Suggest,
  complain: Complain,
): void {
  for (const name of Object.keys(fields).filter((given) => !known.includes(given))) {
    const secret = /secret/i.test(name) ? '; a secret belongs in ApplicationSecret or ApplicationSecretHash' : ''
    complain(name, `is not an attribute${suggest(name, known) || secret || `; expected: ${known.join(', ')}`}`)
  }
}
