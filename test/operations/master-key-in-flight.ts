import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { refusedByPage } from '../fixtures/answers/refusals.ts'
import { tesseraOn, words } from '../fixtures/cli/cli.ts'
import { answerOf, obtainCode, obtainTokens, redeem } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { startNotifiedApp } from '../fixtures/clients/notified-app.ts'
import { createRelyingParty, webApp } from '../fixtures/clients/relying-party.ts'
import { type Instance, PASSWORD } from '../fixtures/instance/instance.ts'
import { OTHER, OTHER_REDIRECT, startWorld, WEB, WEB_BYE, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser, type View } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

async function command(t: Test, instance: Instance, line: string): Promise<void> {
  const { code, stderr } = await tesseraOn(instance)(words(line))
  t.equal(code, 0, stderr)
}

/** What browsers and apps were handed before the key changed. */
async function begin(instance: Instance) {
  const at = (parameters: Readonly<Record<string, string>> = {}) =>
    authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid read', ...parameters })
  const fresh = () => createBrowser(instance.origin)
  const [signIn, consent, signOut, hinted] = [fresh(), fresh(), fresh(), fresh()]
  const loginPage = await signIn.open(at({ prompt: 'login' }))
  const consentPage = await consent.submit(await consent.open(at({ prompt: 'consent' })), 'login-submit', {
    username: 'david',
    password: PASSWORD,
  })
  await signInAndConsent(signOut, await signOut.open(at()), 'david')
  const logoutPage = await signOut.open(
    endSessionUrl(instance, { client_id: WEB, post_logout_redirect_uri: WEB_BYE, state: 's' }),
  )
  // A form of the app sends the browser on by a link, which it has not followed yet.
  const posted = await fresh().request(`${instance.issuer}/connect/authorize`, {
    method: 'POST',
    body: new URL(at({ prompt: 'none' })).searchParams,
  })
  const tokens = await obtainTokens(instance, {}, { browser: hinted })
  const code = await obtainCode(
    instance,
    { client_id: OTHER, redirect_uri: OTHER_REDIRECT, scope: 'openid' },
    { browser: hinted },
  )
  return {
    enter: (): Promise<View> => signIn.submit(loginPage, 'login-submit', { username: 'david', password: PASSWORD }),
    approve: (): Promise<View> => consent.submit(consentPage, 'consent-approve'),
    leave: (): Promise<View> => signOut.submit(logoutPage, 'logout-confirm'),
    signOut,
    onward: posted.headers.get('location') ?? '',
    hinted,
    tokens,
    code,
  }
}

await t.test('key reseal: what a browser or an app was handed before it is good after it', async (t) => {
  const { instance } = await startWorld(t)
  const { enter, approve, leave, onward, hinted, tokens, code } = await begin(instance)
  const stateOf = async () =>
    (await hinted.jar.getCookies(instance.origin)).find(({ key }) => key === 'tessera-state')?.value
  const state = await stateOf()
  t.ok(state)
  await command(t, instance, 'key reseal --yes')

  const entered = await enter()
  t.ok(entered.leftTo ?? entered.page.querySelector('#consent-approve'), 'a sign-in page')
  t.ok(answerOf(await approve()).get('code'), 'a consent page')
  const left = await leave()
  t.equal(left.leftTo?.href, `${WEB_BYE}?state=s`, 'a sign-out page')
  const sentOn = await createBrowser(instance.origin).open(onward)
  t.equal(answerOf(sentOn).get('error'), 'login_required', 'a request on its way')
  t.equal((await redeem(instance, code, { redirect_uri: OTHER_REDIRECT }, basic(OTHER))).status, 200, 'a code')
  const silent = { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid', prompt: 'none' }
  const hint = await hinted.open(authorizeUrl(instance, { ...silent, id_token_hint: tokens.id_token }))
  t.ok(answerOf(hint).get('code'), 'an ID token as a hint')
  t.equal(await stateOf(), state, 'the state of the session, which apps compare')
  const bye = await hinted.open(
    endSessionUrl(instance, { id_token_hint: tokens.id_token, post_logout_redirect_uri: WEB_BYE }),
  )
  t.equal(bye.leftTo?.href, WEB_BYE, 'and at a sign-out')
})

await t.test('key forget: what was sealed under the key that is gone has to be begun again', async (t) => {
  const { instance } = await startWorld(t)
  const { enter, approve, leave, signOut, onward, hinted, tokens, code } = await begin(instance)
  await command(t, instance, 'key reseal --yes')
  await command(t, instance, 'key forget --yes')
  const again = await instance.restart()
  t.teardown(() => again.close())

  const gone = 'the link was cut off or changed, or was created under a master key that is not at hand'
  const expired = { status: 400, error: 'interaction_expired' }
  const asSignIn = { description: 'this sign-in link is not valid; begin again in the app', cause: { cause: gone } }
  for (const view of [await enter(), await approve(), await createBrowser(again.origin).open(onward)])
    refusedByPage(t, again, view, { ...expired, ...asSignIn })
  const asSignOut = { description: 'this sign-out link is no longer valid', cause: { cause: gone } }
  refusedByPage(t, again, await leave(), { ...expired, ...asSignOut })
  const page = await signOut.open(endSessionUrl(again, { client_id: WEB, post_logout_redirect_uri: WEB_BYE }))
  t.equal((await signOut.submit(page, 'logout-confirm')).leftTo?.href, WEB_BYE, 'which works')
  t.equal((await redeem(again, code, { redirect_uri: OTHER_REDIRECT }, basic(OTHER))).status, 200, 'a code')
  const bye = await hinted.open(endSessionUrl(again, { id_token_hint: tokens.id_token }))
  t.equal(bye.url, `${again.issuer}/logout/signed-out`, 'an ID token as a hint')
})

await t.test('a notice of a sign-out that waited is signed after the key was changed and forgotten', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1' })
  const site = await startNotifiedApp(t)
  const app = 'app/told'
  await instance.addApp({ ...webApp(app), requireConsent: false, backchannelLogoutUri: site.uri })
  const party = createRelyingParty(instance, { clientId: app, login: 'david' })
  const tokens = await party.obtainTokens()
  site.answer = 500
  await party.browser.open(endSessionUrl(instance, { id_token_hint: tokens.id_token }))
  t.equal(site.notices.length, 1)
  site.answer = 200
  await command(t, instance, 'key reseal --yes')
  await command(t, instance, 'key forget --yes')
  const again = await instance.restart()
  t.teardown(() => again.close())
  again.advance(10 * 60_000)
  await again.server.outbox.sendDue()
  const [, notice] = await site.told(2)
  const jwks = (await (await fetch(`${again.issuer}/.well-known/openid-configuration/jwks`)).json()) as JSONWebKeySet
  const { payload } = await jwtVerify(notice?.token ?? '', createLocalJWKSet(jwks), {
    issuer: again.issuer,
    audience: app,
    currentDate: new Date(again.now()),
  })
  t.ok(payload['sid'])
})
