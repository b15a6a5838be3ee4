// SQLite alone: is about what commands print; test/admin/admin-api-apps.ts does the same on both databases

import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, LINES, startWithTessera, words } from '../fixtures/cli/cli.ts'
import {
  authorize as ask,
  redeem as exchange,
  obtainCode as obtain,
  PKCE,
  VERIFIER,
} from '../fixtures/clients/code-flow.ts'
import { requestServiceToken, userinfo } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { SYNC, WEB } from '../fixtures/instance/world.ts'

type Arguments<F extends (...all: never[]) => unknown> = Parameters<F>
const authorize = (server: Arguments<typeof ask>[0], more = {}, person?: Arguments<typeof ask>[2]) =>
  ask(server, { ...PKCE, ...more }, person)
const obtainCode = (server: Arguments<typeof obtain>[0]) => obtain(server, PKCE)
const redeem = (
  server: Arguments<typeof exchange>[0],
  code: string,
  fields: object,
  headers: ReturnType<typeof basic>,
) => exchange(server, code, { code_verifier: VERIFIER, ...fields }, headers)

await t.test('what the command line changes counts from the very next request on', async (t) => {
  const { instance, tessera, secretOf } = await startWithTessera(t)
  await documentOf(tessera(words(LINES.david), PASSWORD))
  await documentOf(tessera(words(LINES.system)))
  await instance.addUser({ login: 'carla', type: 'ExternalCommunityUser' })
  const web = await secretOf(LINES.web)
  const sync = await secretOf(LINES.sync)

  await t.test('app disable and app enable', async (t) => {
    const held = tokensOf(await redeem(instance, await obtainCode(instance), {}, basic(WEB, web)))
    t.equal((await userinfo(instance, held.access_token)).status, 200)
    const disabled = await tessera(['app', 'disable', WEB])
    t.match(disabled, { code: 0, stdout: /is disabled/ })
    t.equal((await userinfo(instance, held.access_token)).status, 401)
    t.equal((await authorize(instance)).status, 400, 'an error page, and no redirect')
    t.match((await tessera(['app', 'disable', WEB])).stdout, /is already disabled/)
    t.equal((await documentOf(tessera(['app', 'disable', SYNC, '--json'])))['IsEnabled'], false)
    t.equal((await requestServiceToken(instance, basic(SYNC, sync))).status, 401)

    await tessera(['app', 'enable', WEB])
    t.equal((await documentOf(tessera(['app', 'enable', SYNC, '--json'])))['IsEnabled'], true)
    t.equal((await requestServiceToken(instance, basic(SYNC, sync))).status, 200)
    t.equal((await redeem(instance, await obtainCode(instance), {}, basic(WEB, web))).status, 200)
    t.equal((await userinfo(instance, held.access_token)).status, 401, 'what was issued before stays ended')
  })

  await t.test('app update', async (t) => {
    const carla = { login: 'carla' }
    t.notOk((await authorize(instance, {}, carla)).leftTo?.searchParams.has('code'), 'no community users at first')
    const line = `app update ${WEB} --set ImpersonateAsCommunityUserAllowed=true`
    t.equal((await tessera(words(line))).stdout, 'ImpersonateAsCommunityUserAllowed  false  ->  true\n')
    t.ok((await authorize(instance, {}, carla)).leftTo?.searchParams.has('code'), 'they may sign in now')
    t.match((await tessera(words(line))).stdout, /^Nothing to change/)
  })

  await t.test('app rotate-secret', async (t) => {
    const next = await secretOf(`app rotate-secret ${SYNC} --overlap 1h --json`)
    t.equal((await requestServiceToken(instance, basic(SYNC, sync))).status, 200, 'the old secret, during the overlap')
    t.equal((await requestServiceToken(instance, basic(SYNC, next))).status, 200)
    const third = await tessera(words(`app rotate-secret ${SYNC} --overlap 1h`))
    matchesWhole(t, third, {
      code: 1,
      stdout: '',
      stderr: /already has two valid secrets; wait until .* or end both .* --overlap 0/,
    })
    instance.advance(2 * 3_600_000)
    t.equal((await requestServiceToken(instance, basic(SYNC, sync))).status, 401, 'and after it')
    t.equal((await requestServiceToken(instance, basic(SYNC, next))).status, 200)
    const last = await secretOf(`app rotate-secret ${SYNC} --json`)
    t.equal(
      (await requestServiceToken(instance, basic(SYNC, next))).status,
      401,
      'at once, where no overlap is asked for',
    )
    t.equal((await requestServiceToken(instance, basic(SYNC, last))).status, 200)
  })

  await t.test('RequirePkce=false on a Public app is warned of, where it is said', async (t) => {
    const warning = /^warning: RequirePkce=false has no effect: a Public app must always use PKCE$/m
    const spa =
      'app register my.trusted.app/loose --spa --redirect-uri https://spa.example.com/ --set RequirePkce=false'
    t.match(await tessera(words(spa)), { code: 0, stderr: warning })
    const update = async (change: string) =>
      (await tessera(words(`app update my.trusted.app/loose --set ${change}`))).stderr
    t.match(await update('RequirePkce=false'), warning)
    t.notMatch(await update('Name=Loose'), warning)
    t.notMatch((await tessera(words(`app update ${WEB} --set RequirePkce=false`))).stderr, warning)
  })

  await t.test('an app that is Confidential no longer loses its secrets for good', async (t) => {
    t.match(
      (await tessera(words(`app update ${WEB} --set ClientType=Public`))).stderr,
      /The secrets of the app have ended/,
    )
    t.match(await tessera(['app', 'rotate-secret', WEB]), { code: 1, stderr: /only a Confidential app has a secret/ })
    const back = await tessera(words(`app update ${WEB} --set ClientType=Confidential`))
    t.match(back.stderr, /no secret yet; create one with: tessera app rotate-secret my\.trusted\.app\/web/)
    const code = await obtainCode(instance)
    t.equal((await redeem(instance, code, {}, basic(WEB, web))).status, 401)
  })

  await t.test('app remove', async (t) => {
    matchesWhole(t, await tessera(['app', 'remove', SYNC]), { code: 2, stdout: '', stderr: /add --yes to confirm/ })
    t.strictSame(await documentOf(tessera(['app', 'remove', SYNC, '--yes', '--json'])), {
      ApplicationUri: SYNC,
      removed: true,
    })
    t.equal((await requestServiceToken(instance, basic(SYNC, sync))).status, 401)
    t.match(await tessera(['app', 'show', SYNC]), { code: 1, stderr: /no app has the ApplicationUri/ })
  })
})
