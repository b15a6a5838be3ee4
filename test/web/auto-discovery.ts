// SQLite alone: is about headers, hosts and addresses, which no database sees
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { RESOURCE_DEFAULTS } from '../../src/domain/access/api-resource.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { eventually, until } from '../fixtures/instance/eventually.ts'
import { type Instance, startInstance } from '../fixtures/instance/instance.ts'

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
  ]

  await t.test('who it is, and its own sites', async (t) => {
    for (const path of PATHS)
      t.strictSame(await read(path), { Host: new URL(origin).host, DbName: 'shop', WebSites: own }, path)
    for (const { Url, AdditionalProperties } of own)
      for (const url of [Url, ...Object.values(AdditionalProperties)])
        t.not((await fetch(url)).status, 404, `${url} is there`)
  })

  await t.test('and the APIs that have an address', async (t) => {
    const scopes = ['stock', 'stock.write'].map((name) => ({ name, description: undefined }))
    await instance.core.store.write(async ({ resources }) => {
      for (const identifier of ['https://stock.example.com/api', 'urn:stock', 'stock', 'ftp://stock.example.com'])
        await resources.add({ identifier, name: 'Stock', scopes, ...RESOURCE_DEFAULTS }, instance.now())
    })
    const stock = {
      Type: 'API',
      Name: 'Stock',
      Status: 'Unknown',
      StatusDescription: 'is not monitored from here',
      Url: 'https://stock.example.com/api',
      System: false,
      AdditionalProperties: { Scope: 'stock stock.write' },
      Scopes: [{ Name: 'stock' }, { Name: 'stock.write' }],
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
      WebSites: [{ Url: 'https://id.example.com:8443/sso/id' }],
    })
  }
})

await t.test('sites that the operator registered', async (t) => {
  let answer = 200
  let asked = 0
  let write: (response: ServerResponse) => void = (response) => void response.end()
  let open = 0
  const held: (() => void)[] = []
  const server = createServer((_request, response) => {
    asked += 1
    open += 1
    response.once('close', () => {
      open -= 1
    })
    const end = (): void => write(response.writeHead(answer, { location: 'http://127.0.0.1:1/elsewhere' }))
    if (answer === 0) held.push(() => response.destroy())
    else end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/api`
  const properties = { ODataServiceRoot: `${url}/odata` }

  /** The site of the instance's own API, as auto-discovery tells. */
  async function readSite({ origin }: Instance) {
    const { WebSites } = (await (await fetch(`${origin}/tools/auto-discovery`)).json()) as Discovered
    return WebSites.find(({ Type }) => Type === 'ERP')
  }
  async function start(t: Test, settings: Readonly<Record<string, string>>): Promise<Instance> {
    const instance = await startInstance({ settings })
    t.teardown(() => instance.close())
    await instance.core.store.write(async ({ resources }) => {
      const [own] = await resources.list()
      if (own) await resources.update({ ...own, site: { type: 'ERP', url, properties } }, instance.now())
    })
    return instance
  }
  const statusIs = (instance: Instance, status: string) =>
    eventually(
      () => readSite(instance),
      (site) => site?.['Status'] === status,
    )

  await t.test('the API of the instance, its properties, and whether it works', async (t) => {
    const instance = await start(t, { TESSERA_OUTBOUND_EXEMPT_HOSTS: `127.0.0.1:${port}` })
    t.match(await readSite(instance), { Status: 'Unknown', StatusDescription: 'has not been asked yet' })
    t.strictSame(await statusIs(instance, 'Working'), {
      Type: 'ERP',
      Name: 'DomainAPI',
      Status: 'Working',
      StatusDescription: 'answers',
      Url: url,
      System: true,
      AdditionalProperties: { Scope: 'read update', ...properties },
      Scopes: [{ Name: 'read' }, { Name: 'update' }],
    })
    for (let n = 0; n < 20; n++) await readSite(instance)
    t.equal(asked, 1, 'however many want to know')

    answer = 503
    instance.advance(60_000)
    t.equal((await readSite(instance))?.['Status'], 'Working', 'nobody waits for the site')
    t.match(await statusIs(instance, 'NotWorking'), { StatusDescription: 'answers with status 503' })
    answer = 0
    instance.advance(60_000)
    await Promise.all(Array.from({ length: 20 }, () => readSite(instance)))
    await until(() => held.length > 0)
    t.equal((await readSite(instance))?.['StatusDescription'], 'answers with status 503', 'answered while it hangs')
    t.equal(asked, 3, 'one asks for all')
    for (const end of held.splice(0)) end()
    await eventually(
      () => readSite(instance),
      (site) => site?.['StatusDescription'] === 'does not answer',
    )
    t.match(await readSite(instance), { Status: 'NotWorking', StatusDescription: 'does not answer' }, 'and not why')
    answer = 401
    instance.advance(60_000)
    t.match(await statusIs(instance, 'Working'), { Status: 'Working' }, 'whoever asks for a token is there')
    answer = 503
    instance.advance(5 * 60_000)
    t.match(
      await readSite(instance),
      { Status: 'Unknown', StatusDescription: 'has not been asked lately' },
      'what was so minutes ago is not told as if it were so now',
    )
    t.match(await statusIs(instance, 'NotWorking'), { StatusDescription: 'answers with status 503' })
  })

  await t.test('a site is asked for its status and for nothing else', async (t) => {
    const instance = await start(t, { TESSERA_OUTBOUND_EXEMPT_HOSTS: `127.0.0.1:${port}` })
    const down = async (): Promise<void> => {
      ;[answer, write] = [500, (response) => void response.end()]
      instance.advance(60_000)
      await statusIs(instance, 'NotWorking')
    }
    const chunk = 'x'.repeat(64 * 1024)
    for (const [what, status, body] of [
      ['a page larger than anything else that is fetched', 200, (response) => void response.end(chunk.repeat(4))],
      ['one without an end', 200, (response) => void response.write(chunk.repeat(4))],
      ['one whose first byte never comes', 200, (response) => response.flushHeaders()],
      ['a redirect, which is not followed', 302, (response) => void response.end(chunk.repeat(4))],
      ['a method that is not allowed', 405, (response) => void response.end()],
    ] as readonly (readonly [string, number, typeof write])[]) {
      await down()
      ;[answer, write] = [status, body]
      instance.advance(60_000)
      t.match(await statusIs(instance, 'Working'), { StatusDescription: 'answers' }, what)
      await until(() => open === 0)
    }
    await down()
    ;[answer, write] = [503, (response) => void response.write(chunk)]
    instance.advance(60_000)
    await eventually(
      () => readSite(instance),
      (site) => site?.['StatusDescription'] === 'answers with status 503',
    )
    ;[answer, write] = [200, (response) => void response.end()]
  })

  await t.test('what the guard does not let the server call, and where probes are off', async (t) => {
    const before = asked
    for (const settings of [{}, { TESSERA_OUTBOUND_EXEMPT_HOSTS: `127.0.0.1:${port}`, TESSERA_SITE_PROBES: 'false' }]) {
      const instance = await start(t, settings)
      for (let n = 0; n < 3; n++)
        t.match(await readSite(instance), { Status: 'Unknown', StatusDescription: 'is not monitored from here' })
    }
    t.equal(asked, before)
  })
})
