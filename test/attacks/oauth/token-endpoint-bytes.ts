// SQLite alone: refused before anything but the record of the app is read
import { connect } from 'node:net'
import t from 'tap'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { basic } from '../../fixtures/clients/http.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import { SYNC } from '../../fixtures/instance/world.ts'

const BODY = 'grant_type=client_credentials'
const MEBIBYTE = 1024 * 1024
// Of what has no end, this much is sent before the server must have cut it off.
const MOST_SENT = 8 * MEBIBYTE

/** Writes bytes as they are, then more of them as long as the server takes any, and reads until it hangs up. */
function speak({ origin }: Instance, text: string, endless = ''): Promise<{ answer: string; sent: number }> {
  const { port } = new URL(origin)
  return new Promise((resolve) => {
    let [answer, sent] = ['', 0]
    const socket = connect({ host: 'localhost', port: Number(port) })
    const flood = (): void => {
      while (endless !== '' && !socket.destroyed && sent < MOST_SENT) {
        sent += endless.length
        if (!socket.write(endless)) return
      }
      if (endless !== '' && sent >= MOST_SENT) socket.end()
    }
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk
    })
    socket.on('connect', () => socket.write(text, flood)).on('drain', flood)
    // A reset is an end as well: what was answered before it counts.
    socket.on('error', () => undefined).on('close', () => resolve({ answer, sent }))
    socket.setTimeout(5000, () => socket.destroy())
  })
}

await attackGroup(t, 'D. Token endpoint: bytes on the wire', async ({ instance, attack }) => {
  const { host } = new URL(instance.origin)
  const { authorization } = basic(SYNC)
  const request = (headers: readonly string[], body = BODY, line = 'POST /id/connect/token HTTP/1.1'): string =>
    [
      line,
      `Host: ${host}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Authorization: ${authorization}`,
      ...headers,
      '',
      body,
    ].join('\r\n')
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
  const length = `Content-Length: ${BODY.length}`
  const statusesOf = (answer: string): string[] =>
    [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, code = '']) => code)

  const SMUGGLED: Readonly<Record<string, string>> = {
    'Content-Length and Transfer-Encoding': request([length, 'Transfer-Encoding: chunked'], chunk(BODY)),
    'Transfer-Encoding and Content-Length': request(['Transfer-Encoding: chunked', length], chunk(BODY)),
    'two lengths': request([length, 'Content-Length: 5']),
    'the same length twice': request([length, length]),
    'a length with a sign': request([`Content-Length: +${BODY.length}`]),
    'a length in hex': request(['Content-Length: 0x1d']),
    'a negative length': request(['Content-Length: -1']),
    'an unknown transfer coding': request(['Transfer-Encoding: xchunked'], chunk(BODY)),
    'chunked not last': request(['Transfer-Encoding: chunked, identity'], chunk(BODY)),
    'a folded header': request([length, 'X-Folded: a\r\n b']),
    'a carriage return alone in a header': request([length, 'X-Odd: a\rX-Other: b']),
    'CR LF CR and X': request([`${length}\r\n\rX`]),
    'a space before the colon': request([`Content-Length : ${BODY.length}`]),
    'a header without a colon': request([length, 'nonsense']),
    'a line feed alone': request([length]).replaceAll('\r\n', '\n'),
    'a NUL in a header': request([length, 'X-Odd: a\0b']),
    'no host': request([length]).replace(/Host:.*\r\n/, ''),
    'a chunk size that is no number': request(['Transfer-Encoding: chunked'], 'zz\r\nx\r\n0\r\n\r\n'),
    'an unknown method': request([length], BODY, 'BREW /id/connect/token HTTP/1.1'),
    'HTTP/3': request([length], BODY, 'POST /id/connect/token HTTP/3.0'),
  }
  for (const [name, text] of Object.entries(SMUGGLED))
    await attack(
      'TE-25',
      name,
      async (t) => {
        const { answer } = await speak(instance, `${text}GET /id/health/ready HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
        t.strictSame(statusesOf(answer), ['400'], 'refused, and nothing after it is listened to')
        t.notMatch(answer, /access_token/)
      },
      { unrefused: true },
    )
  await attack(
    'TE-25',
    'an absolute-form target of another host gets nothing of that host',
    async (t) => {
      const line = `POST http://evil.test/id/connect/token HTTP/1.1`
      const { answer } = await speak(instance, request([length, 'Connection: close'], BODY, line))
      t.notMatch(answer, /evil\.test/)
      t.notMatch(answer, /^HTTP\/1\.1 5/)
      t.equal(statusesOf(answer).length, 1)
    },
    { unrefused: true, changes: true },
  )

  for (const [name, text, endless] of [
    ['100 MiB in chunks', request(['Transfer-Encoding: chunked'], ''), chunk('x'.repeat(65_536)).slice(0, -5)],
    ['a length of 100 MiB', request([`Content-Length: ${100 * MEBIBYTE}`], ''), 'x'.repeat(65_536)],
  ] as const)
    await attack('TE-05', name, async (t) => {
      const { answer, sent } = await speak(instance, text, endless)
      t.ok(['413', undefined].includes(statusesOf(answer)[0]), answer.slice(0, 200))
      t.ok(sent <= MOST_SENT)
      t.match(answer, /^connection: close/im)
    })
  await attack('TE-05', '64 KiB and a byte', async (t) => {
    const long = `x=${'x'.repeat(65_535)}`
    const { answer } = await speak(instance, request([`Content-Length: ${long.length}`], long))
    t.equal(statusesOf(answer)[0], '413')
  })
  await attack(
    'TE-05',
    'a length that is too short: the rest is no request',
    async (t) => {
      const { answer } = await speak(instance, request([`Content-Length: 5`]))
      t.notMatch(answer, /access_token/)
      t.notOk(statusesOf(answer).includes('200'))
    },
    { unrefused: true },
  )
  await attack(
    'TE-26',
    'an endless chunk extension',
    async (t) => {
      const { answer, sent } = await speak(instance, request(['Transfer-Encoding: chunked'], '5;'), 'x'.repeat(65_536))
      t.ok(sent < MOST_SENT, `cut off after ${sent} bytes`)
      t.notOk(statusesOf(answer).includes('200'))
    },
    { unrefused: true },
  )
})
