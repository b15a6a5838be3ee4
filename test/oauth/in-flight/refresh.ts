import t from 'tap'
import type { Tokens } from '../../fixtures/clients/tokens.ts'
import {
  APP_OFF,
  APP_REMOVED,
  PERSON_OFF,
  PERSON_REMOVED,
  revocationOf,
  SIGN_OUT,
} from '../../fixtures/in-flight/endings.ts'
import { REFRESH } from '../../fixtures/in-flight/flows.ts'
import { createStage, type Race } from '../../fixtures/in-flight/stage.ts'

// What ends the access of an app while it refreshes its tokens.
// It happens before each statement of the request in turn, and once more before its commit.

const stage = await createStage(t)
const held = new Map<string, Tokens>()
const REVOCATION = revocationOf(({ app }) => held.get(app)?.refresh_token ?? '')
const RACES: readonly Race[] = [
  { ending: SIGN_OUT, ends: true, bothWays: true },
  { ending: PERSON_OFF, ends: true },
  { ending: APP_OFF, ends: true },
  { ending: APP_REMOVED, ends: true },
  { ending: PERSON_REMOVED, ends: true },
  { ending: REVOCATION, ends: true },
]
for (const race of RACES) await t.test(race.ending.name, (t) => stage.explore(t, REFRESH(held), race))
