import t from 'tap'
import { APP_REMOVED, FAMILIES_REVOKED, PERSON_REMOVED, SIGN_OUT } from '../../fixtures/in-flight/endings.ts'
import { HYBRID_REDEMPTION, REDEMPTION } from '../../fixtures/in-flight/flows.ts'
import { createStage, type Race } from '../../fixtures/in-flight/stage.ts'

// What ends the access of an app while it redeems a code; test/oauth/kill-switches/ending-what-is-in-flight.ts has the kill switches.
// It happens before each statement of the request in turn, and once more before its commit.

const stage = await createStage(t)
const RACES: readonly Race[] = [
  { ending: SIGN_OUT, ends: true, bothWays: true },
  { ending: APP_REMOVED, ends: true },
  { ending: PERSON_REMOVED, ends: true },
]
for (const race of RACES) await t.test(race.ending.name, (t) => stage.explore(t, REDEMPTION, race))
await t.test(FAMILIES_REVOKED.name, (t) =>
  stage.explore(t, HYBRID_REDEMPTION, { ending: FAMILIES_REVOKED, ends: true }),
)
