import t from 'tap'
import { type Refusal, refused, refusedByPage } from '../../fixtures/answers/refusals.ts'
import { answerOf, redeem, sentTo } from '../../fixtures/clients/code-flow.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { OTHER, OTHER_REDIRECT, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

const { instance } = await startWorld(t)
const urlOf = (query: Readonly<Record<string, string>>): string =>
  `${instance.issuer}/connect/authorize?${new URLSearchParams({ client_id: OTHER, response_type: 'code', ...query })}`
const browser = createBrowser(instance.origin)

async function ask(query: Readonly<Record<string, string>>): Promise<URL> {
  return sentTo(await signInAndConsent(browser, await browser.open(urlOf(query)), 'david'))
}
const codeFor = async (query: Readonly<Record<string, string>> = { scope: 'read' }): Promise<string> =>
  (await ask(query)).searchParams.get('code') ?? ''
const asOther = (code: string, fields: Readonly<Record<string, string | undefined>>) =>
  redeem(instance, code, fields, basic(OTHER))

const MISSING: Refusal = {
  status: 400,
  error: 'invalid_request',
  description: 'parameter is missing: redirect_uri',
  cause: {},
}

await t.test('RFC 6749 §3.1.2.3: an OAuth request of an app with one redirect URI need not name it', async (t) => {
  const answer = await ask({ scope: 'read', state: 'a b' })
  t.equal(`${answer.origin}${answer.pathname}`, OTHER_REDIRECT)
  t.equal(answer.searchParams.get('state'), 'a b')
  const tokens = await asOther(answer.searchParams.get('code') ?? '', { redirect_uri: undefined })
  t.equal(tokensOf(tokens).scope, 'read')
  t.equal((await ask({ scope: 'nonsense' })).searchParams.get('error'), 'invalid_scope', 'faults go there as well')
})

await t.test('RFC 6749 §4.1.3: its token request may name the registered one, and no other', async (t) => {
  t.equal((await asOther(await codeFor(), { redirect_uri: OTHER_REDIRECT })).status, 200)
  for (const redirect_uri of [WEB_REDIRECT, `${OTHER_REDIRECT}/`]) {
    refused(t, instance, await asOther(await codeFor(), { redirect_uri }), {
      status: 400,
      error: 'invalid_grant',
      description: 'redirect_uri differs from the one in the authorization request',
      cause: { sent: redirect_uri, expected: [OTHER_REDIRECT] },
    })
  }
  const named = await codeFor({ scope: 'read', redirect_uri: OTHER_REDIRECT })
  refused(t, instance, await asOther(named, { redirect_uri: undefined }), {
    status: 400,
    error: 'invalid_grant',
    description: 'redirect_uri is missing',
    cause: { expected: OTHER_REDIRECT },
  })
})

await t.test(
  'OIDC Core §3.1.2.1: with openid it is required; so it is of an app with several, or of an unclear scope',
  async (t) => {
    const several = { client_id: WEB, scope: 'read' }
    for (const query of [{ scope: 'openid' }, { scope: 'read openid' }, { scope: 'openid', redirect_uri: '' }, several])
      refusedByPage(t, instance, await browser.open(urlOf(query)), MISSING)
    const twice = `${urlOf({ scope: 'read' })}&scope=openid`
    refusedByPage(t, instance, await browser.open(twice), { ...MISSING, description: 'parameter is repeated: scope' })
  },
)

await t.test('an answer in a form goes there, too', async (t) => {
  const view = await signInAndConsent(
    browser,
    await browser.open(urlOf({ scope: 'read', response_mode: 'form_post' })),
    'david',
  )
  t.match(view.text, `action="${OTHER_REDIRECT}"`)
  t.ok(answerOf(view).get('code'))
})
