import t from 'tap'
import { APP_OFF, NEW_PASSWORD, PERSON_OFF } from '../../fixtures/in-flight/endings.ts'
import { FIRST_CALL } from '../../fixtures/in-flight/flows.ts'
import { createStage, type Race } from '../../fixtures/in-flight/stage.ts'

// A kill switch while an API opens a session for its first call; no slot stays taken.
// It happens before each statement of the request in turn, and once more before its commit.

const stage = await createStage(t)
const RACES: readonly Race[] = [
  { ending: PERSON_OFF, ends: true },
  { ending: APP_OFF, ends: true },
  { ending: NEW_PASSWORD, ends: true },
]
for (const race of RACES) await t.test(race.ending.name, (t) => stage.explore(t, FIRST_CALL(new Map()), race))
