import type { Unit } from '../schema/describe-instance.ts'

/** A record as it was and as it is to be; `undefined` is not there. */
export interface Was<T> {
  readonly before: T | undefined
  readonly after: T | undefined
}

/** A change to be made when the records are put in. @param now milliseconds since 1970 */
type Change = (unit: Unit, now: number) => Promise<unknown>

/** The same change of many records. */
type ChangeOfMany<T> = (unit: Unit, all: readonly T[], now: number) => Promise<unknown>

/** Keeps changes for when the records are put in. */
export interface Later {
  /** Keeps a change that is made after those that came before it. */
  readonly change: (make: Change) => void
  /** Keeps a change of one record, to be made together with the same of others once all single ones are made. */
  readonly changeEach: <T>(name: string, one: T, make: ChangeOfMany<T>) => void
}

/** @returns what keeps them, and what makes them */
export function keepChanges() {
  const single: Change[] = []
  const together = new Map<string, { readonly all: unknown[]; readonly make: ChangeOfMany<never> }>()
  const later: Later = {
    change: (make) => void single.push(make),
    changeEach(name, one, make) {
      const same = together.get(name)
      if (same) same.all.push(one)
      else together.set(name, { all: [one], make })
    },
  }
  return {
    later,
    count: (): number => single.length + together.size,
    async makeThem(unit: Unit, now: number): Promise<void> {
      for (const make of single) await make(unit, now)
      for (const { all, make } of together.values()) await make(unit, all as never[], now)
    },
  }
}
