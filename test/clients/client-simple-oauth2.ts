// SQLite alone: client-openid-client.ts sends the same requests
import { AuthorizationCode, ClientCredentials } from 'simple-oauth2'
import t from 'tap'
import { thrownBy } from '../fixtures/answers/thrown-by.ts'
import { callbackOf } from '../fixtures/clients/code-flow.ts'
import { userinfo } from '../fixtures/clients/endpoints.ts'
import { postForm } from '../fixtures/clients/http.ts'
import { SECRET } from '../fixtures/instance/instance.ts'
import { enableApp, HYBRID, SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'

const { instance } = await startWorld(t)
const { issuer } = instance

/** The library knows no discovery: paths are told, and begin with that of the issuer. */
function configuration(clientId: string, secret: string, authorizationMethod: 'header' | 'body' = 'header') {
  // docs: begin
  const { origin, pathname } = new URL(issuer)
  const config = {
    client: { id: clientId, secret },
    auth: {
      tokenHost: origin,
      authorizePath: `${pathname}/connect/authorize`,
      tokenPath: `${pathname}/connect/token`,
      revokePath: `${pathname}/connect/revocation`,
    },
  }
  // docs: end
  return { ...config, options: { authorizationMethod } }
}

/** For client credentials the library refuses a path it does not need. */
function serviceConfiguration(...given: Parameters<typeof configuration>) {
  const { auth, ...others } = configuration(...given)
  const { authorizePath: _, ...paths } = auth
  return { ...others, auth: paths }
}

const active = async (token: unknown): Promise<unknown> => {
  const fields = { client_id: WEB, client_secret: SECRET, token: String(token) }
  return ((await postForm(`${issuer}/connect/introspect`, fields)).json as { active: boolean }).active
}

for (const method of ['header', 'body'] as const) {
  await t.test(
    `credentials in the ${method}: sign-in, userinfo, refresh with and without scope, revocation`,
    async (t) => {
      const client = new AuthorizationCode(configuration(WEB, SECRET, method))
      const url = client.authorizeURL({
        redirect_uri: WEB_REDIRECT,
        scope: ['openid', 'profile', 'offline_access', 'read'],
        state: 'a/b+c=d&e f%2F',
      })
      const back = await callbackOf(instance, url)
      t.equal(back.searchParams.get('state'), 'a/b+c=d&e f%2F')
      const code = back.searchParams.get('code') ?? ''
      const first = await client.getToken({ code, redirect_uri: WEB_REDIRECT })
      t.match(first.token, { token_type: 'Bearer', expires_in: 3600, id_token: /./ })
      t.equal(first.expired(), false)
      const claimed = await userinfo({ issuer }, String(first.token['access_token']))
      t.match(claimed.json, { name: 'David Miller' })

      const second = await first.refresh()
      t.not(second.token['access_token'], first.token['access_token'])
      const third = await second.refresh({ scope: ['openid', 'read'] })
      t.equal(third.token['scope'], 'openid read')

      await second.revoke('access_token')
      t.equal(await active(second.token['access_token']), false)
      t.equal(await active(third.token['access_token']), true)
      await third.revokeAll()
      t.equal(await active(third.token['refresh_token']), false)
    },
  )
}

await t.test('client credentials, of a service and of an app that does both', async (t) => {
  for (const app of [SYNC, HYBRID]) {
    const client = new ClientCredentials(serviceConfiguration(app, SECRET))
    const { token } = await client.getToken({ scope: 'read' })
    t.match(token, { token_type: 'Bearer', scope: 'read' })
    t.notOk('refresh_token' in token)
    t.match((await client.getToken({})).token, { scope: 'read update' })
  }
})

await t.test('the developer finds the whole refusal in data.payload', async (t) => {
  const seen = (error: string, description: RegExp) => ({
    message: /^Response Error: 40[01]/,
    data: {
      payload: { error, error_description: description, error_uri: /\/error\?refusal=/, refusal_id: /^[0-9a-z]{16}$/ },
    },
  })
  const wrong = new ClientCredentials(serviceConfiguration(SYNC, 'not the secret'))
  t.match(await thrownBy(wrong.getToken({})), seen('invalid_client', /authentication is wrong or missing/))
  const right = new ClientCredentials(serviceConfiguration(SYNC, SECRET))
  t.match(await thrownBy(right.getToken({ scope: 'read openid' })), seen('invalid_scope', /openid/))
  const web = new AuthorizationCode(configuration(WEB, SECRET))
  t.match(await thrownBy(web.getToken({ code: 'no-code', redirect_uri: WEB_REDIRECT })), seen('invalid_grant', /code/))
  await enableApp(instance, SYNC, false)
  t.match(await thrownBy(right.getToken({})), seen('invalid_client', /authentication is wrong or missing/))
  await enableApp(instance, SYNC, true)
})
