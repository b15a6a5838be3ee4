import t from 'tap'
import {
  APP_OFF,
  APP_REMOVED,
  NEW_PASSWORD,
  PERSON_OFF,
  PERSON_REMOVED,
  SESSIONS_END,
  SIGN_OUT,
} from '../../fixtures/in-flight/endings.ts'
import { CONSENT } from '../../fixtures/in-flight/flows.ts'
import { createStage, type Race } from '../../fixtures/in-flight/stage.ts'

// What ends the access of an app while a person allows it more.
// It happens before each statement of the request in turn, and once more before its commit.

const stage = await createStage(t)
const RACES: readonly Race[] = [
  { ending: SESSIONS_END, ends: false },
  { ending: PERSON_OFF, ends: true },
  { ending: APP_OFF, ends: true },
  { ending: NEW_PASSWORD, ends: true },
  { ending: SIGN_OUT, ends: true },
  { ending: APP_REMOVED, ends: true },
  { ending: PERSON_REMOVED, ends: true },
]
for (const race of RACES) await t.test(race.ending.name, (t) => stage.explore(t, CONSENT, race))
