import t, { type Test } from 'tap'
import { sentTo } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { createRelyingParty } from '../../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../../fixtures/clients/tokens.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import {
  enableApp,
  enableUser,
  HYBRID,
  HYBRID_REDIRECT,
  startWorld,
  WEB,
  WEB_BYE,
  WEB_REDIRECT,
} from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'

const APP_IS_OFF = '401 invalid_client: the app is unknown, or its authentication is wrong or missing'
const TO_WEB = { client_id: WEB, redirect_uri: WEB_REDIRECT }

async function start(t: Test) {
  const world = await startWorld(t)
  const david = createRelyingParty(world.instance, { clientId: WEB, login: 'david' })
  const open = (parameters: Readonly<Record<string, string>> = {}) =>
    david.browser.open(authorizeUrl(world.instance, { ...TO_WEB, ...parameters }))
  return { ...world, party: david, open }
}

await t.test('authorize with a live session: the user is disabled, and enabled again', async (t) => {
  const { instance, david, party, open } = await start(t)
  await party.obtainTokens()
  t.ok((await open()).leftTo?.searchParams.get('code'), 'signed in, nothing is asked')
  await enableUser(instance, david, false)
  const shut = await open()
  t.ok(shut.page.querySelector('#login-submit'), 'sign in anew')
  const credentials = { username: 'david', password: PASSWORD }
  const refused = await party.browser.submit(shut, 'login-submit', credentials)
  t.equal(refused.status, 401, 'which a disabled user cannot, with the right password neither')
  await enableUser(instance, david, true)
  t.ok((await open()).page.querySelector('#login-submit'), 'the old session is not revived')
  t.equal((await open({ prompt: 'none' })).leftTo?.searchParams.get('error'), 'login_required')
  const again = await party.browser.submit(await open(), 'login-submit', credentials)
  t.ok(again.leftTo?.searchParams.get('code'))
})

await t.test('authorize with a live session: the app is disabled', async (t) => {
  const { instance, party, open } = await start(t)
  const { id_token: id } = await party.obtainTokens()
  await enableApp(instance, WEB, false)
  for (const parameters of [{}, { prompt: 'none' }, { response_mode: 'fragment' }]) {
    const view = await open(parameters)
    t.equal(view.status, 400)
    t.equal(view.leftTo, undefined, 'a page, no redirect')
  }
  const posted = await party.browser.follow(`${instance.issuer}/connect/authorize`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...TO_WEB, response_type: 'code', scope: 'openid' }).toString(),
  })
  t.equal(posted.status, 400)
  const bye = new URLSearchParams({ id_token_hint: id, post_logout_redirect_uri: WEB_BYE })
  const out = await party.browser.open(`${instance.issuer}/connect/endsession?${bye}`)
  t.equal(out.status, 400, 'nor does signing out lead back to it')
  t.equal(out.leftTo, undefined)
})

await t.test('on the way: between sign-in, consent and code', async (t) => {
  const { instance, david } = await start(t)
  const atConsent = async () => {
    const browser = createBrowser(instance.origin)
    const login = await browser.open(authorizeUrl(instance, TO_WEB))
    const view = await browser.submit(login, 'login-submit', { username: 'david', password: PASSWORD })
    t.ok(view.page.querySelector('#consent-approve'))
    return { browser, login, view }
  }
  const one = await atConsent()
  const other = await atConsent()
  await enableUser(instance, david, false)
  const shut = await one.browser.submit(one.view, 'consent-approve')
  t.ok(shut.page.querySelector('#login-submit'), 'a disabled user cannot consent')
  await enableUser(instance, david, true)
  t.ok((await other.browser.submit(other.view, 'consent-approve')).page.querySelector('#login-submit'))

  const third = await atConsent()
  await enableApp(instance, WEB, false)
  const closed = await third.browser.submit(third.view, 'consent-approve')
  t.equal(closed.status, 400, 'nobody can consent to a disabled app')
  t.equal(closed.leftTo, undefined)
  const fresh = createBrowser(instance.origin)
  t.equal((await fresh.open(third.login.url)).status, 400, 'nor sign in to it')
})

await t.test('revocation and introspection', async (t) => {
  const { instance, david, party } = await start(t)
  const tokens = await party.obtainTokens()
  await enableUser(instance, david, false)
  t.equal(
    (await party.revoke(tokens.refresh_token)).status,
    200,
    'what is dead already is answered like one revoked now',
  )
  t.equal((await party.introspect(tokens.access_token)).text, '{"active":false}')
  await enableUser(instance, david, true)
  t.equal((await party.introspect(tokens.refresh_token)).text, '{"active":false}')

  const others = await party.obtainTokens()
  await enableApp(instance, WEB, false)
  for (const token of [others.access_token, others.refresh_token]) {
    t.equal(refusalOf(await party.revoke(token)), APP_IS_OFF)
    t.equal(refusalOf(await party.introspect(token)), APP_IS_OFF)
  }
  await enableApp(instance, WEB, true)
  for (const token of [others.access_token, others.refresh_token]) {
    t.equal((await party.introspect(token)).text, '{"active":false}', 'enabling revives nothing')
    t.equal((await party.revoke(token)).status, 200)
  }
})

await t.test('a hybrid app: its people and its System User each have a switch of their own', async (t) => {
  const { instance, david, service } = await start(t)
  const party = createRelyingParty(instance, { clientId: HYBRID, redirectUri: HYBRID_REDIRECT, login: 'david' })
  const ask = () => party.requestToken({ grant_type: 'client_credentials' })
  const isActive = async (token: string) => (await party.introspect(token)).json['active']
  const tokens = await party.obtainTokens()
  const own = String((await ask()).json['access_token'])
  t.equal((await party.userinfo(own)).status, 403, 'a service token does not act for a person')

  await enableUser(instance, service, false)
  t.equal(refusalOf(await ask()), '400 unauthorized_client: the System User of the app is disabled')
  t.equal(await isActive(own), false)
  t.equal((await party.userinfo(own)).status, 401)
  t.equal((await party.revoke(own)).status, 200)
  t.equal(await isActive(tokens.access_token), true, 'people go on')
  const next = tokensOf(await party.refresh(tokens.refresh_token))
  await enableUser(instance, service, true)
  t.equal(await isActive(own), false, 'enabling revives nothing')
  const second = String((await ask()).json['access_token'])

  await enableUser(instance, david, false)
  t.equal(await isActive(next.access_token), false)
  t.equal(await isActive(second), true, 'and so does the service')
  t.equal((await ask()).status, 200)

  await enableApp(instance, HYBRID, false)
  await enableApp(instance, HYBRID, true)
  t.equal(await isActive(second), false, 'the switch of the app ends both')
  t.equal((await party.userinfo(second)).status, 401)
  await enableUser(instance, david, true)
  t.match(
    refusalOf(await party.refresh(next.refresh_token)),
    /^400 invalid_grant: the app or the user was changed or disabled/,
  )
})

await t.test('code id_token: a code that came with an ID token dies like any other', async (t) => {
  const { instance, david } = await start(t)
  const party = createRelyingParty(instance, { clientId: HYBRID, redirectUri: HYBRID_REDIRECT, login: 'david' })
  const view = await party.authorize({ response_type: 'code id_token', nonce: 'n', scope: 'openid read' })
  const code = new URLSearchParams(sentTo(view).hash.slice(1)).get('code') ?? ''
  t.ok(code)
  await enableUser(instance, david, false)
  await enableUser(instance, david, true)
  const redeemed = await party.requestToken({ grant_type: 'authorization_code', code, redirect_uri: HYBRID_REDIRECT })
  t.match(refusalOf(redeemed), /^400 invalid_grant: the app or the user was changed or disabled after the code/)
})
