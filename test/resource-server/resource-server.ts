// SQLite alone: plays the identity server itself, and stores nothing
import Fastify from 'fastify'
import t from 'tap'
import resourceServer, { protectedResourceMetadata } from '../../src/resource-server/resource-server.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { postRaw } from '../fixtures/clients/http.ts'
import { challenged } from '../fixtures/resource-server/challenged.ts'
import { startGuardedApi } from '../fixtures/resource-server/guarded-api.ts'
import { API, API_APP, ISSUER } from '../fixtures/resource-server/identity-stand-in.ts'

await t.test('RFC 6750 §2: one token, in one of three headers', async (t) => {
  const api = await startGuardedApi(t)
  const token = await api.server.sign(api.server.claims())
  for (const headers of [
    { authorization: `Bearer ${token}` },
    { authorization: `bearer  ${token}` },
    { 'x-api-key': token },
    { 'Api-Key': token },
  ])
    t.equal((await api.call(headers)).statusCode, 200, Object.keys(headers).join())
  const twice = 'a token was sent twice: use one of Authorization, X-Api-Key and Api-Key, once'
  for (const headers of [
    { authorization: `Bearer ${token}`, 'x-api-key': token },
    { authorization: `Bearer ${token}`, 'api-key': token },
    { 'x-api-key': token, 'api-key': token },
    { authorization: 'Basic eDp5', 'x-api-key': token },
  ])
    challenged(t, await api.call(headers), 400, 'invalid_request', twice)
  const malformed = (header: string): string => `the header ${header} does not contain exactly one token`
  for (const authorization of ['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a,b'])
    challenged(t, await api.call({ authorization }), 400, 'invalid_request', malformed('Authorization'))
  challenged(t, await api.call({ 'x-api-key': '' }), 400, 'invalid_request', malformed('X-Api-Key'))
  challenged(t, await api.call({ 'api-key': 'a b' }), 400, 'invalid_request', malformed('Api-Key'))
})

await t.test('RFC 6750 §2: a header that comes twice is refused, over HTTP', async (t) => {
  const api = await startGuardedApi(t)
  const token = await api.server.sign(api.server.claims())
  await api.app.listen({ port: 0, host: '127.0.0.1' })
  const address = api.app.listeningOrigin
  for (const name of ['authorization', 'x-api-key']) {
    const line = [name, name === 'authorization' ? `Bearer ${token}` : token] as const
    const answer = await postRaw(`${address}/write`, [line, line], '')
    matchesWhole(t, [answer.status, answer.json], [400, { error: 'invalid_request', error_description: /sent twice/ }])
  }
})

await t.test('RFC 6750 §3.1: a request without a token is told only that one is needed', async (t) => {
  const api = await startGuardedApi(t, { resource: 'https://api.example.com/v1', resourceName: 'Domain "API"' })
  for (const headers of [{}, { authorization: 'Basic eDp5' }]) {
    const answer = await api.call(headers)
    t.equal(answer.statusCode, 401)
    t.equal(
      answer.headers['www-authenticate'],
      `Bearer realm="Domain 'API'", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/v1"`,
    )
    t.equal(answer.json().error, 'unauthorized')
  }
})

await t.test('RFC 6750 §3.1: the scope that is missing is named', async (t) => {
  const api = await startGuardedApi(t)
  const answer = await api.callWith(await api.server.sign(api.server.claims()), '/write')
  t.equal(answer.statusCode, 403)
  t.equal(
    answer.headers['www-authenticate'],
    'Bearer realm="DomainAPI", error="insufficient_scope", ' +
      'error_description="the access token lacks the scope update delete", scope="update delete"',
  )
  t.strictSame(answer.json(), {
    error: 'insufficient_scope',
    error_description: 'the access token lacks the scope update delete',
    scope: 'update delete',
  })
  const all = api.server.claims({ scope: 'delete read update' })
  t.equal((await api.callWith(await api.server.sign(all), '/write')).body, 'written')
})

await t.test('a route is closed unless it says that it is open', async (t) => {
  const api = await startGuardedApi(t)
  const token = await api.server.sign(api.server.claims({ scope: '' }))
  t.equal((await api.call({}, '/any')).statusCode, 401)
  t.equal((await api.callWith(token, '/any')).body, 'user-1')
  t.equal((await api.call({}, '/open')).body, 'open to all')
  t.equal((await api.callWith('nonsense', '/open')).body, 'open to all', 'nobody looks at a token there')
  t.match((await api.call({}, '/open-and-wrong')).json(), { message: /the caller is unknown/ })
  t.equal((await api.call({}, '/nowhere')).statusCode, 404)
  const head = await api.app.inject({ method: 'HEAD', url: '/read' })
  t.equal(head.statusCode, 401)
})

await t.test('a slip in the config of a route stops the start', async (t) => {
  for (const config of [
    { scope: 'read', open: true },
    { scope: 7 },
    { scope: '' },
    { scope: ['a"b'] },
    { open: false },
    // A name that is mistyped where the scopes are listed.
    { scope: undefined },
    { scope: [] },
    { scope: ['read', undefined] },
    { scopes: ['read'] },
    { scope: 'read', scopes: ['update'] },
    { Scope: 'read' },
    { scpoe: 'read' },
    { requiredScopes: ['read'] },
    { opne: true },
  ]) {
    const app = Fastify()
    await app.register(resourceServer, { issuer: ISSUER, audience: API })
    t.throws(() => app.get('/x', { config: config as object }, async () => 'x'), {
      message: /^@tessera-id\/resource-server: GET \/x: .*config\.(scope|open)/,
    })
  }
  const late = Fastify()
  void late.register(resourceServer, { issuer: ISSUER, audience: API })
  late.get('/', { config: { scope: 7 } as object }, async () => 'let in')
  late.get('/scopes', { config: { scopes: ['read'] } as object }, async () => 'let in')
  for (const path of ['/', '/scopes'])
    t.equal((await late.inject(path)).statusCode, 500, `${path} was declared before the plugin was loaded: closed`)
})

await t.test('what is no scope is named with what was meant, and what other plugins read is left alone', async (t) => {
  const app = Fastify()
  await app.register(resourceServer, { issuer: ISSUER, audience: API })
  t.throws(() => app.post('/reports', { config: { scopes: ['read'] } as object }, async () => 'x'), {
    message: '@tessera-id/resource-server: POST /reports: config.scopes has no effect here; did you mean config.scope?',
  })
  const others = { rateLimit: { max: 3 }, otel: false, openapi: {}, cors: true, role: 'x', store: 1, url: '/z' }
  t.doesNotThrow(() => app.get('/y', { config: { scope: 'read', ...others } as object }, async () => 'x'))
  t.doesNotThrow(() => app.get('/z', { config: others as object }, async () => 'x'))
})

await t.test('requireScope: a route that names no scope stops the start', async (t) => {
  const options = { issuer: ISSUER, audience: API, resource: 'https://api.example.com', requireScope: true }
  const app = Fastify()
  t.teardown(() => app.close())
  void app.get('/early', async () => 'let in')
  await app.register(resourceServer, options)
  app.get('/read', { config: { scope: 'read' } }, async () => 'rows')
  app.get('/open', { config: { open: true } }, async () => 'open to all')
  const message =
    '@tessera-id/resource-server: GET /any: config.scope is missing: with requireScope every route needs it, or config.open: true'
  t.throws(() => app.get('/any', async () => 'let in'), { message })
  t.throws(() => app.get('/any', { config: { rateLimit: {} } as object }, async () => 'let in'), { message })
  await app.register(async (below) => void t.throws(() => below.get('/any', async () => 'let in'), { message }))
  t.equal((await app.inject('/open')).body, 'open to all')
  t.equal((await app.inject('/read')).statusCode, 401)
  t.equal((await app.inject('/early')).statusCode, 500, 'closed, where the start could not be stopped')
  t.equal((await app.inject('/.well-known/oauth-protected-resource')).statusCode, 200)
})

await t.test('wrong options stop the start, and all faults are named', async (t) => {
  const start = async (options: object): Promise<void> => {
    await Fastify().register(resourceServer, options as never)
  }
  await t.rejects(start({ issuer: 'http://id.example.com', audience: '' }), {
    message:
      '@tessera-id/resource-server: issuer must be https (plain http is for loopback only); ' +
      'audience is missing: the identifier of this API, as listed by "tessera resource list"',
  })
  const rest = { issuer: ISSUER, audience: API }
  await t.rejects(start({ ...rest, apiSessions: true }), /apiSessions needs clientId and clientSecret/)
  await t.rejects(start({ ...rest, clientId: 'x' }), /clientSecret is missing/)
  await t.rejects(start({ ...rest, clientSecret: 'x' }), /clientId is missing/)
  await t.rejects(start({ ...rest, resource: 'https://a.b/#c' }), /resource must have no fragment/)
  await t.rejects(start({ ...rest, issuer: 'id.example.com' }), /issuer must be an http\(s\) URL/)
  await t.rejects(start({ ...rest, requireScopes: true }), {
    message: '@tessera-id/resource-server: requireScopes is not an option; did you mean requireScope?',
  })
  await t.rejects(
    start({ ...rest, clientID: 'x', banana: 1 }),
    /clientID is not an option; did you mean clientId\?; banana is not an option$/,
  )
  await t.rejects(start({ ...rest, requireScope: 'true' }), /requireScope must be true or false/)
  const misspelt = { ...rest, ressource: 'https://x' } as never
  await t.rejects(async () => Fastify().register(protectedResourceMetadata, misspelt), /ressource is not an option/)
  await t.resolves(start({ ...rest, prefix: '/v1', logLevel: 'warn' }))
  await t.resolves(start({ ...rest, ...API_APP, issuer: 'http://localhost:1/id' }))
})

await t.test('RFC 9728: the metadata of the API', async (t) => {
  const scopes = ['read', 'update']
  const api = await startGuardedApi(t, { resource: 'https://api.example.com/v1', resourceName: 'Domain', scopes })
  const answer = await api.call({}, '/.well-known/oauth-protected-resource/v1')
  t.equal(answer.statusCode, 200)
  t.match(answer.headers, { 'cache-control': 'public, max-age=3600', 'access-control-allow-origin': '*' })
  t.strictSame(answer.json(), {
    resource: 'https://api.example.com/v1',
    authorization_servers: [ISSUER],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    resource_name: 'Domain',
  })
  const plain = await startGuardedApi(t, { resource: 'https://api.example.com' })
  t.match((await plain.call({}, '/.well-known/oauth-protected-resource')).json(), {
    resource: 'https://api.example.com',
  })
})

await t.test('below a prefix only the routes there are guarded', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const options = { issuer: ISSUER, audience: API, resource: 'https://api.example.com/v1' }
  await app.register(protectedResourceMetadata, options)
  await app.register(
    async (api) => {
      await api.register(resourceServer, options)
      api.get('/read', { config: { scope: 'read' } }, async () => 'rows')
    },
    { prefix: '/v1' },
  )
  app.get('/', async () => 'home')
  t.equal((await app.inject('/')).body, 'home')
  t.equal((await app.inject('/v1/read')).statusCode, 401)
  t.equal((await app.inject('/.well-known/oauth-protected-resource/v1')).statusCode, 200)
})

await t.test('an API says refusals in a form of its own', async (t) => {
  const formatRefusal = ({ error, description }: { error: string; description: string }): object => ({
    error: { code: error, message: description },
  })
  const api = await startGuardedApi(t, { formatRefusal })
  const answer = await api.callWith('nonsense')
  t.equal(answer.statusCode, 401)
  t.match(answer.headers['www-authenticate'], /error="invalid_token"/)
  t.strictSame(answer.json(), { error: { code: 'invalid_token', message: 'this is not an access token' } })
})

await t.test('without a clientId nothing is asked about a token, and the refusal says so', async (t) => {
  const api = await startGuardedApi(t)
  const description = 'this API accepts only signed access tokens: it has no clientId with which to introspect others'
  challenged(t, await api.callWith(`enat_${'x'.repeat(43)}`), 401, 'invalid_token', description)
  await api.callWith(await api.server.sign(api.server.claims()))
  await api.advance(10_000)
  t.strictSame([...new Set(api.server.asked.map(({ path }) => path))], ['/.well-known/openid-configuration', '/jwks'])
})

await t.test('no token is in the log', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  const tokens = [await api.server.sign(api.server.claims()), await api.server.sign(api.server.claims({ exp: 1 }))]
  for (const token of [...tokens, `enat_${'x'.repeat(43)}`]) await api.callWith(token)
  const log = JSON.stringify(api.log)
  t.match(log, /request refused: the access token has expired/)
  t.notOk(tokens.some((token) => log.includes(token)) || log.includes('enat_xxx') || log.includes('secret:of'))
})
