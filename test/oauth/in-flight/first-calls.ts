import t from 'tap'
import type { Tokens } from '../../fixtures/clients/tokens.ts'
import { APP_REMOVED, PERSON_REMOVED, revocationOf, SIGN_OUT } from '../../fixtures/in-flight/endings.ts'
import { FIRST_CALL } from '../../fixtures/in-flight/flows.ts'
import { createStage, type Race } from '../../fixtures/in-flight/stage.ts'

// What ends the access of an app while an API opens a session for its first call; no slot stays taken.
// It happens before each statement of the request in turn, and once more before its commit.

const stage = await createStage(t)
const held = new Map<string, Tokens>()
const REVOCATION = revocationOf(({ app }) => held.get(app)?.access_token ?? '')
const RACES: readonly Race[] = [
  { ending: SIGN_OUT, ends: true, bothWays: true },
  { ending: REVOCATION, ends: false },
  { ending: APP_REMOVED, ends: true },
  { ending: PERSON_REMOVED, ends: true },
]
for (const race of RACES) await t.test(race.ending.name, (t) => stage.explore(t, FIRST_CALL(held), race))
