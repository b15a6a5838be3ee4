import t, { type Test } from 'tap'
import { tesseraOn, tesseraWith } from '../../fixtures/cli/cli.ts'
import { obtainCode, PKCE, redeem, VERIFIER } from '../../fixtures/clients/code-flow.ts'
import { send } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { type Client, clientOf, METADATA, manage, registerClient } from '../../fixtures/clients/registration.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { prepareSite } from '../../fixtures/instance/server-process.ts'
import { startWorld } from '../../fixtures/instance/world.ts'

const MCP = 'https://mcp.example.com'
const SHUT = 'https://shut.example.com'
const PROTOCOL = 'openid profile email phone address offline_access'
const [REDIRECT] = METADATA.redirect_uris
const OPEN = { TESSERA_REGISTRATION: 'open', TESSERA_REGISTRATION_SCOPES: 'read,mcp.tools,mcp.more,shut' }

const { instance } = await startWorld(t, OPEN)
const tessera = tesseraOn(instance, OPEN)
const done = async (t: Test, ...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await tessera(args)
  t.equal(code, 0, stderr)
  return stdout
}
const scopes = ['--scope', 'mcp.tools', '--scope', 'mcp.more', '--scope', 'mcp.secret']
await done(t, 'resource', 'add', MCP, ...scopes, '--open-to-self-registered')
await done(t, 'resource', 'add', SHUT, '--scope', 'shut')

const scopeOf = async (scope?: string): Promise<unknown> =>
  (await registerClient(instance, scope === undefined ? {} : { scope }))['scope']

async function tokenFor(client: Client, asked: Readonly<Record<string, string>>) {
  const request = { client_id: client.client_id, redirect_uri: REDIRECT, ...PKCE, ...asked }
  const code = await obtainCode(instance, request)
  const fields = { redirect_uri: REDIRECT, code_verifier: VERIFIER, client_id: client.client_id }
  const { access_token } = tokensOf(
    await redeem(instance, code, { ...fields, client_secret: client.client_secret }, {}),
  )
  const { aud, scope } = claimsOf(access_token)
  return { aud, scope }
}

await t.test('an app that registers itself may have scopes of an API that is marked for it', async (t) => {
  const client = await registerClient(instance, { scope: 'openid mcp.tools mcp.secret shut read' })
  t.equal(client['scope'], `${PROTOCOL} mcp.tools read`, 'those the operator gives away, of APIs that are open')
  t.strictSame(await tokenFor(client, { scope: 'mcp.tools', resource: `${MCP}/` }), { aud: MCP, scope: 'mcp.tools' })
  t.strictSame(await tokenFor(client, { scope: '', resource: MCP }), { aud: MCP, scope: 'mcp.tools' })
  t.strictSame(await tokenFor(client, { scope: 'read' }), { aud: 'DomainAPI', scope: 'read' })
})

await t.test(
  'one that names no scope gets those of marked APIs; of the API of the instance it must name them',
  async (t) => {
    t.equal(await scopeOf(), `${PROTOCOL} mcp.tools mcp.more`)
    t.equal(await scopeOf(''), `${PROTOCOL} mcp.tools mcp.more`)
    t.equal(await scopeOf('openid'), PROTOCOL)
  },
)

await t.test('RFC 7592: more of them later, and what is registered stays where nothing is said', async (t) => {
  const client = await registerClient(instance, { scope: 'openid read' })
  const change = async (more: Readonly<Record<string, string>>) => {
    const answer = await manage(client, 'PUT', { ...METADATA, client_id: client.client_id, ...more })
    return clientOf(answer, 200)['scope']
  }
  t.equal(await change({ scope: 'read mcp.more' }), `${PROTOCOL} read mcp.more`)
  await done(t, 'resource', 'update', MCP, '--no-open-to-self-registered')
  t.equal(await change({}), `${PROTOCOL} read mcp.more`)
  t.equal(await change({ scope: 'mcp.tools mcp.more' }), `${PROTOCOL} mcp.tools mcp.more`, 'the API is listed by now')
  t.equal(await scopeOf('mcp.more'), PROTOCOL, 'whoever comes later gets none')
  await done(t, 'resource', 'update', MCP, '--open-to-self-registered')
})

await t.test('the mark is shown, exported and applied like any attribute', async (t) => {
  t.match(JSON.parse(await done(t, 'resource', 'show', MCP, '--json')), { OpenToSelfRegistered: true })
  t.match(await done(t, 'resource', 'list'), /mcp\.example\.com .*apps that list it or register themselves/)
  const exported = await done(t, 'export')
  t.equal(exported.match(/OpenToSelfRegistered: true/g)?.length, 1, exported)
  const file = (mark?: unknown) =>
    JSON.stringify({
      resources: [
        { Identifier: SHUT, Scopes: ['shut'], ...(mark === undefined ? {} : { OpenToSelfRegistered: mark }) },
      ],
    })
  t.match(await tessera(['plan', '-'], file(true)), { stdout: /OpenToSelfRegistered/ })
  t.equal((await tessera(['apply', '-'], file(true))).code, 0)
  t.equal(await scopeOf('shut'), `${PROTOCOL} shut`)
  t.equal((await tessera(['apply', '-'], file())).code, 0)
  t.equal(await scopeOf('shut'), PROTOCOL)
  t.match(await tessera(['plan', '-'], file('yes')), {
    code: 2,
    stderr: /OpenToSelfRegistered.* expects true or false/,
  })
})

await t.test('RFC 7592: an API that an administrator took away does not come back', async (t) => {
  const twin = 'https://twin.example.com'
  await done(t, 'resource', 'add', twin, '--scope', 'read', '--open-to-self-registered')
  const apisOf = async (client: Client) => (await instance.core.store.read.apps.find(client.client_id))?.apiResources
  for (const [what, scope, set, left] of [
    ['with its scope', 'read mcp.tools', ['Scope=read', `ApiResources=${twin}`], [[twin], 'read']],
    ['while another API has the scope', 'read', ['ApiResources='], [[], 'read']],
    ['and one that was given stays', 'mcp.tools', [`ApiResources=${MCP} ${SHUT}`], [[MCP, SHUT], 'mcp.tools']],
  ] as const) {
    const client = await registerClient(instance, { scope })
    await done(t, 'app', 'update', client.client_id, ...set.flatMap((one) => ['--set', one]))
    for (const wanted of [scope, 'read mcp.tools mcp.more', scope]) {
      const answer = await manage(client, 'PUT', { ...METADATA, client_id: client.client_id, scope: wanted })
      t.strictSame([await apisOf(client), clientOf(answer, 200)['scope']], [left[0], `${PROTOCOL} ${left[1]}`], what)
    }
  }
})

await t.test('a setting that cannot work stops the start, says why and how to mend it', async (t) => {
  const site = await prepareSite(t)
  t.equal((await site.tessera(['resource', 'add', SHUT, '--scope', 'shut'])).code, 0)
  const settings = { ...site.settings, TESSERA_REGISTRATION: 'open', TESSERA_REGISTRATION_SCOPES: 'read,shut,nowhere' }
  const start = await tesseraWith(settings)(['serve'])
  t.equal(start.code, 2, start.stderr)
  const mend = `tessera resource update ${SHUT} --open-to-self-registered`
  for (const told of [
    `TESSERA_REGISTRATION_SCOPES lists shut, a scope of ${SHUT}, which is not open to apps that register themselves; open it with: ${mend}`,
    'TESSERA_REGISTRATION_SCOPES lists nowhere, which is a scope of no API resource; add it to one with: tessera resource update IDENTIFIER --scope nowhere',
  ])
    t.ok(start.stderr.includes(told), start.stderr)
  const doctor = await tesseraWith(settings)(['doctor', '--no-online'])
  t.equal(doctor.code, 1)
  t.match(doctor.stdout, /^fault +registration +TESSERA_REGISTRATION_SCOPES lists shut/m)
  t.equal(
    (await tesseraWith(settings)(mend.split(' ').slice(1))).code,
    0,
    'other commands work, or nothing could be mended',
  )
  const still = await tesseraWith(settings)(['serve'])
  t.notMatch(still.stderr, /shut/)
})

await t.test('CORS: where anybody may register, they may from any origin, and look after it', async (t) => {
  const origin = 'https://playground.example'
  const register = `${instance.issuer}/connect/register`
  const client = await registerClient(instance)
  const preflight = async (url: string, method: string) =>
    (await send(url, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': method } })).headers
  for (const [url, method] of [
    [register, 'POST'],
    [client.registration_client_uri, 'PUT'],
    [client.registration_client_uri, 'DELETE'],
  ] as const) {
    const headers = await preflight(url, method)
    t.equal(headers.get('access-control-allow-origin'), '*')
    t.match(headers.get('access-control-allow-methods'), new RegExp(`\\b${method}\\b`))
    t.match(headers.get('access-control-allow-headers'), /authorization/)
  }
  const body = JSON.stringify(METADATA)
  const made = await send(register, { method: 'POST', headers: { origin, 'content-type': 'application/json' }, body })
  t.strictSame([made.status, made.headers.get('access-control-allow-origin')], [201, '*'])
  const { instance: closed } = await startWorld(t, { TESSERA_REGISTRATION: 'token' })
  const shut = await preflight(`${closed.issuer}/connect/register`, 'POST')
  t.equal(shut.get('access-control-allow-origin'), null, 'a token is the affair of whoever has it')
})
