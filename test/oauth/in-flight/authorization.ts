import t from 'tap'
import { APP_REMOVED, PERSON_REMOVED, SIGN_OUT } from '../../fixtures/in-flight/endings.ts'
import { AUTHORIZATION } from '../../fixtures/in-flight/flows.ts'
import { createStage, type Race } from '../../fixtures/in-flight/stage.ts'

// What ends the access of an app while an authorization is answered.
// It happens before each statement of the request in turn, and once more before its commit.

const stage = await createStage(t)
const RACES: readonly Race[] = [
  { ending: SIGN_OUT, ends: true, bothWays: true },
  { ending: APP_REMOVED, ends: true },
  { ending: PERSON_REMOVED, ends: true },
]
for (const race of RACES) await t.test(race.ending.name, (t) => stage.explore(t, AUTHORIZATION, race))
