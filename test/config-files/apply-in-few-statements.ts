import t, { type Test } from 'tap'
import { apps, people } from '../fixtures/admin/many.ts'
import { changesIn, commandLine } from '../fixtures/cli/tessera-command.ts'
import { alter, query } from '../fixtures/store/database.ts'
import { statementsOf } from '../fixtures/store/statements.ts'

const SECRET = 'a secret of whoever makes MACs with it'
const LAYS_DOWN = /^(create (temporary table|index) staged_|insert into "staged_)/

/** How many statements an apply makes while others wait for it: all that come after the last row was laid down beside the tables. */
async function madeByUnit(work: () => Promise<unknown>): Promise<number> {
  const asked = await statementsOf(work)
  const last = asked.findLastIndex(({ sql }) => LAYS_DOWN.test(sql))
  t.not(last, -1, 'something was laid down')
  return asked.length - last - 1
}

const [FEW, MANY] = [10, 120]
// Each is tried with its own records, few and many: the next step finds them as the one before it left them.
const USERS = [
  ['new users without a password', { passwordHash: undefined }],
  ['users who get their first password', {}],
  ['changed users', { locale: 'de' }],
  ['users who are switched off', { locale: 'de', isEnabled: false }],
  ['users who are switched on again, and changed', { locale: 'fr', isEnabled: true }],
] as const
// biome-ignore lint/suspicious/noTemplateCurlyInString: files name variables like that
const VARIABLE = '${SECRET}'
const MAC = { TokenEndpointAuthMethod: 'client_secret_jwt', ApplicationSecretHash: undefined }
const APPS = [
  ['new apps with their secrets', {}],
  ['changed apps', { Name: 'Shop' }],
  ['apps that were switched off', { Name: 'Shop', IsEnabled: false }],
  ['apps that are switched on, and changed', { Name: 'Store', IsEnabled: true }],
  ['apps that get another secret', { ApplicationSecretHash: Buffer.alloc(32, 'b').toString('base64') }],
  [
    'apps whose secret gets a label and an end',
    {
      ApplicationSecretHash: {
        Hash: Buffer.alloc(32, 'b').toString('base64'),
        Label: 'old',
        ExpiresAt: '2099-01-01T00:00:00Z',
      },
    },
  ],
  ['apps that make MACs with their secret', { ...MAC, ApplicationSecret: VARIABLE }],
  ['apps that do so no more', { ApplicationSecretHash: undefined }],
  ['apps that become Public', { ClientType: 'Public', ApplicationSecretHash: undefined }],
] as const

/** An instance, and what compares how an apply of few records and one of many hold others up there. */
async function startComparing(t: Test) {
  const line = commandLine(t)
  await line.run('db', 'migrate')
  const apply = (records: object, count: number, what: string) => async () => {
    const answer = await line.runWith({ SECRET }, ['apply', line.file('records.json', records), '--json'])
    t.equal(changesIn(answer).length, count, `${what}: all ${count}`)
  }
  async function compare(what: string, records: (count: number) => object): Promise<void> {
    const few = await madeByUnit(apply(records(FEW), FEW, what))
    t.ok(few > 3 && few < 30, `${what}: ${few}`)
    t.equal(await madeByUnit(apply(records(MANY), MANY, what)), few, `${what}: no more for ${MANY} than for ${FEW}`)
  }
  return { line, apply, compare }
}

await t.test('however many records, as few statements hold up who else writes', async (t) => {
  const { line, compare } = await startComparing(t)
  for (const [what, more] of USERS) await compare(what, (count) => ({ users: people(count, `u${count}-`, more) }))
  await compare('users who get another e-mail', (count) => ({
    users: people(count, `u${count}-`).map((one) => ({ ...one, email: `new-${one.email}` })),
  }))
  for (const [what, more] of APPS) await compare(what, (count) => ({ apps: apps(count, `a${count}-`, more) }))

  for (const kind of ['apps', 'users']) {
    const none = line.file(`no-${kind}.json`, { [kind]: [] })
    const made = await madeByUnit(() => line.run('apply', none, '--prune', '--json'))
    t.ok(made < 40, `${kind} that are removed: ${made}`)
  }
  const tables = ['users', 'user_identifiers', 'app_secrets', 'app_origins']
  const left = await query<{ count: number | string }>(
    line,
    `select ${tables.map((table) => `(select count(*) from ${table})`).join(' + ')} as count`,
  )
  t.equal(Number(left[0]?.count), 0, 'nothing of them is left')
})

await t.test('the same for apps that registered themselves, and what they say of themselves is kept', async (t) => {
  const { line, apply, compare } = await startComparing(t)
  const own = (count: number, more: object) => ({
    apps: apps(count, `own${count}-`, { SelfRegistered: true, ...more }),
  })
  for (const count of [FEW, MANY]) await apply(own(count, {}), count, 'apps that have registered themselves')()
  await alter(
    line,
    `insert into self_registrations (application_uri, token_digest, metadata, created_at)
       select application_uri, application_uri, '{"said":"of itself","decided":["scope"]}', 1 from trusted_applications
       where application_uri like 'my.trusted.app/own%'`,
  )
  await compare('apps that registered themselves, and are changed', (count) => own(count, { Name: 'Named' }))
  const [said, ...others] = await query(line, 'select distinct metadata from self_registrations')
  t.strictSame([said, others], [{ metadata: '{"said":"of itself","decided":["scope","name"]}' }, []])
})
