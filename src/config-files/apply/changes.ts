import { type FieldChanges, fieldChanges } from '../../domain/records/field-changes.ts'
import type { Description, Fields } from '../schema/describe-instance.ts'
import { KINDS, type Kind } from '../schema/fault.ts'

/** What happens to one record. */
export interface Change {
  readonly kind: Kind
  readonly id: string
  readonly action: 'create' | 'update' | 'remove'
  readonly fields: FieldChanges
}

/** Compares two descriptions of an instance: first what is made and changed, then what is removed, in the reverse order. */
export function changesBetween(before: Description, after: Description): Change[] {
  const made = KINDS.flatMap((kind) =>
    [...after[kind]].flatMap(([id, fields]) => madeOrChanged(kind, id, before[kind].get(id), fields)),
  )
  const removed = [...KINDS]
    .reverse()
    .flatMap((kind) =>
      [...before[kind]]
        .filter(([id]) => !after[kind].has(id))
        .map(([id, fields]): Change => ({ kind, id, action: 'remove', fields: fieldChanges(fields, {}) })),
    )
  return [...made, ...removed]
}

function madeOrChanged(kind: Kind, id: string, before: Fields | undefined, after: Fields): Change[] {
  const fields = fieldChanges(before ?? {}, after)
  if (before && Object.keys(fields).length === 0) return []
  return [{ kind, id, action: before ? 'update' : 'create', fields }]
}
