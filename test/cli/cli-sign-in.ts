// SQLite alone: is about what commands print; test/admin/admin-api-sign-ins.ts does the same on both databases
import { decodeJwt } from 'jose'
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { startWorld, WEB } from '../fixtures/instance/world.ts'

await t.test('tessera sign-in: where people are signed in, and ending that', async (t) => {
  const { instance, david } = await startWorld(t)
  const tessera = tesseraOn(instance)
  const json = (line: string) => documentOf(tessera(words(`${line} --json`)))
  const signIn = async () => {
    const { access_token } = await createRelyingParty(instance, { clientId: WEB, login: 'david' }).obtainTokens()
    return String(decodeJwt(access_token)['sid'])
  }

  t.match(await tessera(words('sign-in list --user david')), { code: 0, stdout: 'david is signed in nowhere.\n' })
  const [first, second] = [await signIn(), await signIn()]
  const all = (await json('sign-in list --user david')) as unknown as { sid: string }[]
  t.strictSame(all.map(({ sid }) => sid).sort(), [first, second].sort())
  t.strictSame(Object.keys(all[0] ?? {}), [
    ...['sid', 'user', 'apps', 'amr', 'acr', 'authenticatedAt', 'lastUsedAt', 'endsAt', 'state'],
  ])
  t.match((await tessera(words('sign-in list --user david'))).stdout, /^SID +SIGNED IN +BY +LAST USED +ENDS AT +APPS\n/)
  matchesWhole(t, await json(`sign-in show ${first}`), { sid: first, user: 'david', apps: [WEB], state: 'open' })
  t.match(await tessera(words(`sign-in show ${first}`)), { code: 0, stdout: /State +open\n/ })

  t.match(await tessera(words(`sign-in end ${first}`)), {
    code: 0,
    stdout: `Ended sign-in sessions: 1.\nUsed at: ${WEB}\n`,
  })
  t.match(await tessera(words(`sign-in end ${first}`)), { code: 0, stdout: 'No sign-in session was open.\n' })
  matchesWhole(t, await json(`sign-in show ${first}`), { state: 'ended' })
  const third = await signIn()
  const ended = (await json('sign-in end --user david')) as unknown as { signIns: string[]; apps: string[] }
  t.strictSame([ended.signIns.sort(), ended.apps], [[second, third].sort(), [WEB]])
  t.strictSame(await json('sign-in list --user david'), [])

  for (const wrong of ['sign-in end', `sign-in end ${second} --user david`])
    t.match(await tessera(words(wrong)), { code: 2, stderr: /the sid of a sign-in session, or --user/ })
  t.match(await tessera(words('sign-in list')), { code: 2, stderr: /--user/ })
  t.match(await tessera(words('sign-in list --user davd')), { code: 1, stderr: /did you mean david\?/ })
  t.match(await tessera(words('sign-in end nothing')), { code: 1, stderr: /tessera sign-in list --user USER/ })
  const events = await instance.core.store.read.auditEvents.read({ user: david.id, event: 'sign_in_ended' }, 10)
  t.equal(events.length, 2)
  t.ok(events.every(({ actor }) => actor.startsWith('cli:')))
})
