import t from 'tap'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { fileSchema } from '../../src/config-files/schema/file-schema.ts'
import { digest } from '../../src/lib/crypto/secrets.ts'
import { ENVIRONMENT, SECRET, STOCK, shop, WHOLE } from '../fixtures/admin/shop.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { changesIn, commandLine, inShort } from '../fixtures/cli/tessera-command.ts'
import { alter, query } from '../fixtures/store/database.ts'

await t.test('plan says what apply then does, and a second apply does nothing', async (t) => {
  const line = commandLine(t)
  const whole = line.file('whole.yaml', WHOLE)
  t.ok(Value.Check(fileSchema(), parse(WHOLE)), 'the schema accepts the file')
  const planned = await line.runWith(ENVIRONMENT, ['plan', whole, '--json'])
  t.strictSame(inShort(planned), [
    `create resource ${STOCK}`,
    'create user david',
    'create user svc.shop',
    'create app my.trusted.app/shop',
    'update setting AuditRetention',
    'update setting RefusalLimit',
  ])
  t.strictSame((await line.run('app', 'list', '--json')).json(), [], 'a plan leaves nothing behind')
  t.strictSame(await query(line, 'select * from audit_events'), [], 'nor in the audit log')
  const applied = await line.runWith(ENVIRONMENT, ['apply', whole, '--json'])
  t.strictSame(applied.json(), planned.json(), 'apply does exactly what was planned')
  const app = changesIn(applied).find(({ kind }) => kind === 'app')
  matchesWhole(t, app?.fields, {
    Name: { from: null, to: 'Shop' },
    ImpersonateLoginUrl: { from: null, to: 'https://shop.example.com/cb,https://shop.example.com/cb2' },
    ImpersonateLogoutUrl: { from: null, to: 'https://shop.example.com/bye,https://shop.example.com/' },
    Scope: { from: null, to: 'read stock' },
    SystemUser: { from: null, to: 'svc.shop' },
    AccessTokenLifetime: { from: null, to: 900 },
    RequireConsent: { from: null, to: true },
    ApplicationSecretHash: { from: null, to: `sha256:${digest(SECRET).slice(0, 8)}…` },
  })
  matchesWhole(
    t,
    changesIn(applied).find(({ kind }) => kind === 'resource')?.fields,
    { ResourceServers: { from: null, to: ['my.trusted.app/shop'] } },
    'though the app names the API and the API the app',
  )
  matchesWhole(t, changesIn(applied).find(({ id }) => id === 'david')?.fields, {
    name: { from: null, to: 'David Miller' },
    password: { from: null, to: '(set)' },
  })
  for (const command of ['plan', 'apply']) {
    const again = await line.runWith(ENVIRONMENT, [command, whole, '--json'])
    t.strictSame(again.json(), { changes: [], warnings: [] }, `${command} has nothing more to do`)
  }
  const actors = await query<{ actor: string }>(line, 'select distinct actor from audit_events')
  matchesWhole(t, actors, [{ actor: /^cli:/ }], 'the audit log names who did it')
})

await t.test('--prune removes what the files do not name, of kinds they speak of', async (t) => {
  const line = await shop(t)
  const nobody = line.file('nobody.yaml', 'users:\n  - login: david\n    name: David Miller\nresources: []\napps:\n')
  const kept = await line.run('plan', nobody, '--prune')
  t.equal(kept.exitCode, 2)
  t.match(kept.stderr, /--prune: user svc\.shop: SystemUser: svc\.shop is the System User of my\.trusted\.app\/shop/)
  t.match(kept.stderr, new RegExp(`--prune: resource ${STOCK}: Identifier: my.trusted.app/shop may still ask for it`))
  const file = line.file('prune.json', { apps: [], users: [{ login: 'david', name: 'David Miller' }], resources: [] })
  t.strictSame(inShort(await line.run('plan', file, '--json')), ['update user david'], 'not without the flag')
  const removals = [
    'update user david',
    'remove app my.trusted.app/shop',
    'remove user svc.shop',
    `remove resource ${STOCK}`,
  ]
  const planned = await line.run('plan', file, '--prune', '--json')
  t.strictSame(inShort(planned), removals, 'the default resource is never among them')
  matchesWhole(t, changesIn(planned)[1]?.fields, { ApplicationUri: { from: 'my.trusted.app/shop', to: null } })
  t.strictSame((await line.run('apply', file, '--prune', '--json')).json(), planned.json())
  matchesWhole(t, (await line.run('export', '--json')).json(), {
    apps: [],
    users: [{ login: 'david' }],
    resources: [{ Identifier: 'DomainAPI' }],
  })
})

await t.test('one record may make room for another in the same apply', async (t) => {
  const line = await shop(t)
  const file = line.file(
    'renamed.yaml',
    `users:
  - { login: david.miller, email: david@example.com }
  - { login: svc.shop, type: SystemUserNoLogin }
resources:
  - { Identifier: ${STOCK}, Scopes: [goods] }
apps:
  - ApplicationUri: my.trusted.app/shop
    ClientType: Confidential
    SystemUserAllowed: true
    SystemUser: svc.shop
    Scope: read goods
    ApiResources: ${STOCK}
`,
  )
  t.strictSame(inShort(await line.run('apply', file, '--prune', '--json')), [
    `update resource ${STOCK}`,
    'create user david.miller',
    'update app my.trusted.app/shop',
    'remove user david',
  ])
  const less = line.file('less.yaml', `resources: [{ Identifier: ${STOCK}, Scopes: [other] }]`)
  t.match(
    (await line.run('plan', less)).stderr,
    /Scopes: goods would be removed, but is in the Scope of my\.trusted\.app\/shop/,
  )
})

await t.test('an API is served by apps that are there and keep a secret', async (t) => {
  const line = await shop(t)
  const served = (by: string) => `resources: [{ Identifier: ${STOCK}, Scopes: [stock], ResourceServers: ${by} }]\n`
  const refused = async (text: string, reason: string) => {
    const answer = await line.run('plan', line.file('served.yaml', text), '--prune')
    t.equal(answer.stderr, `${line.folder}/served.yaml:${reason}\n`)
  }
  await refused(
    served('[my.trusted.app/shpo]'),
    `1: resource ${STOCK}: ResourceServers: there is no app my.trusted.app/shpo`,
  )
  await refused(
    served('{ a: b }'),
    `1: resource ${STOCK}: ResourceServers: expects ApplicationUris: a list, or one text separated by spaces`,
  )
  const pruned = `${served('my.trusted.app/shop')}apps: []\n`
  await refused(pruned, `1: resource ${STOCK}: ResourceServers: there is no app my.trusted.app/shop`)
  const asPublic = `apps:
  - { ApplicationUri: my.trusted.app/shop, ClientType: Public, Scope: stock, ApiResources: ${STOCK} }
`
  await refused(
    served('my.trusted.app/shop') + asPublic,
    `3: app my.trusted.app/shop: ClientType: must stay Confidential while the app is in the ResourceServers of ${STOCK}`,
  )
  const both = await line.run('apply', line.file('both.yaml', served('') + asPublic), '--json')
  t.strictSame(
    inShort(both),
    [`update resource ${STOCK}`, 'update app my.trusted.app/shop'],
    'the one makes room for the other',
  )
})

await t.test('a plan is for people: scopes by name, and a wish that comes to nothing is told', async (t) => {
  const line = await shop(t)
  const file = line.file(
    'people.yaml',
    `resources:
  - Identifier: ${STOCK}
    Scopes: [stock, { Name: stock.move, Description: Move the stock }]
apps:
  - ApplicationUri: my.trusted.app/spa
    ClientType: Public
    ImpersonateLoginUrl: https://spa.example.com/
    ImpersonateAsInternalUserAllowed: true
    RequirePkce: false
  - ApplicationUri: my.trusted.app/native
    ClientType: Public
    ImpersonateLoginUrl: com.example.app:/oauth
    ImpersonateAsInternalUserAllowed: true
`,
  )
  const { stdout, stderr } = await line.run('plan', file)
  t.match(stdout, /^ {4}Scopes +stock.* -> +stock, stock\.move \(Move the stock\)$/m)
  t.notMatch(stdout, /[{}[\]]/, 'no JSON')
  t.equal(
    stderr,
    'warning: my.trusted.app/spa: RequirePkce=false has no effect: a Public app must always use PKCE\n',
    'and only where it was said',
  )
})

await t.test('a sub never goes to somebody else, not even where its owner is pruned by the same files', async (t) => {
  const line = commandLine(t)
  await line.run('apply', line.file('before.json', { users: [{ login: 'alice' }, { login: 'bert' }] }))
  const everybody = () => query<{ id: string; login: string }>(line, 'select id, login from users order by login')
  const before = await everybody()
  const renamed = line.file('renamed.json', { users: [{ login: 'alice2', id: before[0]?.id }, { login: 'bert' }] })
  for (const command of ['plan', 'apply']) {
    const refused = await line.run(command, renamed, '--prune')
    t.equal(refused.exitCode, 2)
    t.match(refused.stderr, /user alice2: id: belongs to alice, .*leave the id out/)
  }
  t.strictSame(await everybody(), before, 'and nobody was removed')
  const fresh = line.file('fresh.json', { users: [{ login: 'alice2' }, { login: 'bert' }] })
  t.equal((await line.run('apply', fresh, '--prune')).exitCode, 0)
  t.strictSame(
    (await everybody()).map(({ login }) => login),
    ['alice2', 'bert'],
  )
})

await t.test('of two accounts from before both spellings of a login were one each keeps its own id', async (t) => {
  const line = commandLine(t)
  await line.run('apply', line.file('two.json', { users: [{ login: 'anna@bücher.example' }, { login: 'bert' }] }))
  const twin = 'anna@xn--bcher-kva.example'
  await alter(line, `update user_identifiers set identifier = '${twin}' where identifier = 'bert'`)
  await alter(line, `update users set login = '${twin}' where login = 'bert'`)
  for (const { id, login } of await query<{ id: string; login: string }>(line, 'select id, login from users')) {
    const refused = await line.run('plan', line.file('eve.json', { users: [{ login: 'eve', id }] }))
    t.match(refused.stderr, `user eve: id: belongs to ${login} already`)
  }
})
