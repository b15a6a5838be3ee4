import t from 'tap'
import {
  APP_OFF,
  APP_REMOVED,
  NEW_PASSWORD,
  PERSON_OFF,
  PERSON_REMOVED,
  SIGN_OUT,
} from '../../fixtures/in-flight/endings.ts'
import { SIGN_IN } from '../../fixtures/in-flight/flows.ts'
import { createStage, type Race } from '../../fixtures/in-flight/stage.ts'

// What ends the access of a person or an app while the person signs in.
// It happens before each statement of the request in turn, and once more before its commit.

const stage = await createStage(t)
const RACES: readonly Race[] = [
  { ending: PERSON_OFF, ends: true },
  { ending: NEW_PASSWORD, ends: true },
  { ending: PERSON_REMOVED, ends: true },
  { ending: APP_REMOVED, ends: false },
  { ending: APP_OFF, ends: false },
  { ending: SIGN_OUT, ends: false },
]
for (const race of RACES) await t.test(race.ending.name, (t) => stage.explore(t, SIGN_IN, race))
