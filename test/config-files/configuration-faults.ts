// SQLite alone: is about what is refused before anything is stored
import t from 'tap'
import { STOCK, shop } from '../fixtures/admin/shop.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { commandLine } from '../fixtures/cli/tessera-command.ts'
import { query } from '../fixtures/store/database.ts'

await t.test('every fault is named at once, and then nothing has happened', async (t) => {
  const line = await shop(t)
  const before = (await line.run('export')).stdout
  const events = (await query(line, 'select * from audit_events')).length
  const good = line.file(
    'good.yaml',
    'apps:\n  - ApplicationUri: my.trusted.app/new\n    ClientType: None\nusers: [{ login: new }]\n',
  )
  const bad = line.file(
    'bad.yaml',
    `apps:
  - ApplicationUri: my.trusted.app/one
    ClientTyp: Public
    SharedSecret: canary-in-clear
  - ApplicationUri: my.trusted.app/two
    ClientType: Confidential
    ApplicationSecret: canary-in-clear
    Scope: read writing
    ImpersonateLoginUrl: ["https://a.example.com/*", "http://b.example.com/"]
    ImpersonateAsInternalUserAllowed: yes
    SystemUserAllowed: true
    SystemUser: svc.shpo
    RequireConsent: 1
    AccessTokenLifetime: 1s
  - ApplicationUri: my.trusted.app/new
    ClientType: Public
    ApplicationSecretHash: canary-in-clear
  - ApplicationUri: my.trusted.app/three
    ClientType: Confidential
    ApplicationSecret: [{ Secret: "\${NOT_SET}", ExpiresAt: soon, Labels: x }, "\${EMPTY}"]
  - Name: nameless
users:
  - login: david
    type: ExternalCommunityUser
    email: nonsense
  - { login: DAVID, email: david@example.com }
  - login: eve
    email: David@Example.com
    password: canary-in-clear
  - login: mallory
    passwordHash: canary-in-clear
    password: \${SHORT}
    isAdmin: maybe
    phoneNumber: 5
resources:
  - Identifier: ${STOCK}
    Scopes: [stock.write, openid, { Nmae: x }]
settings:
  AuditRetension: 30d
  RefusalLimit: 5
ressources: []
`,
  )
  for (const command of ['plan', 'apply']) {
    const answer = await line.runWith({ EMPTY: '', SHORT: 'short' }, [command, good, bad, '--json'])
    t.equal(answer.exitCode, 2)
    t.equal(answer.stdout, '')
    t.notMatch(answer.stderr, /canary-in-clear/, 'no value of a secret is repeated')
    const { errors } = JSON.parse(answer.stderr) as { errors: string[] }
    for (const expected of [
      'bad.yaml:3: app my.trusted.app/one: ClientTyp: is not an attribute; did you mean ClientType?',
      'bad.yaml:2: app my.trusted.app/one: ClientType: is required: one of Confidential, Public, None',
      'bad.yaml:4: app my.trusted.app/one: SharedSecret: is not an attribute; a secret belongs in ApplicationSecret or ApplicationSecretHash',
      'bad.yaml:7: app my.trusted.app/two: ApplicationSecret: a secret must not be in a file in plain text',
      'bad.yaml:8: app my.trusted.app/two: Scope: no API resource has the scope writing',
      'bad.yaml:9: app my.trusted.app/two: ImpersonateLoginUrl: https://a.example.com/* must not contain wildcards',
      'bad.yaml:9: app my.trusted.app/two: ImpersonateLoginUrl: http://b.example.com/ must use https',
      'bad.yaml:10: app my.trusted.app/two: ImpersonateAsInternalUserAllowed: expects true or false',
      'bad.yaml:12: app my.trusted.app/two: SystemUser: no user is called "svc.shpo"',
      'bad.yaml:13: app my.trusted.app/two: RequireConsent: expects true or false',
      'bad.yaml:14: app my.trusted.app/two: AccessTokenLifetime: must be a whole number of seconds from 60',
      `bad.yaml:15: app my.trusted.app/new: is described already in ${good}:2`,
      'bad.yaml:17: app my.trusted.app/new: ApplicationSecretHash: expects base64(SHA-256(secret)), 44 characters',
      'bad.yaml:20: app my.trusted.app/three: ApplicationSecret: needs the environment variable NOT_SET, which is not set',
      'bad.yaml:20: app my.trusted.app/three: ApplicationSecret: ExpiresAt expects a time with its zone',
      'bad.yaml:20: app my.trusted.app/three: ApplicationSecret: Labels is not an attribute; did you mean Label?',
      'bad.yaml:20: app my.trusted.app/three: ApplicationSecret: needs the environment variable EMPTY, which is empty',
      'bad.yaml:21: app: ApplicationUri: is required, as a text: it names the record',
      'bad.yaml:24: user david: type: is InternalUser and can never change',
      'bad.yaml:25: user david: email: is not an e-mail address',
      'bad.yaml:26: user DAVID: is described already in',
      'bad.yaml:28: user eve: email: David@Example.com is taken by david',
      'bad.yaml:29: user eve: password: a password must not be in a file in plain text',
      'bad.yaml:32: user mallory: password: cannot be combined with passwordHash',
      'bad.yaml:32: user mallory: password: in the environment variable must have at least 8 characters',
      'bad.yaml:33: user mallory: isAdmin: expects true or false',
      'bad.yaml:34: user mallory: phoneNumber: expects a text; put it in quotes',
      `bad.yaml:37: resource ${STOCK}: Scopes: Nmae is not an attribute`,
      'bad.yaml:39: setting AuditRetension: is not a setting; did you mean AuditRetention?',
      'bad.yaml:40: setting RefusalLimit: expects a whole number from 100 to 1000000',
      'bad.yaml:41: "ressources" is unknown; did you mean resources?',
    ]) {
      t.ok(
        errors.some((error) => error.startsWith(`${line.folder}/${expected}`)),
        expected,
      )
    }
    t.equal(errors.length, 32, errors.join('\n'))
  }
  t.equal((await line.run('export')).stdout, before, 'nothing has changed')
  t.equal((await query(line, 'select * from audit_events')).length, events, 'and nothing was noted')
})

await t.test('a missing ClientType hides nothing else', async (t) => {
  const line = await shop(t)
  const file = line.file(
    'typeless.yaml',
    `apps:
  - ApplicationUri: my.trusted.app/one
    ImpersonateAsInternalUserAllowed: true
    Scope: writing
    AccessTokenLifetime: 1s
    ApplicationSecret: canary
  - ApplicationUri: my.trusted.app/native
    ClientType: Pubic
    ImpersonateLoginUrl: com.example.app:/oauth
    SystemUser: nobody
`,
  )
  const { exitCode, stderr } = await line.run('plan', file)
  t.equal(exitCode, 2)
  const said = stderr
    .trimEnd()
    .split('\n')
    .map((fault) => fault.slice(fault.indexOf(':') + 1))
  matchesWhole(t, said, [
    /^2: app my.trusted.app\/one: ClientType: is required: one of Confidential, Public, None$/,
    /^2: .*: ImpersonateLoginUrl: is required: people are sent there after sign-in$/,
    /^4: .*: Scope: no API resource has the scope writing/,
    /^5: .*: AccessTokenLifetime: must be/,
    /^6: .*: ApplicationSecret: a secret must not be in a file in plain text/,
    /^8: app my.trusted.app\/native: ClientType: expects one of Confidential, Public, None/,
    /^10: .*: SystemUser: no user is called "nobody"/,
  ])
  t.equal(said.length, 7, 'what holds for one ClientType alone is not among them')
})

await t.test('files that are no configuration are refused without quoting them', async (t) => {
  const line = commandLine(t)
  const odd: readonly (readonly [content: string, said: string])[] = [
    [
      'apps:\n  - "canary',
      '2:12: is not valid YAML or JSON here: a character is missing, such as a closing quote or bracket',
    ],
    ['{"apps": [],\n "apps": []}', '2:2: is not valid YAML or JSON here: the same name occurs twice in one record'],
    ['apps: !canary []', '1:7: is not valid YAML or JSON here: a tag (!name) is not supported'],
    ['apps:\n\t- canary', '2:1: is not valid YAML or JSON here: a tab indents the line; use spaces'],
    ['apps:\n  - Name: canary: b', '2:11: is not valid YAML or JSON here: the line has a second colon'],
    [
      'apps:\n    - {}\n  - canary',
      '3:1: is not valid YAML or JSON here: the line has a second colon, or the indentation is wrong',
    ],
    ['apps: []\n---\nusers: []', ' contains several documents; only one is allowed'],
    ['- canary', ' expects apps, users, resources and settings at its top'],
    ['apps: *canary', ' contains an alias without its anchor, or far too many aliases'],
    ['apps: canary', '1: apps expects a list of records'],
    ['settings: [canary]', '1: settings expects names and values'],
    ['settings: { RefusalLimit: 200 }', ''],
    ['settings: { RefusalLimit: 200 }', ': setting RefusalLimit: is described already in'],
  ]
  const files = odd.map(([content], index) => line.file(`odd-${index}.yaml`, content))
  const { exitCode, stderr } = await line.run('plan', ...files)
  t.equal(exitCode, 2)
  t.notMatch(stderr, /canary/)
  const lines = stderr.trimEnd().split('\n')
  t.equal(lines.length, odd.length - 1)
  for (const [index, [, said]] of odd.entries()) {
    const about = lines.filter((text) => text.startsWith(`${files[index]}:`))
    t.ok(said === '' ? about.length === 0 : about[0]?.includes(said), `${said}, not ${about.join()}`)
  }
  matchesWhole(t, await line.run('plan', '-'), {
    exitCode: 2,
    stdout: '',
    stderr: 'stdin: is empty; expected apps, users, resources or settings\n',
  })
  t.match(await line.runWith({}, ['apply', '-'], ' \n'), { exitCode: 2, stderr: /^stdin: is empty/ })
  const missing = await line.run('apply', `${line.folder}/nothing.yaml`, `${line.folder}/nobody.yaml`)
  t.equal(missing.exitCode, 2)
  t.match(missing.stderr, /nothing\.yaml: cannot be read[\s\S]*nobody\.yaml: cannot be read/)
})
