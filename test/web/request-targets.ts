// SQLite alone: is about headers, hosts and addresses, which no database sees
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { startInstance } from '../fixtures/instance/instance.ts'

const DISCOVERY = '/id/.well-known/openid-configuration'

const instance = await startInstance({
  settings: { TESSERA_ISSUER: 'https://id.example.com/id', TESSERA_HOSTS: 'id.internal,id.internal:8443' },
})
t.teardown(() => instance.close())

/** Sends a request line and Host header as they stand. @returns the status and what follows */
async function ask(target: string, host: string | undefined, method = 'GET'): Promise<string> {
  const { port } = new URL(instance.origin)
  const socket = connect(Number(port), 'localhost')
  const lines = [`${method} ${target} HTTP/1.1`, ...(host === undefined ? [] : [`Host: ${host}`]), 'Connection: close']
  socket.end(`${lines.join('\r\n')}\r\n\r\n`)
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  await once(socket, 'close')
  return text.slice('HTTP/1.1 '.length)
}

await t.test('RFC 3986 §6.2.3: the usual port goes without saying, no other does', async (t) => {
  for (const [host, status] of [
    ['id.example.com', 200],
    ['id.example.com:443', 200],
    ['ID.Example.COM:443', 200],
    ['id.example.com:', 200],
    ['id.example.com:80', 421],
    ['id.example.com:8443', 421],
    ['id.example.com:0443', 421],
    ['id.example.com.evil.test:443', 421],
    ['evil.test:443', 421],
    ['id.internal:443', 200],
    ['id.internal:80', 200],
    ['id.internal:8443', 200],
    ['id.internal:8444', 421],
  ] as const)
    t.equal(Number((await ask(DISCOVERY, host)).slice(0, 3)), status, host)
})

await t.test('RFC 9112 §3.2.2: a target in absolute form is served as the same path', async (t) => {
  const document = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n'))
  const plain = document(await ask(DISCOVERY, 'id.example.com'))
  for (const target of [
    `https://id.example.com${DISCOVERY}`,
    `https://ID.example.com:443${DISCOVERY}`,
    `HTTPS://id.example.com${DISCOVERY}?x=1`,
    `http://id.example.com${DISCOVERY}`,
  ])
    t.equal(document(await ask(target, 'id.example.com')), plain, target)
  t.match(await ask(`https://id.example.com${DISCOVERY}`, 'evil.test'), /^200 /, 'what the Host header says is ignored')
  t.match(await ask('https://id.example.com', 'id.example.com'), /^200 /, 'an empty path is the root')
  t.match(await ask('https://id.example.com?ui_locales=de', 'id.example.com'), /content-language: de/i)
  t.match(await ask('https://id.example.com/id/connect/token', 'id.example.com'), /^405 /)
  t.match(await ask('https://id.example.com/metrics', 'id.example.com'), /^403 /)
})

await t.test('LG-22: it names no other host, and is no way round anything', async (t) => {
  for (const [target, status] of [
    [`https://evil.test${DISCOVERY}`, 421],
    [`http://evil.test${DISCOVERY}`, 421],
    // From this machine, as a Host header that says so. No name of another machine passes for it.
    [`http://localhost:1${DISCOVERY}`, 200],
    [`http://localhost.evil.test:1${DISCOVERY}`, 421],
    [`https://id.example.com@evil.test${DISCOVERY}`, 421],
    [`https://david@id.example.com${DISCOVERY}`, 421],
    [`https://id.example.com:8443${DISCOVERY}`, 421],
    [`https://id.example.com\\evil.test${DISCOVERY}`, 400],
    [`https://${DISCOVERY}`, 421],
    [`ftp://id.example.com${DISCOVERY}`, 400],
    ['https:id.example.com', 400],
    ['https://id.example.com/id/connect/authorize?x=%ff', 400],
    ['https://id.example.com/%ff', 404],
    ['https://id.example.com//evil.test/', 404],
  ] as const)
    t.equal(Number((await ask(target, 'id.example.com')).slice(0, 3)), status, target)
  t.match(await ask(`https://id.example.com${DISCOVERY}`, undefined), /^400 /, 'RFC 9112 §3.2: there is a Host header')
})
