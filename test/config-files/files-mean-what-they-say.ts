import t from 'tap'
import { parse } from 'yaml'
import { STOCK, shop } from '../fixtures/admin/shop.ts'
import { changesIn, commandLine, inShort } from '../fixtures/cli/tessera-command.ts'
import { query } from '../fixtures/store/database.ts'

await t.test('people swap their e-mails, or hand them on in a circle, in one file', async (t) => {
  const line = commandLine(t)
  const people = (emails: Readonly<Record<string, string>>): string =>
    line.file('people.json', { users: Object.entries(emails).map(([login, email]) => ({ login, email })) })
  const [first, second, third] = ['one@example.com', 'two@example.com', 'three@example.com'] as const
  await line.run('apply', people({ anna: first, bert: second, cleo: third }))
  for (const [what, emails] of [
    ['a swap', { anna: second, bert: first, cleo: third }],
    ['a circle', { anna: third, bert: second, cleo: first }],
  ] as const) {
    const file = people(emails)
    const planned = await line.run('plan', file, '--json')
    t.strictSame(
      inShort(planned),
      what === 'a swap'
        ? ['update user anna', 'update user bert']
        : ['update user anna', 'update user bert', 'update user cleo'],
      what,
    )
    t.strictSame((await line.run('apply', file, '--json')).json(), planned.json(), `${what} is applied as planned`)
    t.strictSame(
      await query(line, 'select login, email from users order by login'),
      Object.entries(emails).map(([login, email]) => ({ login, email })),
    )
  }
  t.equal(
    (await line.run('plan', people({ anna: first }))).stderr,
    `${line.folder}/people.json:1: user anna: email: ${first} is taken by cleo; letter case and Unicode form do not matter\n`,
    'what somebody keeps is not for another',
  )
})

await t.test('a login in another spelling renames nobody', async (t) => {
  const line = commandLine(t)
  await line.run('apply', line.file('a.yaml', 'users: [{ login: david }, { login: Anna, givenName: Anna }]'))
  const other = line.file('b.yaml', 'users: [{ login: DAVID }, { login: aNNa, givenName: Anna }]')
  t.strictSame((await line.run('apply', other, '--json')).json(), { changes: [], warnings: [] })
})

await t.test('a day that no calendar has is no end of a secret', async (t) => {
  const line = await shop(t)
  for (const end of ['2030-02-30', '2031-02-29T00:00:00Z', '2030-04-31T12:00:00+02:00', '2030-13-01']) {
    const file = line.file(
      'end.yaml',
      `apps:\n  - ApplicationUri: a/b\n    ClientType: Confidential\n    ApplicationSecret: { Secret: "\${S}", ExpiresAt: "${end}" }\n`,
    )
    t.equal(
      (await line.runWith({ S: 'a secret that is long enough' }, ['plan', file])).stderr.split('\n')[0],
      `${line.folder}/end.yaml:4: app a/b: ApplicationSecret: ExpiresAt expects a time with its zone, such as 2030-01-31T12:00:00Z`,
      end,
    )
  }
})

await t.test('the removal of an app shows in the plan what becomes of the APIs that it serves', async (t) => {
  const line = await shop(t)
  const file = line.file('none.yaml', 'apps: []')
  const planned = await line.run('plan', file, '--prune', '--json')
  t.strictSame(inShort(planned), [`update resource ${STOCK}`, 'remove app my.trusted.app/shop'])
  t.strictSame(changesIn(planned)[0]?.fields, { ResourceServers: { from: ['my.trusted.app/shop'], to: [] } })
  t.strictSame((await line.run('apply', file, '--prune', '--json')).json(), planned.json())
  t.strictSame(
    await query(
      line,
      "select event from audit_events where event like 'resource%' or event like 'app_rem%' order by event",
    ),
    [
      { event: 'app_removed' },
      { event: 'resource_added' },
      { event: 'resource_updated' },
      { event: 'resource_updated' },
    ],
    'and the audit log has both',
  )
})

await t.test('a hash of a secret cannot verify a MAC, and whoever writes or applies one is told', async (t) => {
  const line = commandLine(t)
  const app = (secret: string): string =>
    line.file(
      'mac.yaml',
      `users: [{ login: svc, type: SystemUserNoLogin }]
apps:
  - ApplicationUri: a/mac
    ClientType: Confidential
    TokenEndpointAuthMethod: client_secret_jwt
    SystemUserAllowed: true
    SystemUser: svc
    Scope: read
    ${secret}
`,
    )
  const S = 'a secret that is long enough'
  const made = await line.runWith({ S }, ['apply', app(`ApplicationSecret: "\${S}"`)])
  t.equal(made.stderr.includes('warning'), false, made.stderr)
  const exported = await line.run('export')
  const lost = `warning: a/mac: the file has only the hash of its secret, which cannot verify the MACs of client_secret_jwt in another instance; create a new one there with: tessera app rotate-secret a/mac --overlap 7d\n`
  t.equal(exported.stderr, lost)
  const kept = line.file('kept.yaml', exported.stdout)
  t.equal((await line.run('plan', kept)).stderr, '', 'where the secret is known nothing is lost')
  const fresh = commandLine(t)
  for (const command of ['plan', 'apply'])
    t.match(
      (await fresh.run(command, kept)).stderr,
      /^(note.*\n|created.*\n)*warning: a\/mac: only the hash of a secret [^\n]*client_secret_jwt[^\n]*: tessera app rotate-secret a\/mac --overlap 7d\n$/,
    )
})

await t.test('every reader of YAML takes an export for the same, of version 1.1 as well', async (t) => {
  const line = commandLine(t)
  const names = [
    'yes',
    'No',
    'on',
    'y',
    '12:30',
    '0o14',
    '014',
    '1_000',
    '2030-01-01',
    '=',
    '<<',
    '~',
    '.inf',
    '1e3',
    'a: b',
    '# c',
  ]
  const users = names.map((name, index) => ({ login: `user${index}`, name, country: name }))
  await line.run('apply', line.file('odd.json', { users }))
  const { stdout } = await line.run('export')
  const json = (await line.run('export', '--json')).json()
  for (const version of ['1.1', '1.2'] as const) t.strictSame(parse(stdout, { version }), json, version)
  t.strictSame(
    stdout
      .split('\n')
      .filter((text) => /^ *(- )?\w+: [^"\s]/.test(text) && !/: (true|false|\d+|\[\]|\{\})$/.test(text)),
    [],
    'each text stands in quotes, whatever a reader makes of bare words',
  )
})
