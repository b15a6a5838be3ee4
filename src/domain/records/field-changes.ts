import { digest } from '../../lib/crypto/secrets.ts'

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

// Characters of a value that is shown; of one that is longer, where room is short; of one where there is hardly any.
const LONGEST = [256, 64, 0]
// Of what is not longer than that nothing is saved by cutting.
const SHORTEST = 64
// Bytes that all of it may have, far more than what a usual record comes to.
const LARGEST = 4096

/**
 * Cuts long values, for what strangers say as often as they like. What is left out is told by its size and its digest, so that
 * whoever has the whole can prove that this was it.
 */
export function shortenChanges(changes: FieldChanges): FieldChanges {
  const shortened = LONGEST.map((most) =>
    Object.fromEntries(
      Object.entries(changes).map(([name, { from, to }]) => [name, { from: cut(from, most), to: cut(to, most) }]),
    ),
  )
  const fitting = shortened.find((one) => Buffer.byteLength(JSON.stringify(one)) <= LARGEST)
  return fitting ?? shortened.at(-1) ?? {}
}

function cut(value: unknown, most: number): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (text.length <= Math.max(most, SHORTEST)) return value
  return `${text.slice(0, most)}... (${text.length} characters, SHA-256 ${digest(text)})`
}
