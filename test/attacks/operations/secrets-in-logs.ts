import t, { type Test } from 'tap'
import { addTool, createAdminApi, TOOL } from '../../fixtures/admin/admin.ts'
import { databaseHoldsNoSecret, logHoldsNoSecret } from '../../fixtures/answers/refusals.ts'
import { noteSecret } from '../../fixtures/answers/secrets.ts'
import { canary } from '../../fixtures/attacks/attacks.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { ASSERTION_TYPE, assertionClaims, jwksOf, makeKey, signAs } from '../../fixtures/clients/app-keys.ts'
import { answerOf, authorize, challengeOf } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, requestServiceToken, requestToken, serviceToken } from '../../fixtures/clients/endpoints.ts'
import { basic, bearer, postForm } from '../../fixtures/clients/http.ts'
import { registerClient } from '../../fixtures/clients/registration.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

const SETTINGS = { TESSERA_REGISTRATION: 'open', TESSERA_REQUEST_OBJECTS: 'true' }
const { instance, service } = await startWorld(t, SETTINGS)
const endpoint = (name: string): string => `${instance.issuer}/connect/${name}`
const tessera = tesseraOn(instance)
const printed: string[] = []

/** Runs a command; what it prints on stderr is a log as well. */
async function run(args: readonly string[], input?: string) {
  const { code, stdout, stderr } = await tessera(args, input)
  printed.push(stderr)
  if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
  return stdout
}

/** Everything secret in the record of a command that prints one once. */
function noteAll(text: string): Record<string, string> {
  const record = JSON.parse(text) as Record<string, string>
  for (const name of ['client_secret', 'token', 'password', 'secret']) if (record[name]) noteSecret(record[name])
  return record
}

/** Nothing of it in the log so far: the flow that wrote it down is named. */
const isSilent = (t: Test): void => {
  logHoldsNoSecret(t, instance)
  t.ok(instance.log.length > 0)
}

await t.test('LG-31: canaries of every flow are in no log at its most talkative', async (t) => {
  const password = canary('password')
  const verifier = canary('verifier')
  const browser = createBrowser(instance.origin)
  let tokens = { access_token: '', refresh_token: '', id_token: '' }

  await t.test('an account and its password, by the command line', async (t) => {
    await run(['user', 'set-password', 'david', '--password-stdin', '--json'], password)
    noteAll(await run(['user', 'add', 'ella', '--generate-password', '--json']))
    isSilent(t)
  })
  await t.test('sign-in, wrong and right, and consent', async (t) => {
    const url = authorizeUrl(instance, {
      client_id: WEB,
      redirect_uri: WEB_REDIRECT,
      scope: 'openid offline_access read',
      state: canary('state'),
      nonce: 'n-0123456789',
      code_challenge: challengeOf(verifier),
      code_challenge_method: 'S256',
      login_hint: canary('hint'),
    })
    const page = await browser.open(url)
    noteSecret(page.page.querySelector('input[name=csrf]')?.getAttribute('value') ?? '')
    noteSecret(new URL(page.url).searchParams.get('interaction') ?? '')
    const wrong = await browser.submit(page, 'login-submit', { username: 'david', password: canary('guess') })
    const code = answerOf(await signInAndConsent(browser, wrong, 'david', password)).get('code') ?? ''
    noteSecret(code)
    for (const { value } of await browser.jar.getCookies(instance.origin)) noteSecret(value)
    const fields = { grant_type: 'authorization_code', code, redirect_uri: WEB_REDIRECT, code_verifier: verifier }
    t.equal((await requestToken(instance, { ...fields, code_verifier: canary('other') }, basic(WEB))).status, 400)
    isSilent(t)
  })
  await t.test('code and refresh', async (t) => {
    const asked = {
      scope: 'openid offline_access read',
      code_challenge: challengeOf(verifier),
      code_challenge_method: 'S256',
    }
    const answer = answerOf(await authorize(instance, asked, { browser }))
    const code = answer.get('code') ?? ''
    noteSecret(code)
    const fields = { grant_type: 'authorization_code', code, redirect_uri: WEB_REDIRECT, code_verifier: verifier }
    const first = tokensOf(await requestToken(instance, fields, basic(WEB)))
    const refresh = { grant_type: 'refresh_token', refresh_token: first.refresh_token }
    tokens = tokensOf(await requestToken(instance, refresh, basic(WEB)))
    t.equal((await requestToken(instance, { ...refresh, refresh_token: canary('refresh') }, basic(WEB))).status, 400)
    isSilent(t)
  })
  await t.test('client credentials, and secrets where they do not belong', async (t) => {
    tokensOf(await requestServiceToken(instance))
    const sent: [Record<string, string>, Record<string, string>][] = [
      [{ client_id: SYNC, client_secret: canary('secret') }, {}],
      [{}, basic(SYNC, canary('secret'))],
      [{}, { authorization: `Basic ${Buffer.from(`${canary('secret')}:${SYNC}`).toString('base64')}` }],
      [{}, { authorization: `Basic ${canary('secret')}` }],
      [{}, { authorization: `Basic ${Buffer.from(canary('secret')).toString('base64')}` }],
      [{}, { authorization: canary('secret') }],
    ]
    for (const [fields, headers] of sent)
      t.ok((await requestServiceToken(instance, headers, { ...fields })).status >= 400)
    const query = new URLSearchParams({
      client_secret: canary('secret'),
      code: canary('code'),
      refresh_token: canary('refresh'),
    })
    t.equal((await postForm(`${endpoint('token')}?${query}`, {}, basic(SYNC))).status, 400)
    isSilent(t)
  })
  await t.test('userinfo, introspection and revocation', async (t) => {
    t.equal((await fetch(endpoint('userinfo'), { headers: bearer(tokens.access_token) })).status, 200)
    t.equal((await fetch(endpoint('userinfo'), { headers: bearer(canary('token')) })).status, 401)
    await fetch(`${endpoint('userinfo')}?access_token=${canary('token')}`)
    for (const token of [tokens.access_token, tokens.refresh_token, canary('token')])
      t.equal((await postForm(endpoint('introspect'), { token }, basic(WEB))).status, 200)
    for (const key of ['x-api-key', 'api-key'])
      await fetch(`${instance.origin}/profile/me`, { headers: { [key]: canary('key') } })
    t.equal((await postForm(endpoint('revocation'), { token: canary('token') }, basic(WEB))).status, 200)
    isSilent(t)
  })
  await t.test('an app that registers itself', async (t) => {
    const client = await registerClient(instance)
    const headers = { ...bearer(client.registration_access_token), 'content-type': 'application/json' }
    t.equal((await fetch(client.registration_client_uri, { headers })).status, 200)
    t.equal((await fetch(client.registration_client_uri, { headers: bearer(canary('registration')) })).status, 401)
    isSilent(t)
  })
  await t.test('assertions and request objects', async (t) => {
    const key = await makeKey('ES256')
    const applicationUri = 'my.trusted.app/keyed'
    const onItsOwn = { systemUserAllowed: true, systemUser: service.id, scope: ['read'] }
    const keyed = { tokenEndpointAuthMethod: 'private_key_jwt', jwks: jwksOf(key) } as const
    await instance.addApp({ applicationUri, ...onItsOwn, ...keyed }, canary('unused'))
    const assertion = await signAs(key, assertionClaims(instance, applicationUri))
    noteSecret(assertion)
    const fields = {
      grant_type: 'client_credentials',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: assertion,
    }
    t.equal((await requestToken(instance, fields)).status, 200)
    t.equal((await requestToken(instance, fields)).status, 401)
    const request = await signAs(key, { client_id: WEB, state: canary('state') })
    noteSecret(request)
    await browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, request }))
    isSilent(t)
  })
  await t.test('reference tokens and app secrets, by the command line', async (t) => {
    const policy = ['AccessTokens=AuthenticatedUsers'].flatMap((set) => ['--set', set])
    for (const app of [WEB, SYNC]) await run(['app', 'update', app, ...policy])
    const pat = noteAll(
      await run([
        ...'token issue-pat --user david --scope read --expires 30d --description x --json --app'.split(' '),
        WEB,
      ]),
    )
    const sat = noteAll(
      await run([...'token issue-sat --scope read --expires 30d --description x --json --app'.split(' '), SYNC]),
    )
    for (const { token = '' } of [pat, sat]) {
      t.match(token, /^enrt_/)
      t.equal((await postForm(endpoint('introspect'), { token }, basic(WEB))).status, 200)
      await fetch(`${instance.origin}/profile/me`, { headers: { 'x-api-key': token } })
    }
    noteAll(await run(['app', 'rotate-secret', SYNC, '--json']))
    isSilent(t)
  })
  await t.test('the administration API', async (t) => {
    await addTool(instance)
    const api = createAdminApi(instance, await serviceToken(instance, TOOL))
    t.equal((await api.put('/users/anna/password', { password: canary('password') })).status < 300, true)
    t.ok((await api.put('/users/anna/password', { password: '', isAdmin: canary('value') })).status >= 400)
    t.equal((await createAdminApi(instance, canary('token')).get('/users')).status, 401)
    isSilent(t)
  })
  await t.test('signing out', async (t) => {
    const hint = { id_token_hint: tokens.id_token, state: canary('state') }
    await browser.open(`${endpoint('endsession')}?${new URLSearchParams(hint)}`)
    await browser.open(`${endpoint('endsession')}?${new URLSearchParams({ id_token_hint: canary('hint') })}`)
    isSilent(t)
  })
  await t.test('what the command line printed as a complaint, and what is kept', async (t) => {
    t.notMatch(printed.join('\n'), /canary-/)
    await databaseHoldsNoSecret(t, instance)
  })
})
