import t from 'tap'
import { asItself, documentOf, LINES, startWithTessera, words } from './fixtures/cli.ts'
import { PASSWORD } from './fixtures/instance.ts'
import { answerOf, authorize } from './fixtures/requests.ts'
import { WEB } from './fixtures/world.ts'

await t.test('ten commands at once lose no change, and none fails', async (t) => {
  const { instance, tessera, secretOf } = await startWithTessera(t)
  await documentOf(tessera(words(LINES.david), PASSWORD))
  const web = await secretOf(LINES.web)
  const changes = [
    ['Name', 'At once'],
    ['Scope', 'read'],
    ['RequirePkce', true],
    ['RequireConsent', false],
    ['AccessTokens', 'AuthenticatedUsers'],
    ['RefreshReplayWindow', 5],
    ['AccessTokenLifetime', 600],
    ['RefreshTokenLifetime', 7200],
    ['LogoUri', 'https://app.example.com/logo.png'],
    ['PolicyUri', 'https://app.example.com/policy'],
  ] as const
  const all = Promise.all(
    changes.map(([name, value]) => tessera(['app', 'update', WEB, '--set', `${name}=${value}`, '--json'])),
  )
  for (let request = 0; request < 20; request++) {
    t.equal((await asItself(instance, WEB, web)).status, 400, 'the server goes on meanwhile')
  }
  t.strictSame(
    (await all).filter(({ code }) => code !== 0).map(({ stderr }) => stderr),
    [],
  )
  t.match(await documentOf(tessera(['app', 'show', WEB, '--json'])), Object.fromEntries(changes))
  const unproved = await authorize(instance)
  t.equal(answerOf(unproved).get('error'), 'invalid_request', 'and the server has noticed: PKCE is demanded now')
})
