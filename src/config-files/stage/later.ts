import type { Unit } from '../schema/describe-instance.ts'

/** A record as it was and as it is to be; `undefined` is not there. */
export interface Was<T> {
  readonly before: T | undefined
  readonly after: T | undefined
}

/** A change to be made when the records are put in. @param now milliseconds since 1970 */
type Change = (unit: Unit, now: number) => Promise<unknown>

/** Keeps changes for when the records are put in. */
export interface Later {
  /** Keeps a change that is made after those that came before it. */
  readonly change: (make: Change) => void
  /** Keeps a change of one record, to be made together with the same of others: no order among them matters. */
  readonly changeEach: (
    name: string,
    id: string,
    make: (unit: Unit, ids: readonly string[], now: number) => Promise<unknown>,
  ) => void
}

/** @returns what keeps them, and what makes them */
export function keepChanges() {
  const kept: {
    readonly name: string | undefined
    readonly ids: string[]
    readonly make: Parameters<Later['changeEach']>[2]
  }[] = []
  const later: Later = {
    change: (make) => void kept.push({ name: undefined, ids: [], make: (unit, _ids, now) => make(unit, now) }),
    changeEach(name, id, make) {
      const afterTheLast = kept.slice(kept.findLastIndex((one) => one.name === undefined) + 1)
      const same = afterTheLast.find((one) => one.name === name)
      if (same) same.ids.push(id)
      else kept.push({ name, ids: [id], make })
    },
  }
  return {
    later,
    count: (): number => kept.length,
    async makeThem(unit: Unit, now: number): Promise<void> {
      for (const { ids, make } of kept) await make(unit, ids, now)
    },
  }
}
