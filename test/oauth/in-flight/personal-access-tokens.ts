import t from 'tap'
import {
  APP_OFF,
  APP_REMOVED,
  NEW_PASSWORD,
  PERSON_OFF,
  PERSON_REMOVED,
  SIGN_OUT,
} from '../../fixtures/in-flight/endings.ts'
import { PAT_ISSUE } from '../../fixtures/in-flight/flows.ts'
import { createStage, type Race } from '../../fixtures/in-flight/stage.ts'

// What ends the access of an app or a person while the person makes a token for it; one that was made outlives a sign-out.
// It happens before each statement of the request in turn, and once more before its commit.

const stage = await createStage(t)
const RACES: readonly Race[] = [
  { ending: PERSON_OFF, ends: true },
  { ending: APP_OFF, ends: true },
  { ending: NEW_PASSWORD, ends: true },
  { ending: SIGN_OUT, ends: false },
  { ending: APP_REMOVED, ends: true },
  { ending: PERSON_REMOVED, ends: true },
]
for (const race of RACES) await t.test(race.ending.name, (t) => stage.explore(t, PAT_ISSUE, race))
