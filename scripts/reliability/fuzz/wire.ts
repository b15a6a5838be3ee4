import { oneOf } from '../lib/random.ts'
import type { Pair, Shape } from './grammar.ts'
import { below, chance, oddValue } from './values.ts'

type Random = () => number

/** A request as it goes over the wire. */
export interface Sent {
  readonly bytes: Buffer
  readonly method: string
  /** Whether it is what HTTP calls a request; anything else has a connection of its own. */
  readonly sound: boolean
}

/** Writes a request; one of ten is no longer HTTP afterwards. */
export function toWire(shape: Shape, host: string, random: Random): Sent {
  const { path, query, headers, method } = shape
  const target = `${path}${query.length > 0 ? `?${encoded(query, random)}` : ''}`
  const given = headers.map(([name]) => name)
  const { type, body } = bodyOf(shape, random)
  const lines = [
    ...(given.includes('host') ? [] : [`Host: ${host}`]),
    ...(body === '' || given.includes('content-type') ? [] : [`Content-Type: ${type}`]),
    ...(given.includes('transfer-encoding') || (body === '' && method === 'GET')
      ? []
      : [`Content-Length: ${Buffer.byteLength(body)}`]),
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ]
  const head = `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
  const bytes = Buffer.concat([Buffer.from(head), Buffer.from(body)])
  const sound = !given.includes('transfer-encoding') && isSound(method, target, lines)
  return chance(0.1, random) ? { method, sound: false, bytes: broken(bytes, random) } : { method, sound, bytes }
}

const isSound = (method: string, target: string, lines: readonly string[]): boolean =>
  /^[A-Z]+$/.test(method) && /^[\x21-\x7e]+$/.test(target) && lines.every((line) => /^[\t\x20-\x7e]+$/.test(line))

/** Escapes parts now and then as nobody should. */
const ESCAPES: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.replace(/%/g, '%%'),
  (text) => text.replace(/%[0-9A-F]{2}/, '%'),
  (text) => `${text}%c3%28`,
  (text) => `${text}%`,
  (text) => `${text}&&=&=x&x`,
  (text) => text.replaceAll('&', ';'),
  (text) => text.replaceAll('=', '%3D'),
  (text) => text.replace(/%([0-9A-F]{2})/g, '%25$1'),
]

function encoded(pairs: readonly Pair[], random: Random): string {
  const text = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString()
  return chance(0.1, random) ? oneOf(ESCAPES, random)(text) : text
}

/** The fields as a form or as JSON, and now and then as neither. */
function bodyOf({ fields, path, method }: Shape, random: Random): { type: string; body: string } {
  if (['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method) && !chance(0.1, random)) return { type: '', body: '' }
  const json = /\/(manage|profile)\/|\/register/.test(path) !== chance(0.1, random)
  if (!json) return { type: 'application/x-www-form-urlencoded', body: encoded(fields, random) }
  const text = JSON.stringify(Object.fromEntries(fields.map(([name, value]) => [name, memberOf(value, random)])))
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
  return { type, body: chance(0.12, random) ? oneOf(JSON_FAULTS, random)(text) : text }
}

const MEMBERS: readonly ((value: string) => unknown)[] = [
  (value) => [value],
  (value) => ({ value }),
  () => null,
  () => true,
  () => -0.5,
  () => 1e300,
  () => [[[]]],
  (value) => Number(value),
  () => ({ keys: [{ kty: 'RSA', n: 'AQAB', e: 'AQAB' }] }),
]

const memberOf = (value: string, random: Random): unknown =>
  chance(0.6, random) ? value : oneOf(MEMBERS, random)(value)

const JSON_FAULTS: readonly ((text: string) => string)[] = [
  (text) => text.slice(0, -1),
  (text) => `[${text}]`,
  (text) => `\ufeff${text}`,
  (text) => text.replace('{', '{"__proto__":{"isAdmin":true},'),
  (text) => text.replace('{', '{"constructor":{"prototype":{}},'),
  (text) => text.replace('}', ',"IsEnabled":false,"IsEnabled":true}'),
  () => '['.repeat(60_000),
  () => `${'{"a":'.repeat(15_000)}1${'}'.repeat(15_000)}`,
  () => `{"Name":${'9'.repeat(5000)}}`,
  () => '"\\ud800"',
  () => '{"Name":"\\u0000\\ud800"}',
  () => 'null',
  () => '',
]

/** What is left of a request that somebody damaged on the way. */
const DAMAGE: readonly ((bytes: Buffer, at: number, random: Random) => Buffer)[] = [
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at) => bytes.subarray(at),
  (bytes, at, random) =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from([below(256, random)]), bytes.subarray(at + 1)]),
  (bytes, at, random) => Buffer.concat([bytes.subarray(0, at), Buffer.from(oddValue(random)), bytes.subarray(at)]),
  (bytes) => Buffer.concat([bytes, bytes]),
  (bytes) => replaced(bytes, /Content-Length: \d+/i, 'Content-Length: 5\r\nContent-Length: 6'),
  (bytes) => replaced(bytes, /Content-Length: \d+/i, 'Content-Length: 99999999999999999999'),
  (bytes) => replaced(bytes, /Content-Length: \d+/i, 'Content-Length: 4000'),
  (bytes) => replaced(bytes, /Content-Length: (\d+)/i, 'Content-Length: $1\r\nTransfer-Encoding: chunked'),
  (bytes) => replaced(bytes, /Content-Length: \d+/i, 'Transfer-Encoding: chunked'),
  (bytes) => replaced(bytes, /\r\n/g, '\n'),
  (bytes) => replaced(bytes, /: /, ' : '),
  (bytes) => replaced(bytes, /\r\n([A-Z])/, '\r\n $1'),
  (bytes) => replaced(bytes, /HTTP\/1\.1/, 'HTTP/9.9'),
  (bytes) => replaced(bytes, /HTTP\/1\.1/, 'HTTP/1.0'),
  (bytes) => replaced(bytes, / \//, ' http://evil.test/'),
  (bytes) => replaced(bytes, /Host: [^\r]*\r\n/, ''),
  (bytes) => replaced(bytes, /Host: ([^\r]*)/, 'Host: $1\r\nHost: evil.test'),
  (bytes) => replaced(bytes, /\r\n/, `\r\n${Array.from({ length: 150 }, (_, index) => `x-${index}: y\r\n`).join('')}`),
  (bytes) => replaced(bytes, /\r\n/, `\r\nx-long: ${'y'.repeat(17_000)}\r\n`),
  (bytes) => replaced(bytes, /\r\n/, '\r\nx-odd: a\0b\r\n'),
  (bytes) => replaced(bytes, /\r\n/, '\r\nx-odd: a\rb\r\n'),
]

const replaced = (bytes: Buffer, pattern: RegExp, by: string): Buffer =>
  Buffer.from(bytes.toString('latin1').replace(pattern, by), 'latin1')

const broken = (bytes: Buffer, random: Random): Buffer =>
  oneOf(DAMAGE, random)(bytes, below(bytes.length, random), random)
