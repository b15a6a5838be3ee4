// SQLite alone: asks no database
import { InvalidArgumentError } from 'commander'
import fc from 'fast-check'
import t from 'tap'
import { countFlag, durationFlag, timeFlag } from '../../src/cli/kit/durations.ts'
import * as readers from '../../src/config/readers.ts'
import { parseSource } from '../../src/config-files/read/parse-source.ts'
import { readFiles } from '../../src/config-files/read/read-files.ts'
import { APP_ATTRIBUTES } from '../../src/domain/apps/app-attributes.ts'
import { faultsOf } from '../../src/domain/apps/registration-rules.ts'
import { APP_DEFAULTS } from '../../src/domain/apps/trusted-application.ts'
import { didYouMean } from '../../src/domain/refusals/nearest.ts'
import { canonicalIdentifier, whyBadEmail, whyBadLogin, whyBadPassword } from '../../src/domain/users/user.ts'
import { USER_DETAILS } from '../../src/domain/users/user-details.ts'
import type { SealedRow } from '../../src/lib/crypto/sealed-box.ts'
import { isListedPassword } from '../../src/lib/files/listed-passwords.ts'
import { DatabaseUrlFault, parseDatabaseUrl } from '../../src/lib/net/database-url.ts'
import { isLoopback, networkOf } from '../../src/lib/net/network.ts'
import { markDifference } from '../../src/lib/text/difference.ts'
import { readDuration, showDuration } from '../../src/lib/time/duration.ts'
import { holds, isLinear, refusesAtMost, textOf } from '../fixtures/attacks/fuzz.ts'

await t.test('lengths and points of time', async () => {
  const texts = textOf('0', '1', '90', 's', 'm', 'h', 'd', '2026-02-31', 'T', '08:00', 'Z', '+99:99')
  holds(texts, (text) => {
    const read = readDuration(text)
    return read === undefined || (Number.isSafeInteger(read) && readDuration(showDuration(read)) === read)
  })
  holds(fc.tuple(fc.nat({ max: 999_999 }), fc.constantFrom('s', 'm', 'h', 'd')), ([amount, unit]) => {
    const read = readDuration(`${amount}${unit}`)
    return read !== undefined && readDuration(showDuration(read)) === read
  })
  for (const read of [durationFlag, countFlag, (text: string) => timeFlag(text)(0)])
    refusesAtMost(texts, read, InvalidArgumentError)
})

await t.test('settings', async () => {
  const { SettingFault, ...others } = readers
  const texts = textOf(
    'https://',
    'http://',
    'id.example.com',
    '/id',
    ':5080',
    '[::1]',
    '10.0.0.0/8',
    ',',
    'read',
    'true',
    'postgres://',
    'file:',
  )
  const { readCount, readOptionalDuration, readPositiveDuration, readOneOf, ...direct } = others
  const made = [readCount(1, 9), readOptionalDuration(1), readPositiveDuration(1), readOneOf(['a', 'b'])]
  for (const read of [...Object.values(direct), ...made] as ((text: string) => unknown)[])
    refusesAtMost(texts, read, SettingFault)
})

await t.test('the URL of a database', async () => {
  const texts = textOf(
    'postgres://',
    'file:',
    'user',
    ':pass@',
    'host',
    '/db',
    '?sslmode=',
    'verify-full',
    '&host=/run',
    '[::1]',
  )
  refusesAtMost(texts, parseDatabaseUrl, DatabaseUrlFault)
  const word = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    // An address drops these two.
    .filter((text) => text !== '.' && text !== '..')
  holds(fc.tuple(word, word, word), ([user, password, database]) => {
    const [as, by, at] = [user, password, database].map(encodeURIComponent)
    const read = parseDatabaseUrl(`postgres://${as}:${by}@localhost/${at}`)
    return read.kind === 'postgres' && read.user === user && read.password === password && read.database === database
  })
})

await t.test('addresses', async () => {
  const texts = textOf('127.0.0.1', '::1', '::ffff:', '0x7f', '%eth0', '/64', '2001:db8::')
  holds(texts, (text) => networkOf(text) !== '' && typeof isLoopback(text) === 'boolean')
})

await t.test('configuration files', async (t) => {
  const reading = { variables: { X: 'x' }, suggest: didYouMean, now: 0, seal: () => '' as SealedRow }
  const names = [
    'apps',
    'users',
    'resources',
    'settings',
    '__proto__',
    'ApplicationUri',
    'ClientType',
    'Scope',
    'login',
    'type',
    'profile',
  ]
  const yaml = textOf(
    'apps:\n',
    '  - ',
    'ApplicationUri: a\n',
    'ClientType: Public\n',
    '&a ',
    '*a',
    '<<: ',
    '!!js/function x',
    '---\n',
    '\t',
    '? ',
    '{',
    '}',
    '- ',
    '|\n',
    '"',
  )
  refusesAtMost(yaml, (text) => readFiles([{ file: 'a.yaml', text }], reading))
  const objects = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(
      fc.jsonValue(),
      fc.array(
        fc.dictionary(
          fc.constantFrom(...names, 'Jwks', 'IsEnabled', 'ApplicationSecret', 'email', 'identifier', 'scopes'),
          fc.jsonValue(),
        ),
        { maxLength: 3 },
      ),
    ),
  )
  holds(objects, (content) => {
    const { faults } = readFiles([{ file: 'a.json', text: JSON.stringify(content) }], reading)
    return faults.every(({ reason }) => reason !== '')
  })
  refusesAtMost(objects, (content) => parseSource({ file: 'a', text: JSON.stringify(content) }))
  isLinear(
    t,
    'lines',
    (text) => parseSource({ file: 'a', text }),
    (length) => 'a: [b]\n'.slice(0, 7) + '# x\n'.repeat(length / 10),
  )
})

await t.test('records of apps and users', async () => {
  const texts = textOf(
    'https://app.example.com/cb',
    ',',
    ' ',
    'true',
    '60',
    'code id_token',
    '{"keys":[]}',
    '2000-02-30',
    'Europe/Berlin',
    'de-DE',
  )
  for (const { name, read, show } of APP_ATTRIBUTES)
    holds(
      texts,
      (text) => {
        const change = read(text)
        if (change === undefined) return true
        const app = { ...APP_DEFAULTS, applicationUri: 'a', name: 'a', clientType: 'Confidential' as const, ...change }
        const again = read(String(show(app) ?? ''))
        return (
          faultsOf(app).every(({ attribute }) => attribute !== '') &&
          again !== undefined &&
          JSON.stringify(again) === JSON.stringify(change) &&
          name !== ''
        )
      },
      100,
    )
  for (const { whyBad } of USER_DETAILS) if (whyBad) holds(texts, (text) => whyBad(text, 0) !== '', 200)
  holds(texts, (text) =>
    [whyBadLogin(text), whyBadEmail(text), whyBadPassword(text, isListedPassword)].every((told) => told !== ''),
  )
  holds(texts, (text) => canonicalIdentifier(canonicalIdentifier(text)) === canonicalIdentifier(text))
})

await t.test('the difference between what was sent and what is known', async (t) => {
  const texts = textOf('https://', 'app.example.com', '[-', '-]', '{+', '+}', '\\')
  const restored = (marked: string, drop: RegExp, keep: RegExp): string =>
    marked
      .replace(drop, '')
      .replace(keep, '$1')
      .replace(/\\(\[-|-\]|\{\+|\+\}|\\)/g, '$1')
  holds(fc.tuple(fc.stringMatching(/^[a-z/:.]{0,40}$/), fc.stringMatching(/^[a-z/:.]{0,40}$/)), ([sent, known]) => {
    const marked = markDifference(sent, known)
    return (
      restored(marked, /\{\+.*?\+\}/g, /\[-(.*?)-\]/g) === sent &&
      restored(marked, /\[-.*?-\]/g, /\{\+(.*?)\+\}/g) === known
    )
  })
  holds(fc.tuple(texts, texts), ([sent, known]) => typeof markDifference(sent, known) === 'string', 200)
  isLinear(
    t,
    'equal ends',
    (text) => markDifference(`${text}x`, `${text}y`),
    (length) => 'a'.repeat(length),
  )
})
