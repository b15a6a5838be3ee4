import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RefusalCursor, Refusals } from '../../store/repositories/instance/refusals.ts'

// Of the refusals that are kept: anybody can make some that name no registered app.
const NAMELESS_SHARE = 0.1
// Anybody can name a registered app as well; while there are too many, those of one app make way beyond this.
const SHARE_OF_APP = 0.25
// Rows that are looked at before everybody else has a turn.
const SLICE = 1000
// Ids that are remembered at once; the next clean-up goes on.
const MOST_REMEMBERED = 10_000

/**
 * Finds the refusals that are to be forgotten before others, the oldest first: of what names no registered app all that is beyond
 * its share and, where there are still too many of all, what is beyond the share of an app.
 * @param most how many are kept in all
 */
export async function findExcessRefusals(refusals: Pick<Refusals, 'walk'>, most: number): Promise<readonly string[]> {
  const nameless: string[] = []
  // A ring of the oldest of them.
  const ofApps: string[] = []
  const counts = new Map<string | undefined, number>()
  let [kept, seen] = [0, 0]
  let after: RefusalCursor | undefined
  for (;;) {
    const rows = await refusals.walk(SLICE, after)
    for (const { id, app } of rows) {
      const count = (counts.get(app) ?? 0) + 1
      counts.set(app, count)
      if (app === undefined && count > most * NAMELESS_SHARE) {
        if (nameless.length < MOST_REMEMBERED) nameless.push(id)
        continue
      }
      kept += 1
      if (app !== undefined && count > most * SHARE_OF_APP) ofApps[seen++ % MOST_REMEMBERED] = id
    }
    if (rows.length < SLICE) break
    after = rows.at(-1)
    await nextTurn()
  }
  const inOrder = [...ofApps.slice(seen % MOST_REMEMBERED), ...ofApps.slice(0, seen % MOST_REMEMBERED)].reverse()
  return [...nameless.reverse(), ...inOrder.slice(0, Math.max(0, kept - most))]
}
