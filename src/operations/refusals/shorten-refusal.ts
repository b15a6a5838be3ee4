import type { OperatorDetail } from '../../domain/refusals/errors.ts'
import type { Refusal } from '../../domain/refusals/refusal.ts'

// Characters of a value that is shown.
const LONGEST_VALUE = 256
// Of what is added where a value is cut.
const MARK = 26
// Bytes that a whole row may have, and of them what the columns that are not cut here take at most.
const LARGEST = 2048
const COLUMNS = 256

/** What explains a refusal comes first; what is left of the room is for the rest. */
const FIRST = ['rule', 'cause', 'client_id', 'sent', 'expected']

/** Cuts what was sent to what a person reads, so that nobody can fill the disk with refusals. */
export function shortenRefusal(refusal: Refusal): Refusal {
  const description = cut(refusal.description)
  const app = refusal.app === undefined ? undefined : cut(refusal.app)
  const room = LARGEST - COLUMNS - bytesOf(description) - bytesOf(app ?? '')
  const ranked = Object.entries(refusal.detail).sort(([a], [b]) => rankOf(a) - rankOf(b))
  const detail = fit(ranked, room)
  const parameters = fit(Object.entries(refusal.parameters), detail.left)
  return {
    ...refusal,
    description,
    app,
    detail: detail.kept as Refusal['detail'],
    parameters: parameters.kept as Refusal['parameters'],
  }
}

const rankOf = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length)

type Value = OperatorDetail[string]

/** Keeps one value after the other while there is room; what does not fit is told by its size. */
function fit(entries: readonly (readonly [string, Value])[], room: number) {
  const kept: Record<string, Value> = {}
  let left = room
  for (const [name, value] of entries) {
    const size = (one: Value): number => bytesOf(JSON.stringify({ [name]: one }))
    const fitting = [shown(value), sizeOf(value)].find((one) => size(one) <= left)
    if (value === undefined || fitting === undefined) continue
    left -= size(fitting)
    kept[name] = fitting
  }
  return { kept, left }
}

function shown(value: Value): Value {
  if (typeof value === 'string') return cut(value)
  return Array.isArray(value) ? (value as readonly string[]).map(cut) : value
}

function sizeOf(value: Value): Value {
  if (typeof value === 'string') return `(${value.length} characters)`
  return Array.isArray(value) ? `(${value.length} values)` : value
}

const cut = (text: string): string =>
  text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE - MARK)}... (${text.length} characters)`

const bytesOf = (text: string): number => Buffer.byteLength(text)
