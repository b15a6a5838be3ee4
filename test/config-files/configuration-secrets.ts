// SQLite alone: is about files; test/config-files/configuration-as-code.ts applies them on both databases
import t from 'tap'
import { digest } from '../../src/lib/crypto/secrets.ts'
import { ENVIRONMENT, PASSWORD, SECRET, shop, WHOLE } from '../fixtures/admin/shop.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { type Answer, changesIn, inShort } from '../fixtures/cli/tessera-command.ts'
import { bytesAtRest, query, spellingsOf } from '../fixtures/store/database.ts'

await t.test('secrets and passwords are at rest and in output as hashes alone', async (t) => {
  const line = await shop(t)
  const answers = [
    await line.runWith(ENVIRONMENT, ['plan', line.whole]),
    await line.run('export', '--with-password-hashes'),
    await line.run('export', '--json'),
    await line.runWith({ ...ENVIRONMENT, SHOP_SECRET: `${SECRET}-next` }, ['plan', line.whole]),
    await line.runWith({ ...ENVIRONMENT, SHOP_SECRET: `${SECRET}-next` }, ['apply', line.whole, '--json']),
  ]
  const atRest = await bytesAtRest(line)
  t.ok(atRest.includes(Buffer.from(digest(`${SECRET}-next`))), 'the digest is kept')
  for (const secret of [SECRET, PASSWORD]) {
    t.notOk(
      spellingsOf(secret).some((spelling) => atRest.includes(spelling)),
      'not in the database',
    )
    for (const { stdout, stderr } of answers) t.notOk(`${stdout}${stderr}`.includes(secret), 'not in the output')
  }
  t.strictSame(
    changesIn(answers[4] as Answer)[0]?.fields,
    {
      ApplicationSecretHash: {
        from: `sha256:${digest(SECRET).slice(0, 8)}…`,
        to: `sha256:${digest(`${SECRET}-next`).slice(0, 8)}…`,
      },
    },
    'a change of secret shows as digests',
  )
  t.match(answers[1]?.stdout, /passwordHash: "\$argon2id\$/)
  t.notMatch(answers[2]?.stdout, /argon2/)
})

await t.test('what a record leaves out has its default; switches, secrets and passwords stay', async (t) => {
  const line = await shop(t)
  await line.run('app', 'disable', 'my.trusted.app/shop')
  const file = line.file(
    'less.yaml',
    `apps:
  - ApplicationUri: my.trusted.app/shop
    Name: Shop
    ClientType: Confidential
    ImpersonateLoginUrl: https://shop.example.com/cb
    ImpersonateAsInternalUserAllowed: true
    Scope: read
users:
  - login: DAVID
`,
  )
  const changes = changesIn(await line.run('apply', file, '--json'))
  t.strictSame(
    changes.map(({ id, fields }) => [id, Object.keys(fields)]),
    [
      ['david', ['name', 'email', 'givenName', 'familyName']],
      [
        'my.trusted.app/shop',
        [
          'ImpersonateLoginUrl',
          'ImpersonateLogoutUrl',
          'SystemUserAllowed',
          'SystemUser',
          'Scope',
          'ApiResources',
          'AccessTokenLifetime',
        ],
      ],
    ],
  )
  matchesWhole(
    t,
    await query(line, 'select is_enabled from trusted_applications'),
    [{ is_enabled: 0 }],
    'a kill switch stays',
  )
  matchesWhole(t, await query(line, 'select hash from app_secrets'), [{ hash: digest(SECRET) }], 'secrets stay')
  matchesWhole(t, await query(line, "select password_hash from users where login = 'david'"), [
    { password_hash: /argon2id/ },
  ])
  t.match((await line.run('user', 'show', 'svc.shop', '--json')).json(), { login: 'svc.shop' }, 'nothing goes unasked')
})

await t.test('a password is for an account that has none, and the plan shows it', async (t) => {
  const line = await shop(t)
  const own = (await line.runWith({}, ['user', 'set-password', 'david', '--password-stdin'], 'a password of his own'))
    .exitCode
  t.equal(own, 0)
  await line.run('user', 'add', 'nora')
  const users = (...logins: string[]): string =>
    line.file(
      'users.yaml',
      `users:\n${logins.map((name) => `  - { login: ${name}, password: "\${PASS}" }\n`).join('')}`,
    )
  const hashOf = async (login: string) => {
    const sql = `select password_hash from users where login = '${login}'`
    return (await query<{ password_hash: string | null }>(line, sql))[0]?.password_hash
  }
  const before = await hashOf('david')
  const run = (command: string, pass: string) => line.runWith({ PASS: pass }, [command, users('nora'), '--json'])
  const planned = await run('plan', PASSWORD)
  t.strictSame(changesIn(planned), [
    { kind: 'user', id: 'nora', action: 'update', fields: { password: { from: null, to: '(set)' } } },
  ])
  t.equal(await hashOf('nora'), null, 'a plan sets none')
  const applied = await run('apply', PASSWORD)
  t.strictSame({ document: applied.json(), stderr: applied.stderr }, { document: planned.json(), stderr: '' })
  const set = await hashOf('nora')
  t.match(set, /^\$argon2id\$/)
  t.strictSame(
    await query(line, "select event from audit_events where event = 'user_password_set'"),
    [{ event: 'user_password_set' }, { event: 'user_password_set' }],
    'his and hers',
  )
  const again = await run('apply', PASSWORD)
  t.strictSame(
    { document: again.json(), stderr: again.stderr },
    { document: { changes: [], warnings: [] }, stderr: '' },
  )

  for (const command of ['plan', 'apply']) {
    const other = await run(command, 'quite another password')
    t.strictSame(other.json(), { changes: [], warnings: [other.stderr.trim().replace('warning: ', '')] })
    t.equal(
      other.stderr,
      'warning: nora: the password is ignored, as the account already has another one; to change it: tessera user set-password nora\n',
    )
  }
  t.strictSame([await hashOf('nora'), await hashOf('david')], [set, before], 'what exists stays')

  const system = await line.runWith({ PASS: PASSWORD }, ['apply', users('svc.shop')])
  t.match(system, { exitCode: 2, stderr: /user svc\.shop: password: a SystemUserNoLogin never signs in/ })
})

await t.test('secrets are described as a whole: rotated, labelled, ended', async (t) => {
  const line = await shop(t)
  const app = (secrets: string): string =>
    line.file('secrets.yaml', WHOLE.replace(`ApplicationSecret: \${SHOP_SECRET}`, secrets).replace(/password: .*/, ''))
  const next = digest('next secret')
  const both = app(
    `ApplicationSecret: { Secret: "\${SHOP_SECRET}", Label: old, ExpiresAt: "2099-01-01T00:00:00Z" }\n    ApplicationSecretHash: ${next}`,
  )
  t.strictSame(inShort(await line.runWith(ENVIRONMENT, ['apply', both, '--json'])), ['update app my.trusted.app/shop'])
  const [old] = await query<{ label: string }>(line, 'select * from app_secrets where hash = ?', digest(SECRET))
  t.match(old, { label: 'old', expires_at: Date.UTC(2099, 0, 1) })
  t.strictSame((await line.runWith(ENVIRONMENT, ['plan', both, '--json'])).json(), { changes: [], warnings: [] })
  await line.run('apply', app(`ApplicationSecretHash: [${next}]`))
  matchesWhole(t, await query(line, 'select hash from app_secrets'), [{ hash: next }])
  const events = await query<{ event: string }>(line, "select event from audit_events where event like 'app_secret%'")
  t.strictSame(events.map(({ event }) => event).sort(), [
    'app_secret_added',
    'app_secret_added',
    'app_secret_changed',
    'app_secret_removed',
  ])
  const three = app(`ApplicationSecretHash: [${next}, ${digest('b')}, ${digest('c')}]`)
  t.match((await line.run('plan', three)).stderr, /ApplicationSecretHash: at most 2 secrets can be valid at once/)
  const turned = line.file(
    'public.yaml',
    `apps:
  - ApplicationUri: my.trusted.app/shop
    ClientType: Public
    ImpersonateLoginUrl: https://shop.example.com/cb
    ImpersonateAsInternalUserAllowed: true
resources:
  - { Identifier: https://stock.example.com, Scopes: [stock, stock.write] }
`,
  )
  t.equal((await line.run('apply', turned)).exitCode, 0)
  t.strictSame(await query(line, 'select hash from app_secrets'), [], 'only a Confidential app has secrets')
})
