import t from 'tap'
import type { Tokens } from '../../fixtures/clients/tokens.ts'
import {
  APP_OFF,
  APP_REMOVED,
  DEMOTION,
  NEW_PASSWORD,
  PERSON_OFF,
  PERSON_REMOVED,
  revocationOf,
  SESSIONS_END,
  SIGN_OUT,
  WITHDRAWAL,
} from '../../fixtures/in-flight/endings.ts'
import { CHANGE } from '../../fixtures/in-flight/flows.ts'
import { createStage, type Race } from '../../fixtures/in-flight/stage.ts'

// What ends the access of an administrator who is just making another one: whatever is done first counts.
// It happens before each statement of the request in turn, and once more before its commit.

const stage = await createStage(t)
const held = new Map<string, Tokens>()
const REVOCATION = revocationOf(({ app }) => held.get(app)?.access_token ?? '')
const RACES: readonly Race[] = [
  { ending: WITHDRAWAL, ends: false, inTurn: true },
  { ending: SESSIONS_END, ends: false, inTurn: true },
  { ending: PERSON_OFF, ends: false, inTurn: true },
  { ending: APP_OFF, ends: false, inTurn: true },
  { ending: NEW_PASSWORD, ends: false, inTurn: true },
  { ending: SIGN_OUT, ends: false, inTurn: true },
  { ending: REVOCATION, ends: false, inTurn: true },
  { ending: APP_REMOVED, ends: false, inTurn: true },
  { ending: PERSON_REMOVED, ends: false, inTurn: true },
  { ending: DEMOTION, ends: false, inTurn: true },
]
for (const race of RACES) await t.test(race.ending.name, (t) => stage.explore(t, CHANGE(held), race))
