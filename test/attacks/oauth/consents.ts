import t from 'tap'
import { addTool, appPath, createAdminApi, TOOL } from '../../fixtures/admin/admin.ts'
import { isRefused, isTold } from '../../fixtures/answers/outcomes.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { answerOf, authorize, obtainTokens, PKCE, redeem, refresh } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl, requestToken, serviceToken } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { HYBRID, HYBRID_REDIRECT, NATIVE, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

const ODD = 'my.trusted.app/odd'
const GRANT = 'urn:ietf:params:oauth:grant-type:'

/** Names that would make people read something else than what is there. */
const MISLEADING: Readonly<Record<string, string>> = {
  'text turned round': 'Web \u202egnp.exe',
  'text turned round and isolated': 'Web \u2067shop\u2069',
  'a mark of direction': 'Web shop\u200f',
  'an invisible space': 'Web\u200bshop',
  'an invisible filler': 'Web\u3164shop',
  'a blank that is none': '\u2800\u2800',
  'a line break': 'Web shop\r\nVerified by the bank',
  'a terminal command': 'Web \u001b[31mshop',
  '201 characters': 'W'.repeat(201),
  '10,000 characters': 'W'.repeat(10_000),
  'nothing to see': '   ',
}

/** Names that look like that of another app; people are shown where they will be led. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  'Cyrillic letters': 'W\u0435b sh\u043ep',
  'fullwidth letters': '\uff37\uff45\uff42 shop',
  markup: '</bdi><script>alert(1)</script><bdi>Web shop',
  'an entity': '&lt;b&gt;Web shop&#x202e;',
  'a template': '<%= it.csrf %>#{app}{{app}}',
  'another address': 'https://app.example.com',
  'words of our own page': 'Web shop. You will be taken to https://app.example.com',
}

await attackGroup(t, 'H. Consent', async ({ instance, attack }) => {
  const { issuer } = instance
  const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, state: 's' }
  const signIn = async (login: string, parameters: Readonly<Record<string, string>> = {}) => {
    const browser = createBrowser(instance.origin)
    const page = await browser.open(authorizeUrl(instance, { ...request, ...parameters }))
    return { browser, view: await browser.submit(page, 'login-submit', { username: login, password: PASSWORD }) }
  }

  await attack(
    'CS-02',
    'the form posted twenty times at once: one code at most, and one consent',
    async (t) => {
      const { browser, view } = await signIn('david')
      const views = await Promise.all(Array.from({ length: 20 }, () => browser.submit(view, 'consent-approve')))
      const codes = new Set(views.filter(({ leftTo }) => leftTo).map((end) => answerOf(end).get('code') ?? ''))
      t.ok(codes.size >= 1)
      const statuses = []
      for (const code of codes) statuses.push((await redeem(instance, code)).status)
      t.equal(statuses.filter((status) => status === 200).length, 1, JSON.stringify(statuses))
    },
    { changes: true },
  )
  await attack(
    'CS-02',
    'after somebody else has signed in with the same browser, and after signing out',
    async (t) => {
      const { browser, view } = await signIn('david', { prompt: 'consent' })
      await browser.submit(await browser.open(endSessionUrl({ issuer })), 'logout-confirm')
      const nobody = await browser.submit(view, 'consent-approve')
      t.ok(nobody.page.querySelector('#login-submit'), 'nobody is signed in: the sign-in page')
      const hers = await browser.submit(nobody, 'login-submit', { username: 'anna', password: PASSWORD })
      t.equal((await browser.submit(view, 'consent-approve')).status, 403)
      t.ok(hers.page.querySelector('#consent-approve'), 'she is asked herself')
    },
    { changes: true },
  )

  await addTool(instance)
  const api = createAdminApi(instance, await serviceToken(instance, TOOL))
  const odd = (name: string) => ({ ApplicationUri: ODD, Name: name })
  for (const [what, name] of Object.entries(MISLEADING)) {
    await attack('CS-09', `${what} is no name of an app`, async (t) => {
      const { status, text } = await api.post('/apps', {
        ...odd(name),
        ClientType: 'Public',
        ImpersonateAsInternalUserAllowed: true,
        ImpersonateLoginUrl: 'https://odd.example/cb',
      })
      t.strictSame([status, /"attribute":"Name"/.test(text)], [422, true], text)
    })
    await attack('CS-09', `${what} is no name of an app that is there`, async (t) => {
      const { status, text } = await api.patch(appPath(WEB), { Name: name })
      t.strictSame([status, /"attribute":"Name"/.test(text)], [422, true], text)
    })
    await attack('CS-09', `${what} is no name of a person`, async (t) => {
      const { status, text } = await api.patch('/users/david', { name })
      t.strictSame([status, /"attribute":"name"/.test(text)], [422, true], text)
    })
  }

  const whereOf = (view: View): string | undefined => view.page.querySelector('.where')?.text
  for (const [at, [what, name]] of Object.entries(LOOKALIKES).entries())
    await attack(
      'CS-09',
      `${what}: shown as it is, with where it really leads`,
      async (t) => {
        const applicationUri = `${ODD}-${at}`
        // The host is written with a Cyrillic letter as well.
        const redirect = 'https://xn--pp-6kc.example.com/cb'
        await instance.addApp({
          applicationUri,
          name,
          impersonateAsInternalUserAllowed: true,
          impersonateLoginUrl: [redirect],
        })
        const { browser, view } = await signIn('david', { client_id: applicationUri, redirect_uri: redirect })
        t.equal(view.status, 200)
        t.equal(view.page.querySelector('bdi.app-name')?.structuredText.trim(), name.trim(), 'a text and no more')
        t.strictSame(view.page.querySelectorAll('script, .app-name *'), [])
        t.equal(whereOf(view), 'https://xn--pp-6kc.example.com (\u0430pp.example.com)', 'in ASCII first')
        t.notMatch(view.text, 'https://\u0430pp', 'nowhere as an address of its own')
        t.equal(answerOf(await browser.submit(view, 'consent-deny')).get('error'), 'access_denied')
      },
      { changes: true },
    )
  await attack(
    'CS-09',
    'a native app: the scheme it is led by',
    async (t) => {
      const native = { client_id: NATIVE, redirect_uri: 'com.example.app:/oauth', ...PKCE }
      t.equal(whereOf((await signIn('david', native)).view), 'com.example.app:')
    },
    { changes: true, unrefused: true },
  )

  const anna = createBrowser(instance.origin)
  const allowed = await obtainTokens(
    instance,
    { scope: 'openid offline_access read' },
    { login: 'anna', browser: anna },
  )
  const silent = { ...request, prompt: 'none' }
  for (const [what, parameters, redirectUri] of [
    ['a silent request for more', { scope: 'openid read update' }, WEB_REDIRECT],
    ['a silent request for a protocol scope', { scope: 'openid email' }, WEB_REDIRECT],
    ['a silent request for another claim', { scope: 'openid profile' }, WEB_REDIRECT],
    [
      'a silent request of an app nobody allowed',
      { client_id: HYBRID, redirect_uri: HYBRID_REDIRECT },
      HYBRID_REDIRECT,
    ],
  ] as const)
    await attack('CS-11', `${what}: consent_required`, async (t) => {
      const view = await anna.open(authorizeUrl(instance, { ...silent, ...parameters }))
      isTold(t, instance, view, 'consent_required', { redirectUri, state: 's' })
    })
  await attack('CS-11', 'code id_token, silently: nothing in the front channel either', async (t) => {
    const hybrid = { client_id: HYBRID, redirect_uri: HYBRID_REDIRECT, response_type: 'code id_token', nonce: 'n' }
    const view = await anna.open(authorizeUrl(instance, { ...silent, ...hybrid }))
    isTold(t, instance, view, 'consent_required', { redirectUri: HYBRID_REDIRECT, state: 's' })
  })
  await attack('CS-11', 'a refresh for more than was allowed', async (t) =>
    isRefused(t, await refresh(instance, allowed.refresh_token, { scope: 'openid read update' }), 'invalid_scope'),
  )
  await attack(
    'CS-11',
    'an app on its own account speaks for nobody',
    async (t) => {
      const fields = {
        grant_type: 'client_credentials',
        username: 'anna',
        sub: claimsOf(allowed.id_token)['sub'] as string,
      }
      const { access_token } = tokensOf(await requestToken(instance, fields, basic(HYBRID)))
      const { sub, id, auth_time, client_system_user } = claimsOf(access_token)
      t.strictSame([sub, id, auth_time, client_system_user], [HYBRID, undefined, undefined, 'svc.sync'])
    },
    { changes: true, unrefused: true },
  )
  for (const [name, fields] of Object.entries({
    'jwt-bearer, with an ID token of hers': { grant_type: `${GRANT}jwt-bearer`, assertion: allowed.id_token },
    'jwt-bearer, with an access token of hers': { grant_type: `${GRANT}jwt-bearer`, assertion: allowed.access_token },
    'token-exchange': {
      grant_type: `${GRANT}token-exchange`,
      subject_token: allowed.access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
    device_code: { grant_type: `${GRANT}device_code`, device_code: 'x' },
    CIBA: { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: 'x' },
    password: { grant_type: 'password', username: 'anna', password: PASSWORD },
  }))
    await attack('CS-11', `${name}: not offered, so that no consent is passed by`, async (t) =>
      isRefused(t, await requestToken(instance, fields, basic(HYBRID)), 'unsupported_grant_type'),
    )
  await attack(
    'CS-11',
    'what she allowed is still what she allowed',
    async (t) => {
      const view = await authorize(instance, { scope: 'openid offline_access read', prompt: 'none' }, { browser: anna })
      t.ok(answerOf(view).get('code'))
    },
    { changes: true, unrefused: true },
  )
})
