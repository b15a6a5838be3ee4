import { type GivenAway, lostToGive } from '../../domain/access/self-registered-access.ts'
import type { Repositories } from '../../store/store.ts'

/** What a change of the APIs has left, and what it took from that which is given away; one sentence each. */
export interface Given<T> {
  readonly result: T
  readonly warnings: readonly string[]
}

/** Makes a change of the APIs; it may stop the next start, which is best heard of now. */
export async function watchGivenAway<T>(
  { resources }: Pick<Repositories, 'resources'>,
  given: GivenAway,
  change: () => Promise<T>,
): Promise<Given<T>> {
  const before = await resources.list()
  const result = await change()
  return { result, warnings: lostToGive(given, before, await resources.list()) }
}
