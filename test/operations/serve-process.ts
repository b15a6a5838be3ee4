import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import * as client from 'openid-client'
import t, { type Test } from 'tap'
import { PKCE } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../fixtures/clients/endpoints.ts'
import { postForm } from '../fixtures/clients/http.ts'
import { ALIVE, createRelyingParty, lifeOf } from '../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import {
  addApp,
  addPerson,
  prepareSite,
  type ServerProcess,
  type Site,
  serve,
} from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'
import { query } from '../fixtures/store/database.ts'
import { onPostgres } from '../fixtures/store/postgres.ts'

const WEB = 'my.trusted.app/web'
const BYE = 'https://app.example.com/bye'
const WEB_FLAGS = ['--web', '--redirect-uri', WEB_REDIRECT, '--logout-uri', BYE]

interface Running {
  readonly site: Site
  readonly server: ServerProcess
  readonly secret: string
  readonly david: string
}

/** A running server with David and a web app. */
async function running(t: Test, settings: Readonly<Record<string, string>> = {}): Promise<Running> {
  const site = await prepareSite(t, settings)
  const [david, secret] = await Promise.all([addPerson(site, 'david', PASSWORD), addApp(site, WEB, ...WEB_FLAGS)])
  return { site, server: await serve(t, site), secret, david }
}

const partyOf = ({ site, secret }: Running, scope = 'openid offline_access read') =>
  createRelyingParty(site, { clientId: WEB, login: 'david', secret, scope })

/** Sends the head of a token request; the body follows when the test says so. */
async function openRequest(site: Site, agent: Agent, body: string) {
  const request = httpRequest(`${site.issuer}/connect/token`, {
    method: 'POST',
    agent,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(body)),
      expect: '100-continue',
    },
  })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  answered.catch(() => undefined)
  request.flushHeaders()
  await once(request, 'continue')
  return async () => {
    request.end(body)
    const [response] = await answered
    return { status: response.statusCode, body: await text(response) }
  }
}

await t.test('openid-client completes every flow against the process, and SIGTERM ends it cleanly', async (t) => {
  const { site, server, secret, david } = await running(t)
  await site.tessera(['user', 'add', 'svc.sync', '--type', 'SystemUserNoLogin'])
  const syncSecret = await addApp(site, 'my.trusted.app/sync', '--service', '--system-user', 'svc.sync')
  const options = { execute: [client.allowInsecureRequests] }
  const web = await client.discovery(new URL(site.issuer), WEB, secret, undefined, options)
  t.equal(web.serverMetadata().issuer, site.issuer)

  const browser = createBrowser(site.origin)
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const url = client.buildAuthorizationUrl(web, {
    redirect_uri: WEB_REDIRECT,
    scope: 'openid profile email offline_access read',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  const end = await signInAndConsent(browser, await browser.open(url.href), 'david', PASSWORD)
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }
  const tokens = await client.authorizationCodeGrant(web, end.leftTo ?? new URL(end.url), checks)
  t.equal(tokens.claims()?.sub, david)
  t.match(await client.fetchUserInfo(web, tokens.access_token, david), { sub: david, email: 'david@example.com' })
  const refreshed = await client.refreshTokenGrant(web, tokens.refresh_token ?? '')
  t.match(await client.tokenIntrospection(web, refreshed.access_token), { active: true, client_id: WEB, sub: david })
  await client.tokenRevocation(web, refreshed.refresh_token ?? '')
  t.strictSame(await client.tokenIntrospection(web, refreshed.access_token), { active: false })
  const late = await client.refreshTokenGrant(web, refreshed.refresh_token ?? '').catch((error: unknown) => error)
  t.match(late, { status: 400, error: 'invalid_grant', error_description: 'the refresh token was revoked' })
  const out = client.buildEndSessionUrl(web, {
    id_token_hint: tokens.id_token ?? '',
    post_logout_redirect_uri: BYE,
    state: 'x y',
  })
  t.equal((await browser.open(out.href)).leftTo?.href, `${BYE}?state=x%20y`)

  const sync = await client.discovery(new URL(site.issuer), 'my.trusted.app/sync', syncSecret, undefined, options)
  const service = await client.clientCredentialsGrant(sync)
  t.equal(service.scope, 'read update')
  t.match(await client.tokenIntrospection(sync, service.access_token), { active: true, client_system_user: 'svc.sync' })

  server.kill('SIGTERM')
  t.strictSame(await server.ended(), { code: 0, signal: null })
  t.equal(server.stderr(), '')
  const records = server.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  t.ok(records.length > 10 && records.every(({ level, time }) => Number(level) > 0 && Number(time) > 0))
})

await t.test('R-11: SIGTERM lets accepted requests end, on connections that are kept alive', async (t) => {
  const at = await running(t)
  const { site, server, secret } = at
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const { refresh_token: refresh } = await partyOf(at).obtainTokens()
  const fields = { grant_type: 'refresh_token', refresh_token: refresh, client_id: WEB, client_secret: secret }
  const sends = await Promise.all(
    Array.from({ length: 5 }, () => openRequest(site, agent, new URLSearchParams(fields).toString())),
  )
  server.kill('SIGTERM')
  await server.logged(({ msg }) => msg === 'stopping')
  const answers = await Promise.all(sends.map((send) => send()))
  for (const { status, body } of answers) t.equal(status, 200, body)
  t.equal(new Set(answers.map(({ body }) => body)).size, 1)
  t.strictSame(await server.ended(), { code: 0, signal: null }, 'long before anybody is cut off')
  t.equal(server.stderr(), '')

  const again = await serve(t, site)
  t.equal((await partyOf(at).refresh(JSON.parse(answers[0]?.body ?? '{}').refresh_token)).status, 200)
  again.kill('SIGINT')
  t.strictSame(await again.ended(), { code: 0, signal: null }, 'Ctrl+C does the same')
})

await t.test('R-11: a second SIGTERM does not wait', async (t) => {
  const site = await prepareSite(t)
  const server = await serve(t, site)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  await openRequest(site, agent, 'grant_type=x')
  server.kill('SIGTERM')
  await server.logged(({ msg }) => msg === 'stopping')
  server.kill('SIGTERM')
  t.strictSame(await server.ended(), { code: 1, signal: null })
})

await t.test('R-01: kill -9 in a loop of refreshes loses nothing that was answered', async (t) => {
  const at = await running(t)
  let { server } = at
  const parties = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const party = partyOf(at)
      const revoked = await party.obtainTokens()
      t.equal((await party.revoke(revoked.refresh_token)).status, 200)
      const { refresh_token: spent } = await party.obtainTokens()
      return { party, revoked, spent, tokens: tokensOf(await party.refresh(spent)) }
    }),
  )
  for (let round = 1; round <= 3; round++) {
    const killed = round * 10
    let answered = 0
    await Promise.all(
      parties.map(async (each) => {
        for (;;) {
          try {
            const answer = await each.party.refresh(each.tokens.refresh_token)
            each.spent = each.tokens.refresh_token
            each.tokens = tokensOf(answer)
          } catch (error) {
            if (error instanceof TypeError) return
            throw error
          }
          if (++answered === killed) server.kill('SIGKILL')
        }
      }),
    )
    t.strictSame(await server.ended(), { code: null, signal: 'SIGKILL' }, `round ${round}: killed in the middle`)
    t.ok(answered >= killed, `${answered} refreshes were answered`)
    server = await serve(t, at.site)
    if (!onPostgres) t.strictSame(await query(at.site, 'pragma integrity_check'), [{ integrity_check: 'ok' }])
    for (const each of parties) {
      t.equal((await each.party.userinfo(each.tokens.access_token)).status, 200, 'what was answered last lives')
      // It may have been rotated by a request that the kill cut off; the replay window is there for this.
      const next = await each.party.refresh(each.tokens.refresh_token)
      t.equal(next.status, 200, next.text)
      each.tokens = tokensOf(next)
      t.equal(await lifeOf(each.party, each.tokens), ALIVE)
      t.equal((await each.party.introspect(each.spent)).json['active'], false, 'what was spent stays spent')
      t.equal(
        refusalOf(await each.party.refresh(each.revoked.refresh_token)),
        '400 invalid_grant: the refresh token was revoked',
      )
    }
  }
})

await t.test('a port that is taken gives one clear line and exit code 1', async (t) => {
  const site = await prepareSite(t)
  const { port } = new URL(site.origin)
  const other = createServer().listen(Number(port), '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const outcome = await site.tessera(['serve'])
  const line = `127.0.0.1:${port} is in use by another process; stop it, or choose another port with TESSERA_LISTEN\n`
  t.strictSame(outcome, { code: 1, stdout: '', stderr: line }, 'without a stack trace')
})

await t.test('the log of a whole sign-in and of refusals holds what helps and nothing secret', async (t) => {
  const at = await running(t, { TESSERA_LOG_LEVEL: 'trace' })
  const { site, server, secret } = at
  const party = partyOf(at)
  const canaries = new Map([
    ['password', PASSWORD],
    ['wrong password', 'canary-of-the-wrong-password'],
    ['client secret', secret],
    ['wrong client secret', 'canary-of-the-wrong-secret'],
    ['unknown code', 'canary-of-an-unknown-code'],
    ['unknown refresh token', 'canary-of-an-unknown-refresh-token'],
    ['bearer token', 'canary.of.a-bearer-token'],
    ['cookie', 'canary-of-a-cookie'],
    ['basic credentials', Buffer.from(`${WEB}:canary-of-basic`).toString('base64')],
    ['query', 'canary-in-a-query'],
  ])
  const canary = (name: string): string => canaries.get(name) ?? ''

  const stranger = createBrowser(site.origin)
  const url = authorizeUrl(site as never, {
    client_id: WEB,
    redirect_uri: WEB_REDIRECT,
    state: canary('query'),
    ...PKCE,
  })
  const denied = await signInAndConsent(stranger, await stranger.open(url), 'david', canary('wrong password'))
  t.equal(denied.status, 401)
  const code = await party.obtainCode()
  const tokens = tokensOf(await party.redeem(code))
  const second = tokensOf(await party.refresh(tokens.refresh_token))
  for (const [name, value] of Object.entries({
    ...code,
    access: tokens.access_token,
    refresh: tokens.refresh_token,
    id: tokens.id_token,
  }))
    canaries.set(name, value)
  canaries.set('second access', second.access_token).set('second refresh', second.refresh_token)
  for (const cookie of [
    ...(await party.browser.jar.getCookies(site.issuer)),
    ...(await stranger.jar.getCookies(site.issuer)),
  ])
    canaries.set(`cookie ${cookie.key} ${cookie.value.slice(0, 4)}`, cookie.value)

  const token = `${site.issuer}/connect/token`
  const cookie = { cookie: `tessera-session=${canary('cookie')}; session=${canary('cookie')}` }
  const grant = { grant_type: 'client_credentials', client_id: WEB }
  const refusals = [
    [await party.redeem(code), { error: 'invalid_grant', endpoint: '/id/connect/token' }],
    [await party.redeem({ ...code, code: canary('unknown code') }), { error: 'invalid_grant' }],
    [await party.refresh(canary('unknown refresh token')), { error: 'invalid_grant' }],
    [
      await postForm(token, { ...grant, client_secret: canary('wrong client secret') }, cookie),
      { error: 'invalid_client' },
    ],
    [
      await postForm(
        token,
        { grant_type: 'client_credentials' },
        { authorization: `Basic ${canary('basic credentials')}` },
      ),
      { error: 'invalid_client' },
    ],
    [
      await postForm(`${token}?code=${canary('query')}`, { ...grant, client_secret: secret }),
      { error: 'invalid_request' },
    ],
    [await postForm(token, { ...grant, client_secret: secret }), { error: 'unauthorized_client' }],
    [
      await party.requestToken({ grant_type: 'password', username: 'david', password: PASSWORD }),
      { error: 'unsupported_grant_type' },
    ],
    [await party.userinfo(canary('bearer token')), { error: 'invalid_token', endpoint: '/id/connect/userinfo' }],
  ] as const
  const page = await stranger.open(
    authorizeUrl(site as never, {
      client_id: WEB,
      redirect_uri: 'https://app.example.com/cb2',
      state: canary('query'),
    }),
  )
  await party.browser.open(`${site.issuer}/connect/endsession?id_token_hint=${tokens.id_token}`)
  server.kill('SIGTERM')
  t.strictSame(await server.ended(), { code: 0, signal: null })

  const records = server.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const underId = (id: unknown) => records.filter(({ refusal }) => refusal === id)
  for (const [answer, expected] of refusals) {
    t.equal(answer.json['error'], expected.error, answer.text)
    const [record, ...others] = underId(answer.json['refusal_id'])
    t.strictSame(others, [])
    t.match(record, { ...expected, status: answer.status, description: answer.json['error_description'] })
    t.ok(record?.['cause'] && typeof record['cause'] === 'object', 'the operator has a place for details')
  }
  const [mismatch] = underId(page.page.querySelector('#refusal-id')?.text.trim())
  t.match(mismatch, { error: 'invalid_request', endpoint: '/id/connect/authorize' })
  t.match(JSON.stringify(mismatch?.['cause']), /https:\/\/app\.example\.com\/cb2/, 'what was sent')
  t.match(JSON.stringify(mismatch?.['cause']), /https:\/\/app\.example\.com\/cb"/, 'and what is registered')
  t.equal(records.filter(({ audit }) => (audit as { event?: string } | undefined)?.event === 'sign_in').length, 1)
  t.equal(
    records.filter(({ audit }) => (audit as { event?: string } | undefined)?.event === 'sign_in_failed').length,
    1,
  )

  const log = `${server.lines.join('\n')}\n${server.stderr()}`
  t.ok(canaries.size > 18, `${canaries.size} values are looked for in ${records.length} records`)
  for (const [name, value] of canaries) {
    t.ok(value.length >= 16, `${name} can be told from other text`)
    for (const spelling of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)])
      t.notOk(log.includes(spelling), `${name} is not in the log`)
  }
})

/** Connections that the system holds for a process that has not come to them yet. */
const queueOfSystem = (): number => {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'))
  } catch {
    return 0
  }
}

const RUSH = 1000
await t.test(
  'a rush while the process is busy: nobody is turned away',
  { skip: queueOfSystem() < RUSH && 'this system lets fewer wait' },
  async (t) => {
    const site = await prepareSite(t)
    const server = await serve(t, site)
    const port = Number(new URL(site.origin).port)
    // As one that hashes, or collects garbage.
    server.kill('SIGSTOP')
    const sockets = Array.from({ length: RUSH }, () => connect(port, '127.0.0.1'))
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
    })
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    server.kill('SIGCONT')
    const ended = sockets.map((socket) => text(socket))
    for (const socket of sockets) socket.write('GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const answers = await Promise.all(ended)
    t.strictSame([...new Set(answers.map((answer) => answer.slice(0, 12)))], ['HTTP/1.1 200'])
  },
)
