/** What a field was and what it becomes; `null` is nothing. */
export interface FieldChange {
  readonly from: unknown
  readonly to: unknown
}

export type FieldChanges = Readonly<Record<string, FieldChange>>

/** Compares two records field by field, in the order of the later one; empty when nothing differs. */
export function fieldChanges(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): FieldChanges {
  const names = new Set([...Object.keys(after), ...Object.keys(before)])
  const changes = [...names].map((name) => [name, { from: before[name] ?? null, to: after[name] ?? null }] as const)
  return Object.fromEntries(changes.filter(([, { from, to }]) => JSON.stringify(from) !== JSON.stringify(to)))
}
