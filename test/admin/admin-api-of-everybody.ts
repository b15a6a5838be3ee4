import t from 'tap'
import { DAY } from '../../src/lib/time/clock.ts'
import { appPath, auditOf, isProblem, startAdminApi } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { obtainTokens } from '../fixtures/clients/code-flow.ts'
import { introspect, requestToken } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { SYNC, startWorld, WEB } from '../fixtures/instance/world.ts'
import { changeApp, issue } from '../fixtures/tokens/reference-tokens.ts'

const { instance } = await startWorld(t)
const admin = await startAdminApi(instance)
for (const app of [WEB, SYNC]) await changeApp(instance, app, { accessTokens: 'AuthenticatedUsers' })

await t.test('reference tokens of all apps are listed, as the command line lists them, and revoked', async (t) => {
  const made = [
    await issue(instance, { kind: 'PAT', app: WEB, user: 'david' }),
    await issue(instance, { kind: 'PAT', app: WEB, user: 'anna' }),
    await issue(instance, { kind: 'SAT', app: SYNC }),
  ]
  const [davids, annas, service] = made.map(({ token }) => token.id)
  const idsOf = async (query: string) =>
    ((await admin.get(`/tokens${query}`)).json['items'] as { id: string }[]).map(({ id }) => id).sort()
  const sorted = (...ids: readonly (string | undefined)[]) => [...ids].sort()
  t.strictSame(await idsOf(''), sorted(davids, annas, service))
  t.strictSame(await idsOf('?kind=SAT'), [service])
  t.strictSame(await idsOf('?user=david@example.com'), [davids])
  t.strictSame(await idsOf(`?app=${WEB}`), sorted(davids, annas))
  t.strictSame(await idsOf(`?app=${WEB}&user=anna&kind=PAT`), [annas])
  const first = await admin.get('/tokens?limit=2')
  const rest = await admin.get(`/tokens?limit=2&cursor=${first.json['next']}`)
  t.equal([first, rest].flatMap(({ json }) => json['items'] as object[]).length, 3)
  for (const query of ['?user=davit', '?app=my.trusted.app/wep'])
    isProblem(t, instance, await admin.get(`/tokens${query}`), { status: 404, type: 'not-found' })
  isProblem(t, instance, await admin.get('/tokens?kind=XAT'), { status: 400, type: 'malformed-request' })

  t.equal((await admin.remove(`/tokens/${davids}`)).status, 204)
  t.match((await introspect(instance, made[0]?.value ?? '', basic(WEB))).json, { active: false })
  matchesWhole(t, (await admin.get('/tokens?user=david')).json, { items: [{ id: davids, state: 'revoked' }] })
  isProblem(t, instance, await admin.remove('/tokens/unknown'), { status: 404, type: 'not-found' })
})

await t.test('consents of whichever users to whichever apps', async (t) => {
  for (const login of ['david', 'anna']) await obtainTokens(instance, {}, { login })
  const usersOf = async (query: string) =>
    ((await admin.get(`/consents${query}`)).json['items'] as { user: string; app: string }[]).map(({ user }) => user)
  t.strictSame((await usersOf('')).sort(), ['anna', 'david'])
  t.strictSame((await usersOf(`?app=${WEB}`)).sort(), ['anna', 'david'])
  t.strictSame(await usersOf('?user=david'), ['david'])
  t.strictSame(await usersOf(`?user=david&app=${SYNC}`), [])
  const first = await admin.get('/consents?limit=1')
  matchesWhole(t, (await admin.get(`/consents?limit=1&cursor=${first.json['next']}`)).json, {
    items: [{ app: WEB }],
    next: null,
  })
  for (const query of ['?user=davit', '?app=my.trusted.app/wep'])
    isProblem(t, instance, await admin.get(`/consents${query}`), { status: 404, type: 'not-found' })
})

await t.test('a secret is rotated: the present one ends by then, or at once', async (t) => {
  const path = `${appPath(SYNC)}/secrets`
  const valid = async (secret: string) =>
    (await requestToken(instance, { grant_type: 'client_credentials', client_id: SYNC, client_secret: secret })).status
  const rotate = async (Overlap: string) => {
    const { status, json } = await admin.post(path, { Overlap, Label: `overlap ${Overlap}` })
    t.equal(status, 201)
    noteSecret(String(json['ApplicationSecret']))
    return String(json['ApplicationSecret'])
  }
  const [before] = (await admin.get(path)).json['items'] as { Id: string }[]
  const second = await rotate('7d')
  t.equal(await valid(second), 200)
  const ends = new Date(instance.now() + 7 * DAY).toISOString()
  const kept = (await admin.get(path)).json['items'] as { Id: string; ExpiresAt: string | null }[]
  t.equal(kept.find(({ Id }) => Id === before?.Id)?.ExpiresAt, ends)
  isProblem(t, instance, await admin.post(path, { Overlap: '7d' }), { status: 409, type: 'conflict' })
  const third = await rotate('0')
  t.strictSame([await valid(second), await valid(third)], [401, 200])
  for (const Overlap of ['soon', '366d', '-1d'])
    isProblem(t, instance, await admin.post(path, { Overlap }), {
      status: 422,
      type: 'impossible-record',
      errors: ['Overlap: expects a length of time up to 365d, such as 0, 12h or 7d'],
    })
  const [added] = (await auditOf(instance, { app: SYNC })).filter(({ event }) => event === 'app_secret_added')
  t.equal(added?.detail['previousExpiresAt'], ends)
})
