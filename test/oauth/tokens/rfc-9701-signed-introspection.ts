// SQLite alone: is about signatures and claims, which are judged before a database is asked
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { refused } from '../../fixtures/answers/refusals.ts'
import { userinfo } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic, postForm, send } from '../../fixtures/clients/http.ts'
import { OTHER, SPA } from '../../fixtures/instance/world.ts'
import { READER, REPORTS_API, startReports } from '../../fixtures/resource-server/reports.ts'

const { instance, ofPerson, keep, introspect } = await startReports(t)
const { issuer } = instance
const SIGNED = 'application/token-introspection+jwt'
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/openid-configuration/jwks`))

const ask = (token: string, accept: string, caller = REPORTS_API) => introspect(token, caller, { accept })

/** What the answer says, once its signature, issuer, audience and type hold. */
async function verified(response: Answer, audience = REPORTS_API): Promise<Record<string, unknown>> {
  const checks = { issuer, audience, typ: 'token-introspection+jwt', currentDate: new Date(instance.now()) }
  return (await jwtVerify(response.text, keys, checks)).payload
}

await t.test('§5: the answer as a JWT for the app that asked', async (t) => {
  const tokens: Readonly<Record<string, string>> = {
    signed: (await ofPerson(READER, 'openid reports.read')).access_token,
    PAT: (await keep('PAT', 'reports.read')).value,
    dead: 'enat_dead',
  }
  for (const [name, token] of Object.entries(tokens)) {
    const response = await ask(token, SIGNED)
    t.equal(response.status, 200)
    t.equal(response.headers.get('content-type'), SIGNED)
    t.equal(response.headers.get('cache-control'), 'no-store')
    const { text } = response
    t.match(decodeProtectedHeader(text), { alg: 'RS256', typ: 'token-introspection+jwt', kid: String })
    const plain: unknown = (await ask(token, 'application/json')).json
    t.strictSame(
      await verified(response),
      { iss: issuer, aud: REPORTS_API, iat: instance.now() / 1000, token_introspection: plain },
      `${name}: no exp and no sub at the top, so that it passes for no other JWT`,
    )
  }
  const foreign = await verified(await ask(tokens['PAT'] ?? '', SIGNED, OTHER), OTHER)
  t.strictSame(foreign['token_introspection'], { active: false }, 'to whom it is no business of')
})

await t.test('§4, RFC 9110 §12.5.1: who prefers which form gets it', async (t) => {
  const { value } = await keep('PAT', 'reports.read')
  const JSON_TYPE = 'application/json; charset=utf-8'
  for (const [accept, expected] of [
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    ['text/html', JSON_TYPE],
    ['', JSON_TYPE],
    [`${SIGNED};q=0, */*`, JSON_TYPE],
    [`application/json, ${SIGNED};q=0.9`, JSON_TYPE],
    [`${SIGNED};q=0.2, application/json;q=0.5`, JSON_TYPE],
    [SIGNED, SIGNED],
    ['Application/Token-Introspection+JWT', SIGNED],
    [`application/json;q=0.5, ${SIGNED}`, SIGNED],
    [`${SIGNED}, */*;q=0.1`, SIGNED],
    ['application/json;q=0, */*', SIGNED],
  ] as const)
    t.equal((await ask(value, accept)).headers.get('content-type'), expected, accept)
})

await t.test('§6: the server says with which algorithm it signs', async (t) => {
  for (const algorithm of ['RS256', 'ES256']) {
    const { issuer, ...other } = await startWith(algorithm)
    const metadata = (await send(`${issuer}/.well-known/openid-configuration`)).json as Record<string, unknown>
    t.ok((metadata['introspection_signing_alg_values_supported'] as string[]).includes(algorithm))
    t.match(decodeProtectedHeader((await other.introspect('x', REPORTS_API, { accept: SIGNED })).text), {
      alg: algorithm,
    })
  }

  async function startWith(algorithm: string) {
    if (algorithm === 'RS256') return { issuer, introspect }
    const started = await startReports(t, { TESSERA_SIGNING_ALGORITHM: algorithm })
    return { issuer: started.instance.issuer, introspect: started.introspect }
  }
})

await t.test('§8.1: the JWT opens nothing', async (t) => {
  const { access_token } = await ofPerson(READER, 'openid reports.read')
  const answer = (await ask(access_token, SIGNED)).text
  t.equal((await userinfo({ issuer }, answer)).status, 401)
  t.strictSame((await introspect(answer)).json, { active: false })
})

await t.test('a refusal is JSON whatever is accepted', async (t) => {
  const url = `${issuer}/connect/introspect`
  const accept = { accept: SIGNED }
  refused(t, instance, await postForm(url, { token: 'x' }, { ...basic(REPORTS_API, 'wrong'), ...accept }), {
    status: 401,
    error: 'invalid_client',
    description: 'the app is unknown, or its authentication is wrong or missing',
  })
  refused(t, instance, await postForm(url, { token: 'x', client_id: SPA }, accept), {
    status: 401,
    error: 'invalid_client',
    description: 'only a Confidential app may introspect tokens',
  })
  refused(t, instance, await postForm(url, {}, { ...basic(REPORTS_API), ...accept }), {
    status: 400,
    error: 'invalid_request',
    description: 'parameter is missing: token',
  })
})
