// SQLite alone: is about what is refused before anything is looked up
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { readKeySet } from '../../src/domain/apps/app-keys.ts'
import { startAdminApi } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { operatorSees } from '../fixtures/answers/refusals.ts'
import { prepareForgery } from '../fixtures/attacks/jwt-places.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { asserting } from '../fixtures/clients/app-keys.ts'
import { authorizeUrl, requestToken } from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, bearer, postForm, send } from '../fixtures/clients/http.ts'
import { headerOf, rawJwt } from '../fixtures/clients/jwt.ts'
import { METADATA, manage, registerClient, sendRegistration } from '../fixtures/clients/registration.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { startGuardedApi } from '../fixtures/resource-server/guarded-api.ts'
import { ISSUER } from '../fixtures/resource-server/identity-stand-in.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t, {
  TESSERA_REGISTRATION: 'open',
  TESSERA_REQUEST_OBJECTS: 'true',
  TESSERA_OUTBOUND_EXEMPT_HOSTS: 'localhost',
})
const { issuer } = instance
const api = await startAdminApi(instance)
const endpoint = (name: string): string => `${issuer}/connect/${name}`

/** So many lists in one another, as a member; 6,000 of them are what one token holds. */
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
const DEPTHS = [16, 1000, 6000]

const told = async (response: Answer) => ({
  status: response.status,
  json: response.json as Record<string, unknown>,
})

const isNoFault = (t: Test): boolean =>
  t.strictSame(
    instance.log.filter(({ msg, error }) => msg === 'unexpected error' || error === 'server_error'),
    [],
    'nothing unexpected is on the log',
  )

await t.test('a token of nested JSON is no token, wherever it is sent', async (t) => {
  const forgery = await prepareForgery(instance)
  for (const depth of DEPTHS) {
    await forgery.isRefusedEverywhere(t, (jwt) => rawJwt({ ...headerOf(jwt) }, `{"x":${nested(depth)}}`, 'c2ln'))
    await forgery.isRefusedEverywhere(t, () =>
      rawJwt(`{"alg":"RS256","x":${nested(Math.min(depth, 5900))}}`, '{}', 'c2ln'),
    )
    const signed = forgery.respelled((text) => text.replace(/}$/, `,"x":${nested(depth)}}`))
    if (depth < 6000) await forgery.isRefusedEverywhere(t, signed)
    const jwt = rawJwt({ alg: 'none' }, `{"x":${nested(depth)}}`)
    t.match(await told(await postForm(endpoint('revocation'), { token: jwt }, basic(WEB))), { status: 200 })
    for (const name of ['session', 'session/touches'])
      t.not((await postForm(endpoint(name), { token: jwt, touches: jwt }, basic(SYNC))).status, 500)
    t.not((await send(`${endpoint('endsession')}?id_token_hint=${jwt}`, { redirect: 'manual' })).status, 500)
    t.match(
      await told(
        await requestToken(instance, { grant_type: 'client_credentials', client_id: SYNC, ...asserting(jwt) }),
      ),
      {
        json: { error: 'invalid_client' },
      },
    )
  }
  isNoFault(t)
})

await t.test('claims and request objects', async (t) => {
  for (const depth of [16, 1000, 2000]) {
    for (const claims of [`{"userinfo":${nested(depth)}}`, `{"x":${nested(depth)}}`, nested(depth + 1)]) {
      if (claims.length > 4096) continue
      const view = await createBrowser(instance.origin).open(
        authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, claims }),
      )
      const answer = view.leftTo?.searchParams
      t.equal(answer?.get('error'), 'invalid_request', `${claims.slice(0, 20)}...`)
      t.match(answer?.get('error_description'), /^claims is not a JSON object as described/)
    }
    const request = rawJwt({ alg: 'none' }, `{"x":${nested(depth)}}`)
    const view = await createBrowser(instance.origin).open(
      authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, request }),
    )
    t.match(view.leftTo?.searchParams.get('error') ?? view.text, /invalid_request/)
  }
  isNoFault(t)
})

await t.test('bodies: 16 levels are read, 17 are refused', async (t) => {
  const body = (depth: number): string => JSON.stringify(METADATA).replace(/}$/, `,"x":${nested(depth)}}`)
  t.equal((await sendRegistration(instance, body(15))).status, 201)
  const client = await registerClient(instance)
  for (const depth of DEPTHS) {
    const sent = [
      await sendRegistration(instance, body(depth)),
      await sendRegistration(
        instance,
        JSON.stringify(METADATA).replace(/}$/, `,"jwks":{"keys":${nested(depth - 1)}}}`),
      ),
      await send(client.registration_client_uri, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', ...bearer(client.registration_access_token) },
        body: body(depth),
      }),
    ]
    for (const response of sent) {
      const told = response.json as Record<string, string>
      matchesWhole(t, [response.status, told['error']], [400, 'invalid_client_metadata'])
      t.equal(told['error_description'], 'the body is nested more than 16 levels deep')
      operatorSees(t, instance, told['refusal_id'] ?? '', {
        status: 400,
        error: 'invalid_client_metadata',
        description: 'the body is nested more than 16 levels deep',
        cause: { rule: 'registration-metadata' },
      })
    }
    for (const answer of [
      await api.post('/apps', `{"x":${nested(depth)}}`),
      await api.patch('/apps/my.trusted.app%2Fweb', `{"Jwks":{"x":${nested(depth)}}}`),
      await api.post('/users', `{"login":${nested(depth)}}`),
    ]) {
      t.equal(answer.status, 400)
      t.equal(answer.json['detail'], 'the body is nested more than 16 levels deep')
    }
  }
  for (const deep of ['[', '{"a":'])
    t.equal((await api.post('/apps', deep.repeat(40_000))).status, 400, 'of 200 KiB, and never closed')
  t.equal((await api.post('/apps', `{"Name":"${'['.repeat(50)}"}`)).status, 400, 'a text may hold as many as it likes')
  t.notMatch((await api.post('/apps', `{"Name":"\\"${'['.repeat(50)}"}`)).json['detail'], /levels deep/)
  isNoFault(t)
  await manage(client, 'DELETE')
})

/** The same name twice, plainly, escaped, and further inside. */
const TWINS = ['"x":1,"x":1', '"x":1,"\\u0078":1', '"x":[{"y":{"z":"\\"},{","z":2}}]']

await t.test('a name twice is refused wherever JSON is read', async (t) => {
  const client = await registerClient(instance)
  const withTwins = (metadata: object, twins: string) => JSON.stringify(metadata).replace(/}$/, `,${twins}}`)
  for (const twins of TWINS) {
    const update = { ...METADATA, client_id: client.client_id }
    for (const response of [
      await sendRegistration(instance, withTwins(METADATA, twins)),
      await send(client.registration_client_uri, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', ...bearer(client.registration_access_token) },
        body: withTwins(update, twins),
      }),
    ]) {
      const { error, error_description } = response.json as Record<string, string>
      t.strictSame(
        [response.status, error, error_description],
        [400, 'invalid_client_metadata', 'the body names a member twice'],
        twins,
      )
    }
    for (const answer of [
      await api.post('/apps', `{"ApplicationUri":"x/y",${twins}}`),
      await api.patch('/apps/my.trusted.app%2Fweb', `{"Name":"x",${twins}}`),
    ])
      t.strictSame([answer.status, answer.json['detail']], [400, 'the body names a member twice'], twins)
    const view = await createBrowser(instance.origin).open(
      authorizeUrl(instance, {
        client_id: WEB,
        redirect_uri: WEB_REDIRECT,
        claims: `{"userinfo":{"a":null},${twins}}`,
      }),
    )
    t.match(view.leftTo?.searchParams.get('error_description'), /^claims is not a JSON object as described/)
    matchesWhole(t, readKeySet(`{"keys":[],${twins}}`), { keys: [], faults: [/^is not a JWK Set/] })
    for (const content of [`{"apps":[],${twins}}`, `apps: []\nx: {${twins}}`]) {
      const { code, stderr } = await tesseraOn(instance)(['plan', '-'], content)
      t.equal(code, 2, content)
      t.match(stderr, /unique|twice/i)
    }
    const { callWith, server } = await startGuardedApi(t)
    for (const jwt of [
      rawJwt(`{"alg":"RS256","typ":"at+jwt","kid":"key-1",${twins}}`, server.claims(), 'c2ln'),
      rawJwt({ alg: 'RS256', typ: 'at+jwt', kid: 'key-1' }, `{"sub":"x",${twins}}`, 'c2ln'),
    ])
      t.match((await callWith(jwt)).json(), { error_description: 'this is not a readable access token' })
  }
  t.equal(
    (await sendRegistration(instance, withTwins(METADATA, '"x":[{"y":1},{"y":2}],"y":{"x":"x\\"","y":1}'))).status,
    201,
  )
  isNoFault(t)
})

await t.test('what is fetched', async (t) => {
  for (const depth of [17, 6000]) {
    const server = createServer((_request, response) =>
      response.end(`["${METADATA.redirect_uris[0]}",${nested(depth)}]`),
    )
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
    t.teardown(() => server.close())
    const url = `http://localhost:${(server.address() as AddressInfo).port}/sector`
    const answer = await sendRegistration(instance, { ...METADATA, sector_identifier_uri: url })
    t.match(await told(answer), {
      status: 400,
      json: {
        error: 'invalid_client_metadata',
        error_description: 'sector_identifier_uri: must answer with a JSON array that lists every redirect URI',
      },
    })
    server.closeAllConnections()
  }
  for (const depth of DEPTHS)
    matchesWhole(t, readKeySet(`{"keys":${nested(depth)}}`), { keys: [], faults: [/^is not a JWK Set/] })
  isNoFault(t)
})

await t.test('files and flags of the command line', async (t) => {
  const tessera = tesseraOn(instance)
  for (const content of [`{"apps":${nested(6000)}}`, `apps:\n  ${'- '.repeat(6000)}x`, `${'- '.repeat(6000)}x`]) {
    const { code, stderr } = await tessera(['plan', '-'], content)
    t.equal(code, 2)
    t.match(stderr, /nested/)
    t.notMatch(stderr, / {4}at |RangeError/)
  }
  const jwks = await tessera(['app', 'update', WEB, '--set', `Jwks={"keys":${nested(6000)}}`])
  t.match(jwks, { code: 2, stderr: /is not a JWK Set/ })
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, claims: `{"x":${nested(2000)}}` })
  const explained = await tessera(['explain', url, '--json'])
  t.match(JSON.parse(explained.stdout), { refusal: { error: 'invalid_request', description: /^claims is not/ } })
})

await t.test('an API behind the plugin', async (t) => {
  const { callWith, server, log } = await startGuardedApi(t)
  for (const depth of DEPTHS)
    for (const jwt of [
      rawJwt(`{"alg":"RS256","typ":"at+jwt","kid":"key-1","x":${nested(depth)}}`, server.claims(), 'c2ln'),
      rawJwt({ alg: 'RS256', typ: 'at+jwt', kid: 'key-1' }, `{"x":${nested(depth)}}`, 'c2ln'),
    ]) {
      const answer = await callWith(jwt)
      t.equal(answer.statusCode, 401)
      t.match(answer.json(), { error: 'invalid_token', error_description: 'this is not a readable access token' })
    }
  t.equal(
    (await callWith(await server.sign({ ...server.claims(), x: JSON.parse(nested(15)) as unknown }))).statusCode,
    200,
  )
  t.equal(
    (await callWith(await server.sign({ ...server.claims(), x: JSON.parse(nested(16)) as unknown }))).statusCode,
    401,
  )
  const other = await startGuardedApi(t)
  other.server.state.instead.set('/.well-known/openid-configuration', {
    status: 200,
    body: { issuer: ISSUER, x: JSON.parse(nested(16)) },
  })
  t.equal((await other.callWith(await other.server.sign(other.server.claims()))).statusCode, 503)
  t.strictSame(
    [...log, ...other.log].filter(({ level }) => level === 60),
    [],
  )
})
