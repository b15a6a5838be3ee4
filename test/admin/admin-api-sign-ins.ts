import { decodeJwt } from 'jose'
import t from 'tap'
import { HOUR, MINUTE } from '../../src/lib/time/clock.ts'
import { auditOf, createAdminApi, isProblem, startAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { serviceToken } from '../fixtures/clients/endpoints.ts'
import { ALIVE, createRelyingParty, DEAD, lifeOf } from '../fixtures/clients/relying-party.ts'
import { refusalOf } from '../fixtures/clients/tokens.ts'
import { OTHER, OTHER_REDIRECT, startWorld, WEB } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { callApi, liveSessions, serveApi } from '../fixtures/tokens/api-sessions.ts'
import { changeApp, issue } from '../fixtures/tokens/reference-tokens.ts'

const { instance, david } = await startWorld(t, { TESSERA_SESSION_IDLE: '1h', TESSERA_SESSION_ABSOLUTE: '3h' })
await serveApi(instance)
await changeApp(instance, WEB, {
  accessTokens: 'AuthenticatedUsers',
  backchannelLogoutUri: 'https://app.example.com/backchannel',
})
let admin = await startAdminApi(instance)

const LEFT = 'userinfo 401, access false, refresh true'
const iso = (at: number): string => new Date(at).toISOString()
const sidOf = ({ access_token }: { readonly access_token: string }): string => String(decodeJwt(access_token)['sid'])

function inOneBrowser(login = 'david') {
  const browser = createBrowser(instance.origin)
  const web = createRelyingParty(instance, { clientId: WEB, login }, browser)
  const other = createRelyingParty(instance, { clientId: OTHER, redirectUri: OTHER_REDIRECT, login }, browser)
  return { web, other }
}

const itemsOf = async (path: string) => (await admin.get(path)).json['items'] as { sid: string; state: string }[]
const sidsOf = async (user: string) => (await itemsOf(`/users/${user}/sign-ins`)).map(({ sid }) => sid)

await t.test('where a person is signed in is listed, the newest first', async (t) => {
  t.strictSame((await admin.get('/users/david/sign-ins')).json, { items: [], next: null })
  const [first, second] = [inOneBrowser(), inOneBrowser()]
  const began = instance.now()
  const mine = await first.web.obtainTokens()
  await first.other.obtainTokens()
  instance.advance(10 * MINUTE)
  const sids = [sidOf(await second.web.obtainTokens()), sidOf(mine)]
  await inOneBrowser('anna').web.obtainTokens()
  t.strictSame(await sidsOf('david@example.com'), sids, 'nobody else’s')
  matchesWhole(t, (await admin.get(`/sign-ins/${sids[1]}`)).json, {
    sid: sids[1],
    user: 'david',
    apps: [OTHER, WEB],
    amr: ['pwd'],
    acr: String,
    authenticatedAt: iso(began),
    lastUsedAt: iso(began),
    endsAt: iso(began + HOUR),
    state: 'open',
  })

  const page = await admin.get('/users/david/sign-ins?limit=1')
  matchesWhole(t, page.json, { items: [{ sid: sids[0] }], next: String })
  const next = await admin.get(`/users/david/sign-ins?limit=1&cursor=${page.json['next']}`)
  matchesWhole(t, next.json, { items: [{ sid: sids[1] }], next: null })
  isProblem(t, instance, await admin.get('/users/david/sign-ins?cursor=eA'), { status: 400, type: 'malformed-request' })
  isProblem(t, instance, await admin.get('/users/davit/sign-ins'), { status: 404, type: 'not-found' })
  isProblem(t, instance, await admin.get('/sign-ins/unknown'), { status: 404, type: 'not-found' })

  instance.advance(50 * MINUTE)
  admin = createAdminApi(instance, await serviceToken(instance, TOOL))
  t.strictSame(await sidsOf('david'), [sids[0]], 'one that ran out is not open')
  matchesWhole(t, (await admin.get(`/sign-ins/${sids[1]}`)).json, { state: 'expired' })
  await second.web.authorize({ prompt: 'none' })
  matchesWhole(t, (await admin.get(`/sign-ins/${sids[0]}`)).json, { lastUsedAt: iso(instance.now()) })
})

await t.test('the end of one ends what a sign-out of that browser would', async (t) => {
  await changeApp(instance, OTHER, { refreshEndsWithSession: true })
  t.teardown(() => changeApp(instance, OTHER, { refreshEndsWithSession: false }))
  const [here, there] = [inOneBrowser(), inOneBrowser()]
  const mine = await here.web.obtainTokens()
  const theirs = await here.other.obtainTokens()
  const elsewhere = await there.web.obtainTokens()
  const code = await here.web.obtainCode()
  const pat = await issue(instance, { kind: 'PAT', app: WEB, user: david.id })
  await callApi(instance, mine.access_token)
  const kept = [await callApi(instance, elsewhere.access_token), await callApi(instance, pat.value)]

  t.equal((await admin.remove(`/sign-ins/${sidOf(mine)}`)).status, 204)
  t.equal(await lifeOf(here.web, mine), LEFT)
  t.equal(await lifeOf(here.other, theirs), DEAD, 'RefreshEndsWithSession')
  t.match(refusalOf(await here.web.redeem(code)), /^400 invalid_grant/)
  t.strictSame((await liveSessions(instance)).sort(), kept.map(({ session_id: id }) => id).sort(), 'its slot is free')
  const asked = await here.web.authorize({ prompt: 'none' })
  t.equal(asked.leftTo?.searchParams.get('error'), 'login_required', 'the cookie is worth nothing')
  t.equal(await lifeOf(there.web, elsewhere), ALIVE, 'another browser is another session')
  matchesWhole(t, (await admin.get(`/apps/${encodeURIComponent(WEB)}/logouts`)).json, {
    items: [{ session: sidOf(mine), user: 'david', state: 'waiting', attempts: 0 }],
  })
  matchesWhole(t, (await admin.get(`/sign-ins/${sidOf(mine)}`)).json, { state: 'ended', apps: [] })

  t.equal((await admin.remove(`/sign-ins/${sidOf(mine)}`)).status, 204, 'once more is no fault')
  isProblem(t, instance, await admin.remove('/sign-ins/unknown'), { status: 404, type: 'not-found' })
  const events = (await auditOf(instance, { user: david.id })).filter(({ event }) => event === 'sign_in_ended')
  matchesWhole(t, events, [{ actor: `app:${TOOL}`, detail: { count: 1, sessions: [sidOf(mine)], apps: [OTHER, WEB] } }])
})

await t.test('every one of a person is ended at once', async (t) => {
  const [here, there] = [inOneBrowser(), inOneBrowser()]
  const tokens = [await here.web.obtainTokens(), await there.web.obtainTokens()] as const
  const hers = inOneBrowser('anna')
  const anna = await hers.web.obtainTokens()
  const pat = await issue(instance, { kind: 'PAT', app: WEB, user: david.id })
  for (const { access_token: token } of [...tokens, anna]) await callApi(instance, token)
  const { session_id: ofPat } = await callApi(instance, pat.value)
  const before = await sidsOf('david')
  for (const token of tokens) t.ok(before.includes(sidOf(token)))

  t.equal((await admin.remove('/users/DAVID/sign-ins')).status, 204)
  t.strictSame(await sidsOf('david'), [])
  t.strictSame([await lifeOf(here.web, tokens[0]), await lifeOf(there.web, tokens[1])], [LEFT, LEFT])
  t.equal(await lifeOf(hers.web, anna), ALIVE)
  const live = await liveSessions(instance)
  t.ok(live.includes(ofPat), 'a PAT is of no browser')
  const { items } = (await admin.get('/sessions?user=david')).json as { items: { sid: string | null }[] }
  t.ok(items.length > 0 && items.every(({ sid }) => sid === null), 'and nothing but PATs calls')

  const last = (await auditOf(instance, { user: david.id })).findLast(({ event }) => event === 'sign_in_ended')
  t.ok(String(last?.detail['sessions']).includes(sidOf(tokens[0])))
  t.equal((await admin.remove('/users/david/sign-ins')).status, 204)
  isProblem(t, instance, await admin.remove('/users/davit/sign-ins'), { status: 404, type: 'not-found' })
})

await t.test('what lives on where somebody else signed in ends as well, and the audit log says so', async (t) => {
  const signedInOver = async () => {
    const { web } = inOneBrowser()
    const tokens = await web.obtainTokens()
    await callApi(instance, tokens.access_token)
    const anna = createRelyingParty(instance, { clientId: WEB, login: 'anna' }, web.browser)
    const hers = await anna.obtainTokens({ prompt: 'login' })
    t.equal(await lifeOf(web, tokens), ALIVE)
    return { web, tokens, anna, hers, live: (await liveSessions(instance)).length }
  }
  const endedNow = async () =>
    (await auditOf(instance, { user: david.id })).filter(({ event }) => event === 'sign_in_ended')

  const one = await signedInOver()
  const before = (await endedNow()).length
  t.equal((await admin.remove(`/sign-ins/${sidOf(one.tokens)}`)).status, 204)
  t.strictSame([await lifeOf(one.web, one.tokens), await lifeOf(one.anna, one.hers)], [LEFT, ALIVE])
  t.equal((await liveSessions(instance)).length, one.live - 1, 'its slot is free')
  matchesWhole(t, (await endedNow()).slice(before), [
    { detail: { count: 1, sessions: [sidOf(one.tokens)], apps: [WEB] } },
  ])
  await admin.remove(`/sign-ins/${sidOf(one.tokens)}`)
  t.equal((await endedNow()).length, before + 1, 'nothing ends twice')

  const two = await signedInOver()
  t.equal((await admin.remove('/users/david/sign-ins')).status, 204)
  t.strictSame([await lifeOf(two.web, two.tokens), await lifeOf(two.anna, two.hers)], [LEFT, ALIVE])
  t.equal((await liveSessions(instance)).length, two.live - 1)
  matchesWhole(t, (await endedNow()).slice(before + 1), [
    { detail: { count: 1, sessions: [sidOf(two.tokens)], apps: [WEB] } },
  ])
  await admin.remove('/users/david/sign-ins')
  t.equal((await endedNow()).length, before + 2)
})

await t.test('a kill switch has ended them, whatever their rows say', async (t) => {
  const { web } = inOneBrowser('anna')
  const sid = sidOf(await web.obtainTokens())
  t.ok((await sidsOf('anna')).includes(sid))
  await admin.patch('/users/anna', { isEnabled: false })
  await admin.patch('/users/anna', { isEnabled: true })
  t.strictSame(await sidsOf('anna'), [])
  matchesWhole(t, (await admin.get(`/sign-ins/${sid}`)).json, { state: 'ended' })
})
