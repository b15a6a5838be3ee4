// SQLite alone: compares documents with what the other files of the room ask both databases for
import { readFileSync } from 'node:fs'
import t from 'tap'
import { USER_CLAIMS } from '../../src/domain/protocol/requested-claims.ts'
import { logoutTokenClaims } from '../../src/oauth/tokens/mint/logout-token.ts'
import { obtainTokens } from '../fixtures/clients/code-flow.ts'
import { introspect, requestServiceToken, userinfo } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { SYNC, startWorld, WEB } from '../fixtures/instance/world.ts'
import { changeApp, issue } from '../fixtures/tokens/reference-tokens.ts'

const { instance } = await startWorld(t)
const page = readFileSync(new URL('../../docs/tokens.md', import.meta.url), 'utf8')

/** The claims that a section names in the first column of its tables. */
function documented(heading: string): string[] {
  const start = page.indexOf(`\n## ${heading}\n`)
  t.not(start, -1, heading)
  const section = page.slice(start + 1).split('\n## ')[0] ?? ''
  const cells = [...section.matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell = '']) => cell)
  return [...new Set(cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)))].sort()
}

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort()
const ask = (token: string, accept: string, app = WEB) => introspect(instance, token, { ...basic(app), accept })
const told = async (token: string, app = WEB) => (await ask(token, 'application/json', app)).json

const tokens = await obtainTokens(instance, {
  scope: 'openid profile email offline_access read',
  nonce: 'n-0S6_WzA2Mj',
})

await t.test('docs/tokens.md names every claim of an ID token', async (t) => {
  t.strictSame(documented('ID token'), sorted([...Object.keys(claimsOf(tokens.id_token)), 'c_hash']))
})

await t.test('and every claim of access tokens', async (t) => {
  t.strictSame(
    documented('Access token that acts for a person'),
    sorted(Object.keys(claimsOf(tokens.access_token))),
    'for a person',
  )
  const ofService = tokensOf(await requestServiceToken(instance))
  t.strictSame(
    documented('Access token that acts for a service'),
    sorted(Object.keys(claimsOf(ofService.access_token))),
    'for a service',
  )
  const members = documented('The answer of the token endpoint')
  t.strictSame(members, sorted(Object.keys(tokens)), 'and every member of the answer they come in')
})

await t.test('and every claim at UserInfo, and every member of an introspection', async (t) => {
  t.strictSame(documented('UserInfo'), sorted(['sub', 'iss', 'aud', ...USER_CLAIMS]))
  const response = await userinfo(instance, tokens.access_token)
  for (const name of Object.keys(response.json)) t.ok(documented('UserInfo').includes(name), name)

  const known = [...Object.keys(claimsOf(tokens.access_token)), ...documented('Introspection')]
  for (const token of [tokens.access_token, tokens.refresh_token])
    for (const name of Object.keys(await told(token))) t.ok(known.includes(name), name)
  const signed = claimsOf((await ask(tokens.access_token, 'application/token-introspection+jwt')).text)
  for (const name of Object.keys(signed)) t.ok(documented('Introspection').includes(name), name)
})

await t.test('and every claim that a reference token stands for', async (t) => {
  const seen: string[] = []
  for (const [kind, app, user] of [
    ['PAT', WEB, 'david'],
    ['SAT', SYNC, undefined],
  ] as const) {
    await changeApp(instance, app, { accessTokens: 'AuthenticatedUsers' })
    const { value } = await issue(instance, { kind, app, ...(user === undefined ? {} : { user }) })
    seen.push(...Object.keys(await told(value, app)))
  }
  // The three of the System User stand in the section of the service.
  const known = [...documented('Reference tokens'), ...documented('Access token that acts for a service')]
  t.strictSame(sorted(seen.filter((name) => !['active', 'token_type'].includes(name))), sorted(known))
})

await t.test('and every claim of a logout token', async (t) => {
  const claims = logoutTokenClaims(
    { issuer: instance.issuer, applicationUri: WEB, subject: 'somebody', sid: 'a-session' },
    instance.now(),
  )
  t.strictSame(documented('Logout token'), sorted(Object.keys(claims)))
})
