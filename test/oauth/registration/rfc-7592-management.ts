import t, { type Test } from 'tap'
import { auditOf } from '../../fixtures/admin/admin.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { logHoldsNoSecret, refused } from '../../fixtures/answers/refusals.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { jwksOf, makeKey } from '../../fixtures/clients/app-keys.ts'
import { obtainCode, PKCE, redeem, VERIFIER } from '../../fixtures/clients/code-flow.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic, type Json, send } from '../../fixtures/clients/http.ts'
import { type Client, clientOf, METADATA, manage, registerClient } from '../../fixtures/clients/registration.ts'
import { enableApp, startWorld, WEB } from '../../fixtures/instance/world.ts'

const { instance } = await startWorld(t, {
  TESSERA_REGISTRATION: 'open',
  TESSERA_REGISTRATION_HOURLY: '1000',
  TESSERA_REGISTRATION_SCOPES: 'read',
})
const tessera = tesseraOn(instance)
const [REDIRECT] = METADATA.redirect_uris

const turnedDown = (t: Test, response: Answer, cause: string) =>
  refused(t, instance, response, {
    status: 401,
    error: 'invalid_token',
    description: 'the registration access token is not valid for this client',
    cause: { rule: 'registration-token-bad', cause },
  })
const show = async ({ client_id }: Client) =>
  JSON.parse((await tessera(['app', 'show', client_id, '--json'])).stdout) as Json
const knows = async (client: Client, secret = client.client_secret): Promise<boolean> => {
  const fields = { grant_type: 'authorization_code', code: 'x', redirect_uri: REDIRECT }
  const response = await requestToken(instance, fields, basic(client.client_id, secret))
  return (response.json as Json)['error'] === 'invalid_grant'
}

await t.test('GET tells what is registered, and never the secret again', async (t) => {
  const client = await registerClient(instance, { contacts: ['ops@rp.example.com'], default_max_age: 60 })
  const response = await manage(client, 'GET')
  t.equal(response.headers.get('cache-control'), 'no-store')
  const { client_secret, client_secret_expires_at, ...rest } = client
  t.strictSame(clientOf(response, 200), rest)
})

await t.test('an administrator changed the record: GET tells the truth', async (t) => {
  const client = await registerClient(instance)
  const set = ['--set', 'Name=Renamed', '--set', 'Scope=update']
  t.equal((await tessera(['app', 'update', client.client_id, ...set])).code, 0)
  const told = clientOf(await manage(client, 'GET'), 200)
  t.match(told, { client_name: 'Renamed', scope: 'openid profile email phone address offline_access update' })
})

await t.test('PUT takes the place of all that was said; what an administrator decided stays', async (t) => {
  const client = await registerClient(instance, { logo_uri: 'https://rp.example.com/logo.png', scope: 'openid read' })
  const set = ['--set', 'AccessTokenLifetime=90', '--set', 'RequirePkce=true']
  t.equal((await tessera(['app', 'update', client.client_id, ...set])).code, 0)
  const other = { redirect_uris: ['https://rp.example.com/new'], client_id: client.client_id }
  const told = clientOf(await manage(client, 'PUT', { ...other, client_secret: client.client_secret }), 200)
  matchesWhole(t, told, { ...other, client_name: client.client_id, scope: /offline_access read$/ })
  t.notOk('logo_uri' in told || 'client_secret' in told)
  t.equal(told.registration_access_token, client.registration_access_token)
  matchesWhole(t, await show(client), {
    AccessTokenLifetime: 90,
    RequirePkce: true,
    LogoUri: null,
    SelfRegistered: true,
  })
  t.ok(await knows(client), 'the secret goes on')
  const updates = (await auditOf(instance, { app: client.client_id })).filter(({ event }) => event === 'app_updated')
  t.match(
    updates.find(({ actor }) => actor === `app:${client.client_id}`),
    { address: '127.0.0.1' },
  )
})

/** What an app says of itself, and what an administrator leaves of it. */
const NARROWED: readonly (readonly [member: string, said: unknown, set: string, left: unknown])[] = [
  ['redirect_uris', [REDIRECT, 'https://rp.example.com/evil'], `ImpersonateLoginUrl=${REDIRECT}`, [REDIRECT]],
  [
    'post_logout_redirect_uris',
    [`${REDIRECT}/a`, `${REDIRECT}/b`],
    `ImpersonateLogoutUrl=${REDIRECT}/b`,
    [`${REDIRECT}/b`],
  ],
  ['scope', 'openid read', 'Scope=', 'openid profile email phone address offline_access'],
  ['response_types', ['code', 'code id_token'], 'ResponseTypes=code', ['code']],
  ['client_name', 'Your bank', 'Name=Not a bank', 'Not a bank'],
  ['logo_uri', 'https://rp.example.com/bank.png', 'LogoUri=', undefined],
  ['subject_type', 'public', 'SubjectType=pairwise', 'pairwise'],
  ['default_max_age', 3600, 'DefaultMaxAge=60', 60],
  ['contacts', ['a@rp.example.com', 'b@rp.example.com'], 'Contacts=a@rp.example.com', ['a@rp.example.com']],
  ['userinfo_signed_response_alg', 'RS256', 'UserinfoSignedResponseAlg=ES256', 'ES256'],
]

await t.test('PUT does not undo what an administrator narrowed, however often it is sent', async (t) => {
  const said = Object.fromEntries(NARROWED.map(([member, value]) => [member, value]))
  for (const [member, , set, left] of NARROWED) {
    const client = await registerClient(instance, said)
    t.equal((await tessera(['app', 'update', client.client_id, '--set', set])).code, 0)
    const put = (body: Json) => manage(client, 'PUT', { ...body, client_id: client.client_id })
    const wide = clientOf(await put(said), 200)
    t.strictSame(wide[member], left, member)
    const {
      client_secret_expires_at,
      registration_access_token,
      registration_client_uri,
      client_id_issued_at,
      ...told
    } = wide
    t.strictSame(clientOf(await put(told), 200)[member], left, `${member}, as it was told`)
    t.strictSame(clientOf(await put(said), 200)[member], left, `${member}, and then wide again`)
  }
})

await t.test('PUT changes what no administrator decided, and may take away from what one did', async (t) => {
  const more = `${REDIRECT}/more`
  const client = await registerClient(instance, { redirect_uris: [REDIRECT], scope: 'openid' })
  const set = ['--set', `ImpersonateLoginUrl=${REDIRECT},${more}`, '--set', 'Scope=read update']
  t.equal((await tessera(['app', 'update', client.client_id, ...set])).code, 0)
  const body = { client_id: client.client_id, client_name: 'Anew', redirect_uris: [more], scope: 'openid read' }
  const told = clientOf(await manage(client, 'PUT', body), 200)
  t.strictSame([told['client_name'], told['redirect_uris']], ['Anew', [more]])
  t.match(told['scope'], /offline_access read$/)
  const other = clientOf(await manage(client, 'PUT', { ...body, redirect_uris: ['https://evil.example.com/cb'] }), 200)
  t.strictSame(other['redirect_uris'], [more], 'nor may it go elsewhere')
})

await t.test('PUT does not replace the way to prove itself, or the keys, that an administrator chose', async (t) => {
  const [one, two] = [await makeKey('ES256', 'one'), await makeKey('ES256', 'two')]
  const [own, both] = [jwksOf(one), jwksOf(one, two)].map((set) => JSON.parse(set) as Json)
  const client = await registerClient(instance, { jwks: both })
  const set = ['--set', 'TokenEndpointAuthMethod=private_key_jwt', '--set', `Jwks=${jwksOf(one)}`]
  t.equal((await tessera(['app', 'update', client.client_id, ...set])).code, 0)
  for (const weaker of [
    { token_endpoint_auth_method: 'none' },
    { token_endpoint_auth_method: 'client_secret_basic', jwks: both },
    { jwks_uri: 'https://evil.example.com/jwks' },
  ]) {
    const told = clientOf(await manage(client, 'PUT', { ...METADATA, client_id: client.client_id, ...weaker }), 200)
    t.equal(told['token_endpoint_auth_method'], 'private_key_jwt')
    t.strictSame([told['jwks'], told['jwks_uri'], told.client_secret], [own, undefined, undefined])
  }
})

await t.test('a Public app that becomes Confidential gets a secret, and loses it the other way round', async (t) => {
  const client = await registerClient(instance, { token_endpoint_auth_method: 'none' })
  const put = async (method: string) =>
    clientOf(
      await manage(client, 'PUT', { ...METADATA, client_id: client.client_id, token_endpoint_auth_method: method }),
      200,
    )
  const { client_secret: secret, client_secret_expires_at } = await put('client_secret_basic')
  t.equal(client_secret_expires_at, 0)
  t.ok(await knows(client, secret))
  t.notOk('client_secret' in (await put('none')))
  t.notOk(await knows(client, secret))
})

await t.test('PUT is validated like a registration, and nothing of a bad one happens', async (t) => {
  const client = await registerClient(instance)
  const before = await show(client)
  for (const [body, error, description] of [
    [METADATA, 'invalid_client_metadata', 'client_id: must be that of the registration'],
    [{ ...METADATA, client_id: WEB }, 'invalid_client_metadata', 'client_id: must be that of the registration'],
    [
      { ...METADATA, client_id: client.client_id, client_secret: 'my own' },
      'invalid_client_metadata',
      'client_secret: is not the one that this server issued',
    ],
    [
      { ...METADATA, client_id: WEB, logo_uri: 'x', redirect_uris: ['https://rp.example.com/#'] },
      'invalid_redirect_uri',
      'client_id: must be that of the registration; redirect_uris: https://rp.example.com/# must not have a fragment; logo_uri: must be an https URL',
    ],
    [{ client_id: client.client_id }, 'invalid_redirect_uri', 'redirect_uris: is required: people are sent back there'],
    [
      { client_id: client.client_id, redirect_uris: ['https://rp.example.com/#'] },
      'invalid_redirect_uri',
      'redirect_uris: https://rp.example.com/# must not have a fragment',
    ],
  ] as const)
    refused(t, instance, await manage(client, 'PUT', body), { status: 400, error, description })
  t.strictSame(await show(client), before)
  const narrowed = await manage(client, 'PUT', { ...METADATA, client_id: client.client_id, scope: 'update groups' })
  t.match(narrowed, { status: 200, json: { scope: 'openid profile email phone address offline_access' } })
})

await t.test('DELETE: 204, and the app is gone with all that was issued to it', async (t) => {
  const client = await registerClient(instance)
  const asked = { client_id: client.client_id, redirect_uri: REDIRECT, scope: 'openid', ...PKCE }
  const code = await obtainCode(instance, asked)
  const redeemed = await redeem(
    instance,
    code,
    { redirect_uri: REDIRECT, code_verifier: VERIFIER },
    basic(client.client_id, client.client_secret),
  )
  const { access_token } = redeemed.json as { access_token: string }
  const response = await manage(client, 'DELETE')
  t.equal(response.status, 204)
  t.equal(response.text, '')
  const headers = { authorization: `Bearer ${access_token}` }
  t.equal((await send(`${instance.issuer}/connect/userinfo`, { headers })).status, 401)
  t.equal((await tessera(['app', 'show', client.client_id])).code, 1)
  for (const method of ['GET', 'DELETE'] as const)
    await turnedDown(t, await manage(client, method), 'no app registered itself under this client_id')
})

await t.test('only the token of this very registration counts', async (t) => {
  const [client, other] = [await registerClient(instance), await registerClient(instance)]
  const cases = ['GET', 'PUT', 'DELETE'] as const
  for (const method of cases) {
    const body = method === 'PUT' ? { ...METADATA, client_id: client.client_id } : undefined
    for (const token of [other.registration_access_token, client.client_secret, 'x'])
      await turnedDown(t, await manage(client, method, body, token), 'the token belongs to another registration')
  }
  const none = await send(client.registration_client_uri)
  t.equal(none.headers.get('www-authenticate'), 'Bearer realm="tessera"')
  await turnedDown(t, none, 'no Authorization: Bearer header came with the request')
  const foreign = {
    ...client,
    registration_client_uri: `${instance.issuer}/connect/register/${encodeURIComponent(WEB)}`,
  }
  await turnedDown(t, await manage(foreign, 'GET'), 'no app registered itself under this client_id')
})

await t.test('AD-16 a disabled app cannot revive itself, nor a removed one', async (t) => {
  const client = await registerClient(instance)
  await enableApp(instance, client.client_id, false)
  const body = { ...METADATA, client_id: client.client_id, IsEnabled: true, is_enabled: true }
  for (const method of ['GET', 'PUT', 'DELETE'] as const)
    await turnedDown(
      t,
      await manage(client, method, method === 'PUT' ? body : undefined),
      'an administrator disabled the app',
    )
  t.match(await show(client), { IsEnabled: false })
  await enableApp(instance, client.client_id, true)
  t.equal((await manage(client, 'GET')).status, 200)
  t.equal((await tessera(['app', 'remove', client.client_id, '--yes'])).code, 0)
  // A name that administrators could give before, and cannot any more.
  await instance.addApp({ applicationUri: client.client_id, impersonateLoginUrl: [REDIRECT] })
  await turnedDown(t, await manage(client, 'PUT', body), 'no app registered itself under this client_id')
})

await t.test('what registered itself never acts on its own, administers, or goes without consent', async (t) => {
  const client = await registerClient(instance)
  for (const [set, reason] of [
    [
      ['SystemUserAllowed=true', 'SystemUser=svc.sync'],
      /SystemUserAllowed: cannot be set for an app that registered itself/,
    ],
    [['AdministrationAllowed=true'], /AdministrationAllowed: cannot be set for an app that registered itself/],
    [['RequireConsent=false'], /RequireConsent: must be true for an app that registered itself/],
    [['SelfRegistered=false'], /SelfRegistered cannot be changed/],
  ] as const) {
    const outcome = await tessera(['app', 'update', client.client_id, ...set.flatMap((one) => ['--set', one])])
    t.equal(outcome.code, 2, outcome.stderr)
    t.match(outcome.stderr, reason)
  }
})

await t.test('no secret is in the log', async (t) => logHoldsNoSecret(t, instance))
