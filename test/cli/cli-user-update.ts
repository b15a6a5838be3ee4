// SQLite alone: is about what commands print; test/admin/admin-api-users.ts does the same on both databases
import t, { type Test } from 'tap'
import { USER_DETAILS } from '../../src/domain/users/user-details.ts'
import { auditOf } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, type Tessera, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { type Instance, startInstance } from '../fixtures/instance/instance.ts'
import { WHOLE_PROFILE } from '../fixtures/sign-in/person.ts'

const FLAGS = [
  ...['--name', 'David Miller', '--email', 'david@example.com', '--email-verified'],
  ...['--given-name', WHOLE_PROFILE.givenName, '--family-name', WHOLE_PROFILE.familyName],
  ...['--middle-name', WHOLE_PROFILE.middleName, '--nickname', WHOLE_PROFILE.nickname],
  ...['--profile-page', WHOLE_PROFILE.profilePage, '--picture', WHOLE_PROFILE.picture],
  ...['--website', WHOLE_PROFILE.website, '--gender', WHOLE_PROFILE.gender, '--birthdate', WHOLE_PROFILE.birthdate],
  ...['--zoneinfo', 'europe/london', '--locale', 'EN-gb', '--phone', WHOLE_PROFILE.phoneNumber, '--phone-verified'],
  ...['--formatted-address', WHOLE_PROFILE.formattedAddress, '--street-address', WHOLE_PROFILE.streetAddress],
  ...['--locality', WHOLE_PROFILE.locality, '--region', WHOLE_PROFILE.region],
  ...['--postal-code', WHOLE_PROFILE.postalCode, '--country', WHOLE_PROFILE.country, '--admin'],
]
const WHOLE = {
  ...{ name: 'David Miller', email: 'david@example.com', emailVerified: true, locale: 'en-GB', isAdmin: true },
  ...WHOLE_PROFILE,
}
const TEXTS = USER_DETAILS.filter(({ whyBad }) => whyBad !== undefined)

async function start(t: Test): Promise<{ instance: Instance; tessera: Tessera }> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  return { instance, tessera: tesseraOn(instance) }
}

await t.test('every detail has a flag, at adding and at changing, and an empty one takes it away', async (t) => {
  const { instance, tessera } = await start(t)
  t.match(await documentOf(tessera(['user', 'add', 'david', ...FLAGS, '--json'])), WHOLE)
  await documentOf(tessera(words('user add anna --json')))
  const email = FLAGS.map((word) => word.replace('david@', 'anna@'))
  const changed = await documentOf(tessera(['user', 'update', 'anna', ...email, '--json']))
  t.match(changed, { ...WHOLE, email: 'anna@example.com', login: 'anna' })
  const [event] = (await auditOf(instance, { user: String(changed['id']) })).slice(-1)
  matchesWhole(t, event, {
    event: 'user_updated',
    actor: /^cli:/,
    detail: { fields: { nickname: { from: null, to: 'Dave' }, phoneNumberVerified: { from: false, to: true } } },
  })

  const texts = FLAGS.filter((_, index) => FLAGS[index + 1]?.startsWith('--') === false)
  t.equal(texts.length, TEXTS.length)
  const empty = texts.flatMap((flag) => [flag, ''])
  const cleared = await documentOf(tessera(['user', 'update', 'anna', ...empty, '--no-admin', '--json']))
  t.strictSame(
    USER_DETAILS.map(({ name }) => [name, cleared[name]]),
    USER_DETAILS.map(({ name, whyBad }) => [name, name === 'name' ? 'anna' : whyBad ? null : false]),
  )
})

await t.test('it says what changed, what is not named stays, and doing it again changes nothing', async (t) => {
  const { tessera } = await start(t)
  await documentOf(tessera(['user', 'add', 'david', ...FLAGS, '--json']))
  const line = ['user', 'update', 'David@Example.com', '--nickname', 'Dee', '--street-address', '2 Tile Yard\nFlat 3']
  const told = 'nickname       Dave         ->  Dee\nstreetAddress  1 Tile Yard  ->  2 Tile Yard, Flat 3\n'
  matchesWhole(t, await tessera(line), { code: 0, stdout: told, stderr: '' })
  t.match(await tessera(line), { code: 0, stdout: 'Nothing to change: the record already has these values.\n' })
  t.match(await documentOf(tessera(words('user show david --json'))), {
    ...WHOLE,
    nickname: 'Dee',
    streetAddress: '2 Tile Yard\nFlat 3',
  })
  t.match((await tessera(words('user show david'))).stdout, /^ {2}streetAddress +2 Tile Yard\n {3,}Flat 3$/m)
})

await t.test('a new e-mail address or phone number is not a verified one unless its flag says so', async (t) => {
  const { tessera } = await start(t)
  const update = async (...flags: string[]) => {
    const record = await documentOf(tessera(['user', 'update', 'david', ...flags, '--json']))
    return [record['emailVerified'], record['phoneNumberVerified']]
  }
  await documentOf(tessera(['user', 'add', 'david', ...FLAGS, '--json']))
  t.strictSame(await update('--email', 'david@example.com', '--phone', WHOLE_PROFILE.phoneNumber), [true, true])
  t.strictSame(await update('--email', 'dm@example.com'), [false, true])
  t.strictSame(await update('--phone', '+44 20 7946 0001', '--email-verified'), [true, false])
  t.strictSame(await update('--phone', '+44 20 7946 0002', '--phone-verified', '--no-email-verified'), [false, true])
})

await t.test('what cannot be is refused with every reason by its flag, and nothing is stored', async (t) => {
  const { tessera } = await start(t)
  await documentOf(tessera(words('user add david --json')))
  await documentOf(tessera(words('user add anna --email anna@example.com --json')))
  const before = (await tessera(words('user list --json'))).stdout
  const url = 'must be an https URL of at most 2048 ASCII characters'
  const many = ['--nickname', ' ', '--website', 'http://a.example/', '--phone-verified', '--profile-page', 'x']
  matchesWhole(t, JSON.parse((await tessera(['user', 'update', 'david', ...many, '--json'])).stderr), {
    errors: [
      '--nickname: must not be empty',
      `--profile-page: ${url}`,
      `--website: ${url}`,
      '--phone-verified: needs --phone',
    ],
    exitCode: 2,
  })
  for (const [args, code, reason] of [
    [[], 2, 'nothing to change: give a detail, such as --nickname; tessera user update --help lists them all\n'],
    [
      ['--email', 'ANNA@example.com'],
      1,
      /^ANNA@example\.com is taken by anna; letter case and Unicode form do not matter\n$/,
    ],
    [['--login', 'x'], 2, /^unknown option '--login'\n/],
  ] as const)
    matchesWhole(
      t,
      await tessera(['user', 'update', 'david', ...args]),
      { code, stdout: '', stderr: reason },
      String(reason),
    )
  t.match(await tessera(words('user update nobody --nickname x')), { code: 1, stderr: /^no user has the login/ })
  t.equal((await tessera(words('user list --json'))).stdout, before)
})

await t.test('changes at the same time are all kept', async (t) => {
  const { tessera } = await start(t)
  await documentOf(tessera(words('user add david --json')))
  const lines = ['--nickname Dave', '--gender male', '--locality London', '--zoneinfo Europe/London']
  const outcomes = await Promise.all(lines.map((line) => tessera(words(`user update david ${line}`))))
  t.strictSame(
    outcomes.map(({ code, stderr }) => [code, stderr]),
    lines.map(() => [0, '']),
  )
  t.match(await documentOf(tessera(words('user show david --json'))), {
    nickname: 'Dave',
    gender: 'male',
    locality: 'London',
    zoneinfo: 'Europe/London',
  })
})
