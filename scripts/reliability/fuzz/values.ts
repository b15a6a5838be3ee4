import { oneOf } from '../lib/random.ts'

type Random = () => number

/** A whole number from 0 up to, and without, this one. */
export const below = (most: number, random: Random): number => Math.floor(random() * most)
export const chance = (part: number, random: Random): boolean => random() < part

/** What programs trip over. */
const ODD: readonly string[] = [
  ...['', ' ', '0', '-1', '1e309', 'NaN', 'null', 'undefined', 'true', '[object Object]', '9'.repeat(40), '0x10'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '..', '../../etc/passwd', '.', '/', '//', '\\', '%'],
  ...['\0', 'a\0b', '\r\nSet-Cookie: a=b', '\n', '\t', '\u001b[31m', '\u007f', '\u0085', '\u2028', '\ufeff', '\ufffd'],
  ...['é', 'e\u0301', 'ß', 'İ', 'ﬀ', '😀', '👩‍👩‍👧', '\u202e', '\ud800', '\udc00\ud800', 'Ａ', '٣'],
  ...['"', "'", '`', "' or 1=1 --", '"; drop table users; --', '%27', '<script>alert(1)</script>', '"><svg onload=x>'],
  ...[
    '$' + '{env.PATH}',
    '{{7*7}}',
    '<%= 1 %>',
    '%s%n',
    '%00',
    '%c0%af',
    '%u0041',
    '%zz',
    '+',
    '&',
    '=',
    ';',
    ',',
    '#',
    '?',
  ],
  ...['{}', '[]', '{"a":', '[[[[[[', '"x"', '{"__proto__":{"isAdmin":true}}', '2026-02-31', '1970-01-01T00:00:00Z'],
  ...['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'http://[::1', 'https://a@b:c', '//evil.test'],
  ...[
    'openid openid',
    'openid\u00a0profile',
    'none',
    'login none',
    'S256',
    'plain',
    'code id_token token',
    'form_post',
  ],
  ...[
    'eyJhbGciOiJub25lIn0.e30.',
    'a.b.c',
    '....',
    'e30.e30.e30',
    'Bearer',
    'Basic Og==',
    'ZW5ydF8=',
    `enrt_${'0'.repeat(64)}`,
  ],
]

/** Lengths around which limits are. */
const LENGTHS = [63, 64, 65, 127, 128, 129, 255, 257, 512, 513, 1024, 1025, 2048, 2049, 4097, 8193, 16_384, 17_000]
const FILLINGS = [
  'a',
  '%',
  ' ',
  '.',
  '/',
  'é',
  '\0',
  '(',
  '[',
  '{',
  '"',
  '=',
  '0',
  '&',
  ':',
  'A+',
  '%41',
  '\ud83d\ude00',
]

function huge(random: Random): string {
  const length = chance(0.02, random) ? 300_000 : oneOf(LENGTHS, random)
  return oneOf(FILLINGS, random).repeat(length).slice(0, length)
}

/** A value that nobody expects. */
export const oddValue = (random: Random): string => (chance(0.15, random) ? huge(random) : oneOf(ODD, random))

/** Ways to spoil a value that was right. */
const SPOILERS: readonly ((value: string, at: number, random: Random) => string)[] = [
  (value, at) => value.slice(0, at),
  (value, at) => value.slice(at),
  (value, at, random) => value.slice(0, at) + oneOf(ODD, random) + value.slice(at),
  (value, at, random) => value.slice(0, at) + String.fromCharCode(below(0x180, random)) + value.slice(at + 1),
  (value, at) => value.slice(0, at) + value.slice(at, at + 1).repeat(2) + value.slice(at + 1),
  (value, at) => value.slice(at) + value.slice(0, at),
  (value) => value + value,
  (value) => value.toUpperCase(),
  (value) => value.toLowerCase(),
  (value) => [...value].reverse().join(''),
  (value) => ` ${value} `,
  (value) => `${value}=`,
  (value) => encodeURIComponent(Buffer.from(value).toString()),
  (value) => Buffer.from(value).toString('base64'),
  (value) => value.replaceAll('.', ''),
  (value) => JSON.stringify(value),
]

/** The value with something wrong about it. */
export const spoil = (value: string, random: Random): string =>
  oneOf(SPOILERS, random)(value, below(value.length + 1, random), random)
