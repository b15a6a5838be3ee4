// SQLite alone: is about headers, hosts and addresses, which no database sees
import { scrypt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createOutbound } from '../../src/lib/net/outbound.ts'
import { askNameServers } from '../../src/lib/net/resolve.ts'

const hash = () => new Promise((resolve) => scrypt('password', 'salt', 32, resolve))

/** A server on this machine, which only an operator can make reachable. */
async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

const ACCEPT = { accept: 'application/json' }

await t.test('SS-01: nothing is fetched from special-use addresses, however they are written', async (t) => {
  const outbound = createOutbound({ exemptHosts: [] })
  t.teardown(outbound.close)
  for (const host of [
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '2130706433',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '0.1.2.3',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '192.0.2.1',
    '192.88.99.1',
    '239.255.255.250',
    '240.0.0.1',
    '[::]',
    '[::1]',
    '[::7f00:1]',
    '[::127.0.0.1]',
    '[::a00:1]',
    '[::ffff:a83f:8110]',
    '[::ffff:0:7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[100::1]',
    '[100:0:0:1::1]',
    '[2001:0:7f00:1::]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[4000::1]',
    '[5f00::1]',
    '[fd00:ec2::254]',
    '[fec0::1]',
    '[ff02::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[fc00::1]',
    '[fe80::1]',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'app.localhost',
    'app.localhost.',
  ]) {
    t.match(outbound.whyNotFetchable(`https://${host}/jwks`), /not on the public internet/, host)
    await t.rejects(outbound.get(`https://${host}/jwks`, ACCEPT), { message: /not on the public internet/ }, host)
  }
  for (const host of ['app.example.com', '1.1.1.1', '168.63.129.17', '[2606:4700::1111]', '[2a00:1450::1]'])
    t.equal(outbound.whyNotFetchable(`https://${host}/jwks`), undefined, host)
})

await t.test('SS-03: a name is checked by what it leads to whenever it is connected to', async (t) => {
  let reached = 0
  const server = await serve(t, (_, response) => {
    reached += 1
    response.end()
  })
  const leadsTo = [
    [{ address: '127.0.0.1', family: 4 }],
    [
      { address: '2606:4700::1111', family: 6 },
      { address: '10.0.0.1', family: 4 },
    ],
    [],
  ]
  const outbound = createOutbound({ exemptHosts: [], resolve: async () => leadsTo.shift() ?? [] })
  t.teardown(outbound.close)
  const url = server.replace('http://localhost', 'https://app.example.com')
  t.equal(outbound.whyNotFetchable(url), undefined)
  await t.rejects(outbound.get(url, ACCEPT), {
    message: 'app.example.com is 127.0.0.1, which is not on the public internet',
  })
  await t.rejects(outbound.get(url, ACCEPT), {
    message: 'app.example.com is 10.0.0.1, which is not on the public internet',
  })
  await t.rejects(outbound.get(url, ACCEPT), { message: 'app.example.com has no address' })
  t.equal(reached, 0)
})

await t.test(
  'SS-03: a name that leads to an address of the cloud, or to one wrapped in another, is not called',
  async (t) => {
    const found = [
      '168.63.129.16',
      '::7f00:1',
      '64:ff9b::a00:1',
      '64:ff9b:1::a00:1',
      '2002:a00:1::',
      'fe80::1%eth0',
      'what?',
    ]
    for (const address of found) {
      const outbound = createOutbound({ exemptHosts: [], resolve: async () => [{ address, family: 6 }] })
      t.teardown(outbound.close)
      await t.rejects(outbound.get('https://app.example.com/', ACCEPT), {
        message: `app.example.com is ${address}, which is not on the public internet`,
      })
    }
  },
)

await t.test('a host that is exempt with a port is not on any other', async (t) => {
  const exemptHosts = [
    { host: 'api.internal', port: '8443' },
    { host: 'plain.internal', port: '80' },
    { host: '::1', port: '443' },
  ]
  const { whyNotFetchable, close } = createOutbound({ exemptHosts })
  t.teardown(close)
  for (const url of [
    'http://api.internal:8443/x',
    'https://API.internal:8443/x',
    'http://plain.internal/',
    'https://[::1]/',
  ])
    t.equal(whyNotFetchable(url), undefined, url)
  for (const url of [
    'http://api.internal/',
    'http://api.internal:8444/',
    'http://plain.internal:443/',
    'http://[::1]/',
  ])
    t.equal(whyNotFetchable(url), 'must be an https URL', url)
  t.equal(whyNotFetchable('https://[::1]:22/'), 'leads to an address that is not on the public internet')
})

await t.test('a name that does not exist is a failure that says so', async (t) => {
  const outbound = createOutbound({ exemptHosts: [] })
  t.teardown(outbound.close)
  await t.rejects(outbound.get('https://nowhere.invalid/', ACCEPT), { message: /nowhere\.invalid/ })
})

/** A name server that answers with these addresses of version 4, or never. */
async function nameServer(t: Test, addresses: readonly string[] | undefined): Promise<string> {
  const server = createSocket('udp4')
  server.on('message', (query, from) => {
    if (addresses === undefined) return
    // The question is repeated; the answer points to its name. RFC 1035 §4
    const isVersion4 = query.readUInt16BE(query.indexOf(0, 12) + 1) === 1
    const answers = (isVersion4 ? addresses : []).map((address) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
    )
    const head = Buffer.from([0x81, 0x80, 0, 1, 0, answers.length, 0, 0, 0, 0])
    const question = query.subarray(12, query.indexOf(0, 12) + 5)
    server.send(Buffer.concat([query.subarray(0, 2), head, question, ...answers]), from.port, from.address)
  })
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `127.0.0.1:${server.address().port}`
}

await t.test('SS-06: a name server that is silent keeps nobody else waiting', async (t) => {
  const silent = askNameServers([await nameServer(t, undefined)])
  const resolved: string[] = []
  const outbound = createOutbound({
    exemptHosts: [{ host: 'localhost', port: undefined }],
    resolve: (host) => (host === 'quick.test' ? quick(host) : silent(host)),
  })
  const quick = askNameServers([await nameServer(t, ['10.0.0.1'])])
  t.teardown(outbound.close)
  const server = await serve(t, (_, response) => response.end())
  const note = (name: string) => () => void resolved.push(name)
  const slow = Array.from({ length: 20 }, (_, index) =>
    outbound.get(`https://${index}.slow.test/`, ACCEPT).then(note('reached'), (error: Error) => {
      note('slow')()
      return error.message
    }),
  )
  const others = [
    hash().then(note('a hash')),
    lookup('localhost').then(note('a name of the system')),
    outbound.get(server, ACCEPT).then(note('an exempt host')),
    t
      .rejects(outbound.get('https://quick.test/', ACCEPT), { message: /quick\.test is 10\.0\.0\.1/ })
      .then(note('a name')),
  ]
  await Promise.all(others)
  t.strictSame(resolved.sort(), ['a hash', 'a name', 'a name of the system', 'an exempt host'])
  for (const [index, message] of (await Promise.all(slow)).entries())
    t.equal(message, `no name server told the addresses of ${index}.slow.test within 2 s`)
})

await t.test('what is no plain https URL is not fetched', async (t) => {
  const outbound = createOutbound({ exemptHosts: [] })
  t.teardown(outbound.close)
  for (const [url, why] of [
    ['http://app.example.com/jwks', 'must be an https URL'],
    ['file:///etc/passwd', 'must be an https URL'],
    ['javascript:alert(1)', 'must be an https URL'],
    ['https://user:pw@app.example.com/', 'must not contain a user name or password'],
    ['https://app.example.com/#keys', 'must not have a fragment'],
    ['/jwks', 'is not a URL'],
  ] as const) {
    t.equal(outbound.whyNotFetchable(url), why, url)
    await t.rejects(outbound.get(url, ACCEPT), { message: why })
  }
})

await t.test('a host that the operator exempts may be private and without TLS', async (t) => {
  const server = await serve(t, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({ method: request.method, headers: request.headers, body: Buffer.concat(chunks).toString() }),
      )
    })
  })
  const outbound = createOutbound({ exemptHosts: [{ host: 'localhost', port: undefined }] })
  t.teardown(outbound.close)
  const got = await outbound.get(`${server}/jwks`, ACCEPT)
  t.match(got, { status: 200, contentType: 'application/json' })
  t.match(JSON.parse(got.body), { method: 'GET', headers: { accept: 'application/json' } })
  const posted = await outbound.post(server, new URLSearchParams({ logout_token: 'a+b&c' }))
  t.match(JSON.parse(posted.body), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'logout_token=a%2Bb%26c',
  })
  await t.rejects(
    outbound.get(server.replace('localhost', '127.0.0.1'), ACCEPT),
    { message: 'must be an https URL' },
    'by this name alone',
  )
})

await t.test('SS-04: a redirect is an answer, and is not followed', async (t) => {
  let asked = 0
  const server = await serve(t, (_, response) => {
    asked += 1
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  const outbound = createOutbound({ exemptHosts: [{ host: 'localhost', port: undefined }] })
  t.teardown(outbound.close)
  t.match(await outbound.get(server, ACCEPT), { status: 302 })
  t.equal(asked, 1)
})

await t.test('SS-06: a server that is slow, endless or compressed costs a bounded time and memory', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.url === '/silent') return
    if (request.url === '/headers') {
      for (let index = 0; index < 2000; index++) response.setHeader(`x-${index}`, 'x'.repeat(50))
      return void response.end()
    }
    if (request.url === '/bomb') {
      response.setHeader('content-encoding', 'gzip')
      return void response.end(gzipSync(Buffer.alloc(16 * 1024 * 1024)))
    }
    if (request.url === '/drip') {
      response.write('x')
      const drip = setInterval(() => response.write('x'), 200)
      return void response.on('close', () => clearInterval(drip))
    }
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(16 * 1024)));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  })
  const outbound = createOutbound({ exemptHosts: [{ host: 'localhost', port: undefined }] })
  t.teardown(outbound.close)
  const [silent, drip, endless, headers, bomb] = await Promise.allSettled(
    ['/silent', '/drip', '/endless', '/headers', '/bomb'].map(async (path) => {
      const since = performance.now()
      return outbound
        .get(server + path, ACCEPT)
        .finally(() => t.ok(performance.now() - since < 7000, `${path} is given up`))
    }),
  )
  t.match(silent, { reason: { message: 'no answer within 5 s' } })
  t.match(drip, { reason: { message: 'no answer within 5 s' } })
  for (const result of [endless, headers]) t.match(result, { reason: { name: 'Error' } })
  t.match(bomb, { value: { status: 200 } })
  t.ok(bomb?.status === 'fulfilled' && bomb.value.body.length < 64 * 1024, 'nothing is unpacked')
})

await t.test('SS-06: 64 KiB of an answer are read, with its length or without, and not a byte more', async (t) => {
  const server = await serve(t, (request, response) => {
    const bytes = Number(new URL(request.url ?? '', 'http://localhost').searchParams.get('bytes'))
    if (request.url?.startsWith('/length')) response.setHeader('content-length', bytes)
    response.write('x'.repeat(bytes - 1))
    response.end('x')
  })
  const outbound = createOutbound({ exemptHosts: [{ host: 'localhost', port: undefined }] })
  t.teardown(outbound.close)
  for (const path of ['/length', '/chunks']) {
    const { body } = await outbound.get(`${server}${path}?bytes=65536`, ACCEPT)
    t.equal(body.length, 65_536, path)
    const more = outbound.get(`${server}${path}?bytes=65537`, ACCEPT)
    await t.rejects(more, { message: 'Response content exceeded max size' }, path)
  }
})
