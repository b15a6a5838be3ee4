import t, { type Test } from 'tap'
import { HOUR, MINUTE } from '../../../src/lib/time/clock.ts'
import { refused } from '../../fixtures/answers/refusals.ts'
import { endSessionUrl, userinfo } from '../../fixtures/clients/endpoints.ts'
import { ALIVE, createRelyingParty, DEAD, lifeOf, type RelyingParty } from '../../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../../fixtures/clients/tokens.ts'
import { OTHER, OTHER_REDIRECT, startWorld, WEB } from '../../fixtures/instance/world.ts'
import { startApiOn } from '../../fixtures/resource-server/api-on-instance.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { API, askForSession, callApi, liveSessions, serveApi, setSlots } from '../../fixtures/tokens/api-sessions.ts'
import { changeApp, issue } from '../../fixtures/tokens/reference-tokens.ts'

const { instance, david } = await startWorld(t, { TESSERA_SESSION_IDLE: '1h', TESSERA_SESSION_ABSOLUTE: '3h' })
await serveApi(instance)
await changeApp(instance, OTHER, { accessTokenFormat: 'reference', accessTokenLifetime: 86_400 })
await changeApp(instance, WEB, { accessTokens: 'AuthenticatedUsers', accessTokenLifetime: 86_400 })

const LEFT = 'userinfo 401, access false, refresh true'

/** Two apps that David uses in one browser: the one has signed tokens, and the other opaque ones. */
function inOneBrowser(login = 'david') {
  const browser = createBrowser(instance.origin)
  const web = createRelyingParty(instance, { clientId: WEB, login }, browser)
  const other = createRelyingParty(instance, { clientId: OTHER, redirectUri: OTHER_REDIRECT, login }, browser)
  return { browser, web, other }
}

/** An app signs its person out. */
const signOut = ({ browser }: RelyingParty, id_token_hint: string) =>
  browser.open(endSessionUrl(instance, { id_token_hint }))

const refreshed = async (party: RelyingParty, token: string) => tokensOf(await party.refresh(token))

await t.test('signing out of one app ends the access tokens of the other, signed or opaque', async (t) => {
  await setSlots(instance, 2)
  const { web, other } = inOneBrowser()
  const elsewhere = inOneBrowser().web
  const [mine, theirs, there] = [await web.obtainTokens(), await other.obtainTokens(), await elsewhere.obtainTokens()]
  const again = await refreshed(web, mine.refresh_token)
  const pat = await issue(instance, { kind: 'PAT', app: WEB, user: david.id })
  for (const token of [mine, theirs]) await callApi(instance, token.access_token)
  t.equal((await liveSessions(instance)).length, 1)
  t.strictSame([await lifeOf(web, again), await lifeOf(other, theirs)], [ALIVE, ALIVE])

  t.equal((await signOut(web, again.id_token)).page.querySelector('h1')?.text, 'You are signed out')

  t.equal((await web.userinfo(mine.access_token)).status, 401, 'also what came before the latest refresh')
  t.strictSame([await lifeOf(web, again), await lifeOf(other, theirs)], [LEFT, LEFT])
  t.strictSame(await liveSessions(instance), [], 'every slot is free')
  for (const { access_token: token } of [mine, again, theirs])
    t.match(await askForSession(instance, token), { status: 400, json: { error: 'invalid_token' } })
  t.strictSame(await liveSessions(instance), [])
  t.equal(await lifeOf(elsewhere, there), ALIVE, 'another browser is another session')
  t.match((await web.introspect(pat.value)).json, { active: true, token_kind: 'PAT' })

  await t.test('OIDC Back-Channel Logout §2.7: offline_access outlives it', async (t) => {
    for (const [party, { refresh_token: token }] of [
      [web, again],
      [other, theirs],
    ] as const) {
      const anew = await refreshed(party, token)
      t.equal(await lifeOf(party, anew), ALIVE, 'what a refresh token yields afterwards lives')
      await callApi(instance, anew.access_token)
      t.equal(await lifeOf(party, await refreshed(party, anew.refresh_token)), ALIVE)
    }
  })

  await t.test('without offline_access nothing is left', async (t) => {
    const { web } = inOneBrowser()
    const tokens = await web.obtainTokens({ scope: 'openid read' })
    t.equal(tokens.refresh_token, '')
    await signOut(web, tokens.id_token)
    t.equal((await userinfo(instance, tokens.access_token)).status, 401)
    t.strictSame((await web.introspect(tokens.access_token)).json, { active: false })
  })
  await setSlots(instance, 'unlimited')
})

await t.test('the operator is told why, and the app what it may know', async (t) => {
  const { web } = inOneBrowser()
  const { access_token, id_token } = await web.obtainTokens()
  await signOut(web, id_token)
  refused(t, instance, await web.userinfo(access_token), {
    status: 401,
    error: 'invalid_token',
    description: 'the access token is unknown, expired or revoked',
    cause: { rule: 'access-token-signed-out', cause: 'the person signed out of the session it was issued in' },
  })
})

await t.test('an API that reads signed tokens by itself refuses within five seconds', async (t) => {
  const api = await startApiOn(t, instance, { audience: 'DomainAPI', clientId: API })
  const { web } = inOneBrowser()
  const elsewhere = inOneBrowser().web
  const [mine, there] = [await web.obtainTokens(), await elsewhere.obtainTokens()]
  for (const { access_token: token } of [mine, there]) t.equal((await api.call(token)).status, 200)
  await signOut(web, mine.id_token)
  await api.advance(5000)
  t.match(await api.call(mine.access_token), { status: 401, body: { error: 'invalid_token' } })
  t.equal((await api.call(there.access_token)).status, 200)
  t.equal((await api.call((await refreshed(web, mine.refresh_token)).access_token)).status, 200)
})

await t.test('a session that runs out ends no token, and can still be signed out of', async (t) => {
  const { browser, web, other } = inOneBrowser()
  const [mine, theirs] = [await web.obtainTokens(), await other.obtainTokens()]
  instance.advance(2 * HOUR)
  t.equal((await web.authorize({ prompt: 'none' })).leftTo?.searchParams.get('error'), 'login_required')
  t.strictSame([await lifeOf(web, mine), await lifeOf(other, theirs)], [ALIVE, ALIVE])
  const asked = await browser.open(endSessionUrl(instance))
  t.strictSame([await lifeOf(web, mine), await lifeOf(other, theirs)], [ALIVE, ALIVE], 'a link alone ends nothing')
  t.equal((await browser.submit(asked, 'logout-confirm')).status, 200)
  t.strictSame([await lifeOf(web, mine), await lifeOf(other, theirs)], [LEFT, LEFT])
})

await t.test('somebody else signs in in the same browser: the apps of before keep their tokens', async (t) => {
  const { browser, web } = inOneBrowser()
  const tokens = await web.obtainTokens()
  const anna = createRelyingParty(instance, { clientId: WEB, login: 'anna' }, browser)
  const theirs = await anna.obtainTokens({ prompt: 'login' })
  t.strictSame([await lifeOf(web, tokens), await lifeOf(anna, theirs)], [ALIVE, ALIVE])
  const { access_token: later } = await refreshed(web, tokens.refresh_token)
  t.equal((await web.userinfo(later)).status, 200, 'and refresh them')
})

await t.test('RefreshEndsWithSession', async (t) => {
  const OVER = '400 invalid_grant: the sign-in session that the refresh token belongs to is over'
  await changeApp(instance, WEB, { refreshEndsWithSession: true })
  t.teardown(() => changeApp(instance, WEB, { refreshEndsWithSession: false }))

  async function isOver(t: Test, party: RelyingParty, token: string): Promise<void> {
    t.strictSame((await party.introspect(token)).json, { active: false })
    t.equal(refusalOf(await party.refresh(token)), OVER)
  }

  await t.test('a sign-out ends the refresh tokens as well, and gives no earlier answer again', async (t) => {
    const { web, other } = inOneBrowser()
    const first = await web.obtainTokens()
    const theirs = await other.obtainTokens()
    const second = await refreshed(web, first.refresh_token)
    await signOut(web, second.id_token)
    t.equal(await lifeOf(web, second), DEAD)
    for (const { refresh_token: token } of [first, second]) await isOver(t, web, token)
    t.equal(await lifeOf(other, theirs), LEFT, 'the other app has decided otherwise')
  })

  await t.test('one that was signed out of before the record said so', async (t) => {
    const { other } = inOneBrowser()
    const tokens = await other.obtainTokens()
    await signOut(other, tokens.id_token)
    const anew = await refreshed(other, tokens.refresh_token)
    t.equal(await lifeOf(other, anew), ALIVE)
    await changeApp(instance, OTHER, { refreshEndsWithSession: true })
    await isOver(t, other, anew.refresh_token)
    await changeApp(instance, OTHER, { refreshEndsWithSession: false })
  })

  await t.test('so does its end by itself, and a refresh is a use of it', async (t) => {
    const { web } = inOneBrowser()
    let tokens = await web.obtainTokens()
    for (const minutes of [50, 50, 50]) {
      instance.advance(minutes * MINUTE)
      tokens = await refreshed(web, tokens.refresh_token)
    }
    t.ok((await web.authorize({ prompt: 'none' })).leftTo?.searchParams.get('code'), 'nobody has to sign in again')
    instance.advance(30 * MINUTE)
    await isOver(t, web, tokens.refresh_token)
    const { web: idle } = inOneBrowser()
    const unused = await idle.obtainTokens()
    instance.advance(HOUR)
    await isOver(t, idle, unused.refresh_token)
  })
})
