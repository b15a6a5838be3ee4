import t from 'tap'
import { documentOf, LINES, startWithTessera, words } from '../fixtures/cli/cli.ts'
import { expectTenChanges, makeTenChanges } from '../fixtures/cli/ten-changes.ts'
import { answerOf, authorize } from '../fixtures/clients/code-flow.ts'
import { requestServiceToken } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { WEB } from '../fixtures/instance/world.ts'

await t.test('ten commands at once lose no change, and none fails', async (t) => {
  const { instance, tessera, secretOf } = await startWithTessera(t)
  await documentOf(tessera(words(LINES.david), PASSWORD))
  const web = await secretOf(LINES.web)
  const all = makeTenChanges(tessera, WEB)
  for (let request = 0; request < 20; request++) {
    t.equal((await requestServiceToken(instance, basic(WEB, web))).status, 400, 'the server goes on meanwhile')
  }
  await expectTenChanges(t, tessera, WEB, await all)
  const unproved = await authorize(instance)
  t.equal(answerOf(unproved).get('error'), 'invalid_request', 'and the server has noticed: PKCE is demanded now')
})
