import t from 'tap'
import { SIGN_OUT } from '../../fixtures/in-flight/endings.ts'
import { REFRESH_AFTER_SIGN_OUT } from '../../fixtures/in-flight/flows.ts'
import { createStage } from '../../fixtures/in-flight/stage.ts'

// A person signs out while an app refreshes tokens that outlive it: what is handed out before ends, and what comes after lives.
// Each happens before each statement of the other in turn, and once more before its commit.

const stage = await createStage(t)
await t.test('the access token of a refresh that meets a sign-out', (t) =>
  stage.explore(t, REFRESH_AFTER_SIGN_OUT, { ending: SIGN_OUT, ends: false, outlived: true, bothWays: true }),
)
