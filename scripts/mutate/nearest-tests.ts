import type { Coverage } from '../coverage/figures.ts'
import type { Probe } from '../coverage/probes.ts'
import type { Mutant } from './schemata.ts'

/** A test file that reaches a mutant. */
export interface NearTest {
  readonly file: string
  readonly cpuSeconds: number
}

const roomOf = (file: string): string => file.split('/').slice(1, 3).join('/')

/** The innermost function or arm around a mutant; what is outside of all runs when the source is loaded. */
function innermost(mutant: Mutant, here: readonly (readonly [number, Probe])[]): number | undefined {
  const around = here.filter(([, { start, end }]) => start <= mutant.from && mutant.to <= end && end > 0)
  return around.toSorted(([, one], [, other]) => one.end - one.start - (other.end - other.start))[0]?.[0]
}

/**
 * Finds the tests that reach a mutant, those first that know most of its source for their time.
 * @param mayRun whether a test file stands on its own
 */
export function createNearestTests({ probes, tallies, done }: Coverage, mayRun: (file: string) => boolean) {
  const byFile = new Map<string, (readonly [number, Probe])[]>()
  for (const [index, probe] of probes.entries())
    byFile.set(probe.file, [...(byFile.get(probe.file) ?? []), [index, probe]])
  const seconds = new Map(done.filter(({ ok, file }) => ok && mayRun(file)).map((one) => [one.file, one.cpuSeconds]))
  const tests = tallies.flatMap(({ test, reached }) => {
    const cpuSeconds = seconds.get(test ?? '')
    return test === undefined || cpuSeconds === undefined ? [] : [{ test, cpuSeconds, reached: new Set(reached) }]
  })

  return (mutant: Mutant): NearTest[] => {
    const here = byFile.get(mutant.file) ?? []
    const place = innermost(mutant, here)
    return tests
      .map(({ test, cpuSeconds, reached }) => {
        const known = here.filter(([probe]) => reached.has(probe)).length
        const isThere = place === undefined ? known > 0 : reached.has(place)
        const isNear = roomOf(test) === roomOf(mutant.file) ? 3 : 1
        return { file: test, cpuSeconds, worth: isThere ? (isNear * known) / (1 + cpuSeconds) : 0 }
      })
      .filter(({ worth }) => worth > 0)
      .sort((one, other) => other.worth - one.worth)
  }
}
