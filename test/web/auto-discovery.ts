// SQLite alone: is about headers, hosts and addresses, which no database sees

import t from 'tap'
import { RESOURCE_DEFAULTS } from '../../src/domain/access/api-resource.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { startInstance } from '../fixtures/instance/instance.ts'

const PATHS = ['/tools/auto-discovery', '/sys/auto-discovery']

interface Discovered {
  readonly WebSites: readonly Readonly<Record<string, unknown>>[]
}

await t.test('the sites of the instance, for everybody', async (t) => {
  const instance = await startInstance({ settings: { TESSERA_INSTANCE: 'shop' } })
  t.teardown(() => instance.close())
  const { origin, issuer } = instance
  const read = async (path: string) => (await fetch(`${origin}${path}`)).json() as Promise<Discovered>
  const own = [
    {
      Type: 'ID',
      Status: 'Working',
      StatusDescription: 'answers',
      Url: issuer,
      System: true,
      AdditionalProperties: { OpenIdConfiguration: `${issuer}/.well-known/openid-configuration` },
    },
    {
      Type: 'UserProfile',
      Status: 'Working',
      StatusDescription: 'serves programs; pages for people come later',
      Url: `${origin}/profile`,
      System: true,
      AdditionalProperties: { Me: `${origin}/profile/me` },
    },
  ]

  await t.test('who it is, and its own sites', async (t) => {
    for (const path of PATHS)
      t.strictSame(await read(path), { Host: new URL(origin).host, DbName: 'shop', WebSites: own }, path)
    for (const { AdditionalProperties } of own)
      for (const url of Object.values(AdditionalProperties)) t.not((await fetch(url)).status, 404, `${url} is there`)
  })

  await t.test('and the APIs that have an address', async (t) => {
    const scopes = ['stock', 'stock.write'].map((name) => ({ name, description: undefined }))
    await instance.core.store.write(async ({ resources }) => {
      for (const identifier of ['https://stock.example.com/api', 'urn:stock', 'stock', 'ftp://stock.example.com'])
        await resources.add({ identifier, name: 'Stock', scopes, ...RESOURCE_DEFAULTS }, instance.now())
    })
    const stock = {
      Type: 'API',
      Status: 'Unknown',
      StatusDescription: 'is not monitored from here',
      Url: 'https://stock.example.com/api',
      System: false,
      AdditionalProperties: { Scope: 'stock stock.write' },
    }
    for (const path of PATHS) t.strictSame((await read(path)).WebSites, [...own, stock], path)
  })

  await t.test('it is cached and read from any origin, like discovery', async (t) => {
    for (const path of PATHS) {
      const answer = await fetch(`${origin}${path}`, { headers: { origin: 'https://evil.test' } })
      t.equal(answer.headers.get('cache-control'), 'public, max-age=300')
      t.equal(answer.headers.get('access-control-allow-origin'), '*')
      t.equal(answer.headers.get('access-control-allow-credentials'), null)
      t.equal(answer.headers.get('cross-origin-resource-policy'), 'cross-origin')
      t.match(answer.headers.get('content-type'), /^application\/json\b/)
      t.equal((await fetch(`${origin}${path}`, { method: 'HEAD' })).status, 200)
      t.equal((await fetch(`${origin}${path}`, { method: 'POST' })).headers.get('allow'), 'GET, HEAD')
    }
  })
})

await t.test('it names the configured issuer, whatever the request says', async (t) => {
  const instance = await startInstance({ settings: { TESSERA_ISSUER: 'https://id.example.com:8443/sso/id' } })
  t.teardown(() => instance.close())
  const headers = { host: 'id.example.com:8443', 'x-forwarded-host': 'evil.test' }
  for (const url of PATHS) {
    t.equal((await instance.server.inject({ url, headers: { host: 'evil.test' } })).statusCode, 421)
    const { body } = await instance.server.inject({ url, headers })
    t.notMatch(body, /evil|localhost/)
    matchesWhole(t, JSON.parse(body), {
      Host: 'id.example.com:8443',
      WebSites: [{ Url: 'https://id.example.com:8443/sso/id' }, { Url: 'https://id.example.com:8443/profile' }],
    })
  }
})
