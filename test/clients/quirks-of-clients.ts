import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { answerOf, obtainCode, obtainTokens, PKCE, redeem, refresh, VERIFIER } from '../fixtures/clients/code-flow.ts'
import { requestToken } from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, type Fields, type HeaderFields, postForm, send } from '../fixtures/clients/http.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { SECRET } from '../fixtures/instance/instance.ts'
import { SPA, SPA_REDIRECT, SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

// What clients of many languages do, and what the specifications permit or at least do not forbid.
const { instance, service } = await startWorld(t)
const SERVICE = { grant_type: 'client_credentials' }

const plainBasic = (id: string, secret: string): HeaderFields => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

await t.test('token requests', async (t) => {
  const works = async (name: string, fields: Fields, headers: HeaderFields): Promise<void> => {
    const response = await requestToken(instance, fields, headers)
    matchesWhole(t, [response.status, response.headers.get('content-type')], [200, /^application\/json\b/], name)
    tokensOf(response)
  }
  const right = basic(SYNC)
  await works('client_id in the body beside Basic', { ...SERVICE, client_id: SYNC }, right)
  await works('Accept: */*', SERVICE, { ...right, accept: '*/*' })
  await works('Accept: text/html', SERVICE, { ...right, accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' })
  const form = 'application/x-www-form-urlencoded'
  await works('a charset', SERVICE, { ...right, 'content-type': `${form}; charset=UTF-8` })
  await works('another spelling of the type', SERVICE, {
    ...right,
    'content-type': 'Application/X-WWW-Form-UrlEncoded;charset=utf-8',
  })
  await works('a lower-case scheme', SERVICE, { authorization: right.authorization.replace('Basic', 'basic') })
  await works('Basic that is not form-url-encoded', SERVICE, plainBasic(SYNC, SECRET))
  await works('parameters nobody knows', { ...SERVICE, audience: 'x', tenant: 'y', client_info: '1' }, right)
  await works('empty parameters', { ...SERVICE, scope: '', resource: '', client_secret: '' }, right)

  const bare = await postForm(`${instance.issuer}/connect/token?`, SERVICE, right)
  t.equal(bare.status, 200, 'a question mark with nothing behind it')
  const lower = await send(`${instance.issuer}/connect/token`, {
    method: 'POST',
    headers: { ...right, 'content-type': form },
    body: 'grant%5ftype=client%5fcredentials&scope=read+update',
  })
  t.equal(lower.status, 200, 'percent-encoding of what needs none, in lower case')
})

await t.test('secrets with special characters, form-url-encoded in Basic or not', async (t) => {
  for (const [index, secret] of [
    'p+q/r=s&t: and 42 more',
    '100% of a%20secret%zz with more',
    'é ü ç and enough more of it',
  ].entries()) {
    const applicationUri = `special-${index}`
    const record = { applicationUri, systemUserAllowed: true, systemUser: service.id, scope: ['read'] }
    await instance.addApp(record, secret)
    for (const headers of [basic(applicationUri, secret), plainBasic(applicationUri, secret)])
      t.equal((await requestToken(instance, SERVICE, headers)).status, 200, secret)
    for (const headers of [basic(applicationUri, `${secret}x`), plainBasic(applicationUri, `${secret}x`)])
      t.equal((await requestToken(instance, SERVICE, headers)).status, 401, `not ${secret}`)
  }
})

await t.test('a Public app with an empty secret', async (t) => {
  const spa = { client_id: SPA, redirect_uri: SPA_REDIRECT }
  for (const [fields, headers] of [
    [{ client_id: SPA, client_secret: '' }, {}],
    [{}, plainBasic(SPA, '')],
    [{ client_id: SPA }, plainBasic(SPA, '')],
  ] as const) {
    const code = await obtainCode(instance, { ...spa, ...PKCE })
    const response = await redeem(
      instance,
      code,
      { redirect_uri: SPA_REDIRECT, code_verifier: VERIFIER, ...fields },
      headers,
    )
    t.equal(response.status, 200)
    tokensOf(response)
  }
  const nothing = await requestToken(instance, SERVICE, plainBasic(SYNC, ''))
  t.equal(nothing.status, 401, 'is none at all for a Confidential one')
})

await t.test('authorization requests', async (t) => {
  const query = (text: string): string =>
    `${instance.issuer}/connect/authorize?client_id=${encodeURIComponent(WEB)}&${text}`
  const lower = encodeURIComponent(WEB_REDIRECT).replace(/%../g, (hex) => hex.toLowerCase())
  for (const [name, text] of [
    ['lower-case percent-encoding', `redirect_uri=${lower}&response_type=code&scope=openid%20read`],
    ['no percent-encoding where none is needed', `redirect_uri=${WEB_REDIRECT}&response_type=code&scope=openid+read`],
    ['response_mode=query', `redirect_uri=${lower}&response_type=code&response_mode=query&scope=openid`],
    ['a nonce in the code flow', `redirect_uri=${lower}&response_type=code&scope=openid&nonce=n-0S6_WzA2Mj`],
    ['a question mark and an ampersand too many', `&redirect_uri=${lower}&&response_type=code&scope=openid&`],
    [
      'empty parameters',
      `redirect_uri=${lower}&response_type=code&scope=openid&state=&prompt=&max_age=&login_hint=&claims=`,
    ],
    [
      'parameters of other servers',
      `redirect_uri=${lower}&response_type=code&scope=openid&access_type=offline&audience=x&approval_prompt=auto`,
    ],
  ] as const) {
    const browser = createBrowser(instance.origin)
    const answer = answerOf(await signInAndConsent(browser, await browser.open(query(text)), 'david'))
    const response = await redeem(instance, answer.get('code') ?? '')
    t.equal(response.status, 200, name)
  }
})

await t.test('a refresh that sends all it knows', async (t) => {
  const first = await obtainTokens(instance)
  const fields = { scope: first.scope, client_id: WEB, redirect_uri: WEB_REDIRECT }
  const second = tokensOf(await refresh(instance, first.refresh_token, fields))
  t.equal(second.scope, first.scope)
})

await t.test('a token endpoint that is not spoken to as it should be says how', async (t) => {
  const url = `${instance.issuer}/connect/token`
  const told = async (response: Answer) => {
    const { error, error_description: description } = response.json as Record<string, string>
    return `${response.status} ${error}: ${description}`
  }
  const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(SERVICE) }
  t.equal(await told(await send(url, json)), '415 invalid_request: the body must be application/x-www-form-urlencoded')
  t.equal(await told(await send(url)), '405 invalid_request: use POST here')
  t.match(await told(await postForm(`${url}?grant_type=client_credentials`, {}, basic(SYNC))), /belong in the body/)
})
