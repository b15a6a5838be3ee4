import t, { type Test } from 'tap'
import { ALL_RESPONSE_TYPES, type ResponseType } from '../../../src/domain/apps/app-choices.ts'
import { ACR_VALUES } from '../../../src/domain/protocol/acr.ts'
import { answerOf, authorize, PKCE, postedFields, redeem, VERIFIER } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { basic, encode } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

// One app for each response type, as a client that registered for exactly one.
const { instance } = await startWorld(t, { TESSERA_IMPLICIT: 'true' })
const REDIRECT = 'https://rp.example.com/cb'
const appOf = (type: ResponseType): string => `my.trusted.app/${type.replaceAll(' ', '-')}`
for (const type of ALL_RESPONSE_TYPES)
  await instance.addApp({
    applicationUri: appOf(type),
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [REDIRECT, `${REDIRECT}?registered=1`],
    responseTypes: [type],
  })

type Parameters = Readonly<Record<string, string>>
const ENDPOINT = `${instance.issuer}/connect/authorize`
const STATE = 'aZ09-._~'.repeat(16)
const NONCE = 'zA90~_.-'.repeat(6)
const request = (type: ResponseType, more: Parameters = {}): Parameters => ({
  client_id: appOf(type),
  redirect_uri: REDIRECT,
  response_type: type,
  scope: 'openid',
  state: STATE,
  nonce: NONCE,
  ...more,
})
const inFragment = (type: ResponseType): boolean => type !== 'code'
const newBrowser = (): Browser => createBrowser(instance.origin)
const get = (parameters: Parameters, browser = newBrowser()): Promise<View> =>
  browser.open(`${ENDPOINT}?${encode(parameters)}`)
const post = (parameters: Parameters, browser = newBrowser()): Promise<View> =>
  browser.follow(ENDPOINT, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://rp.example.com' },
    body: encode(parameters).toString(),
  })

/** Sign-in and consent, as far as they are asked for, after a GET and after a POST. */
async function bothWays(parameters: Parameters): Promise<View[]> {
  return Promise.all(
    [get, post].map(async (send) => {
      const browser = newBrowser()
      return signInAndConsent(browser, await send(parameters, browser), 'david')
    }),
  )
}

/** The answer is where its response type puts it, whole, and nowhere else. */
function answers(t: Test, view: View, type: ResponseType): URLSearchParams {
  const { search = '', hash = '' } = view.leftTo ?? {}
  t.equal(inFragment(type) ? search : hash, '', 'nothing elsewhere')
  const answer = answerOf(view)
  t.strictSame(
    ['code', 'id_token', 'access_token'].filter((name) => answer.has(name)),
    [/code/, /id_token/, /(^| )token/].flatMap((part, n) =>
      part.test(type) ? [['code', 'id_token', 'access_token'][n]] : [],
    ),
  )
  t.strictSame([answer.get('error'), answer.get('state'), answer.get('iss')], [null, STATE, instance.issuer])
  return answer
}

/** @see RFC 6749 §4.1.2.1 */
const DESCRIPTION = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/

function refuses(t: Test, view: View, error: string, where: 'query' | 'fragment' | 'form'): void {
  const { search = '', hash = '' } = view.leftTo ?? {}
  t.equal({ query: hash, fragment: search, form: search + hash }[where], '', 'nothing elsewhere')
  const answer = answerOf(view)
  t.strictSame([...answer.keys()].sort(), ['error', 'error_description', 'error_uri', 'iss', 'state'], 'D31')
  t.strictSame([answer.get('error'), answer.get('state'), answer.get('iss')], [error, STATE, instance.issuer])
  t.match(answer.get('error_description'), DESCRIPTION, 'D32')
  t.ok(URL.canParse(answer.get('error_uri') ?? ''), 'D32')
}

for (const type of ALL_RESPONSE_TYPES)
  await t.test(`§3.1.2.1, B9 to B16, B19: ${type}, by GET and POST`, async (t) => {
    const asked: Readonly<Record<string, Parameters>> = {
      'B14, B16 state and nonce of any length': {},
      'B10 unknown parameters': { extra: 'foobar', audience: 'x' },
      'B12 what a person likes': {
        ...{ display: 'page', ui_locales: 'se', claims_locales: 'se' },
        login_hint: `buffy@${new URL(instance.issuer).hostname}`,
      },
      'B12 display=popup': { display: 'popup' },
      'B12 display=touch, wap and one that nobody knows': { display: 'touch' },
      'display=wap': { display: 'wap' },
      'display that nobody knows': { display: 'hologram' },
      'B13 acr_values': { acr_values: ACR_VALUES.join(' ') },
      'acr_values that nobody knows': { acr_values: '1 2' },
      'B18 PKCE by a Confidential app': PKCE,
    }
    for (const [name, more] of Object.entries(asked))
      await t.test(name, async (t) => {
        for (const view of await bothWays(request(type, more))) {
          const idToken = answers(t, view, type).get('id_token')
          if (idToken === null) continue
          t.equal(claimsOf(idToken)['nonce'], NONCE)
          t.ok(ACR_VALUES.some((known) => known === claimsOf(idToken)['acr']))
        }
      })
    await t.test('B11 parameters, scopes and words of the response type in any order', async (t) => {
      const words = type.split(' ').reverse().join(' ')
      const all = request(type, { scope: 'email openid', response_type: words })
      const backwards = Object.fromEntries(Object.entries(all).reverse())
      for (const view of await bothWays(backwards)) answers(t, view, type)
    })
    await t.test('B19 the app registered for this one alone', async (t) => {
      for (const other of ALL_RESPONSE_TYPES.filter((one) => one !== type)) {
        const view = await get(request(type, { response_type: other }))
        refuses(t, view, 'unauthorized_client', inFragment(other) ? 'fragment' : 'query')
      }
    })
    await t.test('B15 a nonce is needed where the answer holds an ID token', async (t) => {
      const { nonce: _, ...without } = request(type)
      if (type.includes('id_token')) refuses(t, await get(without), 'invalid_request', 'fragment')
      else for (const view of await bothWays(without)) answers(t, view, type)
    })
    await t.test('B17 no response_type: told in the query, or as response_mode says', async (t) => {
      const { response_type: _, ...without } = request(type)
      refuses(t, await get(without), 'invalid_request', 'query')
      refuses(t, await post(without), 'invalid_request', 'query')
      refuses(t, await get({ ...without, response_mode: 'form_post' }), 'invalid_request', 'form')
    })
    await t.test('D25, D33 prompt=none without a session: login_required, where an answer would be', async (t) => {
      const silent = request(type, { prompt: 'none' })
      for (const send of [get, post])
        refuses(t, await send(silent), 'login_required', inFragment(type) ? 'fragment' : 'query')
      const posted = await get({ ...silent, response_mode: 'form_post' })
      refuses(t, posted, 'login_required', 'form')
      t.strictSame([posted.status, posted.leftTo], [200, undefined], 'D35 nothing is redirected')
    })
    await t.test('D26, D27 prompt=none with a session: silent, the same person and auth_time', async (t) => {
      const browser = newBrowser()
      const facts = async (view: View) => {
        const answer = answers(t, view, type)
        const code = answer.get('code')
        const idToken =
          answer.get('id_token') ??
          (code === null
            ? ''
            : tokensOf(await redeem(instance, code, { redirect_uri: REDIRECT }, basic(appOf(type)))).id_token)
        const { sub, auth_time } = claimsOf(idToken)
        return { idToken, who: [sub, auth_time] }
      }
      const first = await facts(await signInAndConsent(browser, await get(request(type), browser), 'david'))
      instance.advance(2000)
      const silent = request(type, { prompt: 'none' })
      t.strictSame((await facts(await get(silent, browser))).who, first.who)
      const hinted = { ...silent, id_token_hint: first.idToken }
      t.strictSame((await facts(await get(hinted, browser))).who, first.who)
    })
    await t.test('C20, C21 another redirect_uri: a page here, whatever is asked', async (t) => {
      for (const redirect_uri of [`${REDIRECT}/extra`, `${REDIRECT}?added=1`, `${REDIRECT}?registered=2`])
        for (const more of [{}, { prompt: 'none' }, { response_mode: 'form_post' }]) {
          const view = await get(request(type, { redirect_uri, ...more }))
          t.strictSame([view.status, view.leftTo, postedFields(view)], [400, undefined, []], redirect_uri)
          t.ok(view.page.querySelector('#error-description')?.text.trim(), 'C24')
          t.notOk(view.page.querySelector('script'), 'C24')
        }
      const [kept] = await bothWays(request(type, { redirect_uri: `${REDIRECT}?registered=1` }))
      t.equal(kept?.leftTo?.searchParams.get('registered'), '1', 'C21 a registered query stays')
    })
  })

await t.test('§3.1.2.1 B12 login_hint of somebody unknown is filled in, and no more', async (t) => {
  const hint = `buffy@${new URL(instance.issuer).hostname}`
  for (const send of [get, post]) {
    const view = await send(request('code', { login_hint: hint }))
    t.equal(view.page.querySelector('#username')?.getAttribute('value'), hint)
  }
})

await t.test('§3.1.2.1 B12 ui_locales: the first there are texts in, else English', async (t) => {
  for (const [ui_locales, lang] of [
    ['se', 'en'],
    ['se de-AT en', 'de'],
    ['BG', 'bg'],
    ['not a tag at all!', 'en'],
  ] as const) {
    const view = await get(request('code', { ui_locales }))
    t.equal(view.page.querySelector('html')?.getAttribute('lang'), lang, ui_locales)
  }
})

await t.test('§5.5.1.1, B13: an acr that is essential is the one in the ID token, or the request fails', async (t) => {
  const asking = (acr: unknown) => request('code id_token', { claims: JSON.stringify({ id_token: { acr } }) })
  for (const acr of [
    null,
    { essential: true },
    { essential: true, value: 'urn:tessera:pwd' },
    { essential: true, values: ['urn:tessera:mfa', 'urn:tessera:pwd'] },
    { values: ['urn:tessera:mfa'] },
  ]) {
    const [view] = await bothWays(asking(acr))
    const idToken = view && answers(t, view, 'code id_token').get('id_token')
    t.equal(claimsOf(idToken ?? '')['acr'], 'urn:tessera:pwd', JSON.stringify(acr))
  }
  for (const acr of [
    { essential: true, value: 'urn:tessera:mfa' },
    { essential: true, values: ['urn:tessera:mfa', 'x'] },
  ])
    refuses(t, await get(asking(acr)), 'access_denied', 'fragment')
})

await t.test('RFC 6749 §4.1.2.1, D32: descriptions keep to their characters, whatever was sent', async (t) => {
  const odd = 'a"b\\c\r\n\té😀'
  for (const more of [
    { response_type: odd },
    { response_mode: odd },
    { prompt: odd },
    { max_age: odd },
    { scope: `openid ${odd}` },
    { claims: odd },
    { id_token_hint: odd },
    { code_challenge: odd },
    { code_challenge: odd, code_challenge_method: odd },
    { resource: odd },
  ] as readonly Parameters[]) {
    const answer = answerOf(await get(request('code', more)))
    t.match(answer.get('error_description'), DESCRIPTION, JSON.stringify(more))
    t.ok(answer.get('error'))
  }
  const twice = await newBrowser().open(
    `${ENDPOINT}?${encode([...Object.entries(request('code')), [odd, '1'], [odd, '2']])}`,
  )
  t.match(answerOf(twice).get('error_description'), DESCRIPTION)
})

await t.test('§3.1.2.1, D28: prompt=login asks again, and auth_time is later by whole seconds', async (t) => {
  const browser = newBrowser()
  const authTime = async (more: Parameters): Promise<number> => {
    const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, ...PKCE, ...more })
    const view = await browser.open(url)
    const asked = view.page.querySelector('#login-submit') !== null
    t.equal(asked, Object.keys(more).length > 0 || first === 0)
    const code = answerOf(await signInAndConsent(browser, view, 'david')).get('code') ?? ''
    return Number(claimsOf(tokensOf(await redeem(instance, code, { code_verifier: VERIFIER })).id_token)['auth_time'])
  }
  let first = 0
  first = await authTime({})
  instance.advance(1000)
  t.equal(await authTime({}), first, 'the session is used')
  t.equal(await authTime({ prompt: 'login' }), first + 1)
  instance.advance(2000)
  t.equal(await authTime({ max_age: '1' }), first + 3, 'D29')
})

await t.test('OIDC Core §11, E44: offline_access with prompt=consent asks, and gives a refresh token', async (t) => {
  const view = await authorize(instance, { scope: 'openid offline_access', prompt: 'consent' })
  const tokens = tokensOf(await redeem(instance, answerOf(view).get('code') ?? ''))
  t.ok(tokens.refresh_token)
})
