// SQLite alone: is about what commands print; test/admin/admin-api-apps.ts does the same on both databases

import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, LINES, startWithTessera, words } from '../fixtures/cli/cli.ts'
import { obtainCode, PKCE, redeem, VERIFIER } from '../fixtures/clients/code-flow.ts'
import { requestServiceToken } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { SPA, SYNC, WEB } from '../fixtures/instance/world.ts'
import { bytesAtRest } from '../fixtures/store/database.ts'

const SHOP = 'my.trusted.app/shop'

await t.test('the lines scripts rely on make users and apps, and what they print works', async (t) => {
  const { instance, tessera, secretOf } = await startWithTessera(t)
  const david = await documentOf(tessera(words(LINES.david), `${PASSWORD}\n`))
  t.match(david, { login: 'david', type: 'InternalUser', email: 'david@example.com', id: /^[0-9a-f-]{36}$/ })
  t.match(await documentOf(tessera(words(LINES.system))), { login: 'svc.sync', type: 'SystemUserNoLogin' })

  await t.test('--web', async (t) => {
    const printed = await documentOf(tessera(words(LINES.web)))
    const { issuer } = instance
    matchesWhole(t, printed, {
      client_id: WEB,
      issuer,
      discovery: `${issuer}/.well-known/openid-configuration`,
      authorization_endpoint: `${issuer}/connect/authorize`,
      token_endpoint: `${issuer}/connect/token`,
      userinfo_endpoint: `${issuer}/connect/userinfo`,
      revocation_endpoint: `${issuer}/connect/revocation`,
      introspection_endpoint: `${issuer}/connect/introspect`,
      end_session_endpoint: `${issuer}/connect/endsession`,
      token_endpoint_auth_method: 'client_secret_basic',
      redirect_uris: ['https://app.example.com/cb', 'https://app.example.com/two'],
      post_logout_redirect_uris: ['https://app.example.com/bye'],
      Name: 'Web shop',
      ClientType: 'Confidential',
      Scope: 'read update',
      ImpersonateAsInternalUserAllowed: true,
      ImpersonateAsCommunityUserAllowed: false,
      SystemUserAllowed: false,
      RequirePkce: true,
      warnings: [],
    })
    const discovery = (await (await fetch(String(printed['discovery']))).json()) as Record<string, unknown>
    for (const [name, value] of Object.entries(printed)) {
      if (/_endpoint$|^issuer$|^jwks_uri$/.test(name)) t.equal(discovery[name], value, `${name} is the server's own`)
    }
    const secret = String(printed['client_secret'])
    const code = await obtainCode(instance, { scope: 'openid read', ...PKCE })
    const tokens = tokensOf(await redeem(instance, code, { code_verifier: VERIFIER }, basic(WEB, secret)))
    t.equal(claimsOf(tokens.access_token)['sub'], david['id'])

    const shown = await tessera(['app', 'show', WEB, '--json'])
    const listed = await tessera(['app', 'list', '--json'])
    t.notOk(`${shown.stdout}${listed.stdout}`.includes(secret), 'the secret is shown once and never again')
    t.notOk((await bytesAtRest(instance)).includes(secret))
  })

  await t.test('--spa', async (t) => {
    const printed = await documentOf(tessera(words(LINES.spa)))
    t.match(printed, { client_id: SPA, ClientType: 'Public', RequirePkce: true, token_endpoint_auth_method: 'none' })
    t.notOk('client_secret' in printed, 'a Public app has no secret')
    const redirect = { redirect_uri: 'http://localhost:5082/' }
    const code = await obtainCode(instance, { client_id: SPA, ...redirect, scope: 'openid read', ...PKCE })
    const fields = { client_id: SPA, ...redirect, code_verifier: VERIFIER }
    t.equal(tokensOf(await redeem(instance, code, fields, {})).scope, 'openid read')
  })

  await t.test('--service', async (t) => {
    const tokens = tokensOf(await requestServiceToken(instance, basic(SYNC, await secretOf(LINES.sync))))
    t.match(claimsOf(tokens.access_token), { scope: 'read update', client_system_user: 'svc.sync' })
  })

  await t.test('--hybrid', async (t) => {
    const secret = await secretOf(LINES.shop)
    t.equal((await requestServiceToken(instance, basic(SHOP, secret))).status, 200)
    const redirect = { redirect_uri: 'https://shop.example.com/cb' }
    const code = await obtainCode(instance, { client_id: SHOP, ...redirect, ...PKCE })
    const fields = { ...redirect, code_verifier: VERIFIER }
    t.equal((await redeem(instance, code, fields, basic(SHOP, secret))).status, 200)
  })

  await t.test('list and show print records for people and for scripts', async (t) => {
    const list = await tessera(['app', 'list'])
    t.match(list.stdout, /^APPLICATION URI +NAME +TYPE +SIGNS IN +ACTS AS +SCOPE +STATE\n/)
    t.match(list.stdout, /^my\.trusted\.app\/web +Web shop +Confidential +internal +- +read update +enabled$/m)
    t.match(list.stdout, /^my\.trusted\.app\/sync +\S+ +Confidential +- +svc\.sync +read update +enabled$/m)
    const records = JSON.parse((await tessera(['app', 'list', '--json'])).stdout) as Record<string, unknown>[]
    t.strictSame(
      records.map((record) => record['ApplicationUri']),
      [SHOP, SYNC, SPA, WEB],
      'the newest first',
    )
    const show = await tessera(['app', 'show', WEB])
    t.match(
      show.stdout,
      /^ {2}ImpersonateLoginUrl +https:\/\/app\.example\.com\/cb\n {3,}https:\/\/app\.example\.com\/two$/m,
    )
    matchesWhole(t, await documentOf(tessera(['app', 'show', SYNC, '--json'])), {
      ApplicationUri: SYNC,
      SystemUser: 'svc.sync',
      IsEnabled: true,
      Secrets: [{ ExpiresAt: null }],
    })
  })

  await t.test('without --json people read the same', async (t) => {
    const { code, stdout, stderr } = await tessera(
      words('app register my.trusted.app/second --service --system-user svc.sync --scope read'),
    )
    t.equal(code, 0)
    const secret = /^ {2}client_secret +(\S+)$/m.exec(stdout)?.[1] ?? ''
    t.equal((await requestServiceToken(instance, basic('my.trusted.app/second', secret))).status, 200)
    t.match(stdout, `token_endpoint              ${instance.issuer}/connect/token`)
    t.match(stderr, /The secret is shown only this once/)
  })
})
