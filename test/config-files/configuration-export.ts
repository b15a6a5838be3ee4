// SQLite alone: is about files; test/config-files/configuration-as-code.ts applies them on both databases
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { addressesOn } from '../../scripts/demo/addresses.ts'
import { prepareDataDir } from '../../scripts/demo/data-dir.ts'
import { appsAt, registerDemo } from '../../scripts/demo/register.ts'
import { fileSchema } from '../../src/config-files/schema/file-schema.ts'
import { APP_ATTRIBUTES } from '../../src/domain/apps/app-attributes.ts'
import { digest } from '../../src/lib/crypto/secrets.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { type CommandLine, commandLine, inShort } from '../fixtures/cli/tessera-command.ts'
import { requestServiceToken } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { schemaText } from '../fixtures/documents/schema-text.ts'
import {
  enableUser,
  HYBRID,
  SYNC,
  startWorld,
  WEB,
  WEB_BYE,
  WEB_REDIRECT,
  WEB_REDIRECT_WITH_QUERY,
} from '../fixtures/instance/world.ts'
import { WHOLE_PROFILE } from '../fixtures/sign-in/person.ts'
import { type Kept, query } from '../fixtures/store/database.ts'

await t.test('the demo instance makes the round trip', async (t) => {
  const demo = commandLine(t)
  const records = join(demo.folder, 'records')
  prepareDataDir(records, false)
  const addresses = addressesOn({ identity: 5080, web: 5081, spa: 5082, api: 5083 })
  const tessera = (args: readonly string[], input?: string) =>
    demo.runWith({}, args, input).then((answer) => ({ ...answer, exitCode: answer.exitCode ?? 1 }))
  await registerDemo(tessera, { apps: appsAt(addresses), api: addresses.api }, records)
  await roundTrip(t, demo)
})

await t.test('an instance with every kind of app makes the round trip', async (t) => {
  const { instance, service } = await startWorld(t)
  await enableUser(instance, service, false)
  await instance.core.store.write(async ({ apps, users, resources }) => {
    const [api] = await resources.list()
    if (api) await resources.update({ ...api, resourceServers: [WEB, HYBRID] }, instance.now())
    await apps.setEnabled(WEB, false, instance.now())
    const david = (await users.findByIdentifier('david'))?.user
    if (david) await users.update({ ...david, isAdmin: true, profile: WHOLE_PROFILE }, instance.now())
    const until = Date.now() + 3_600_000
    const secrets = { createdAt: instance.now(), label: 'the one to come' }
    await apps.addSecret(HYBRID, { id: 'next', hash: digest('next'), ...secrets, expiresAt: until })
    await apps.addSecret(HYBRID, { id: 'past', hash: digest('past'), ...secrets, expiresAt: Date.now() - 1000 })
  })
  const line = commandLine(t, instance)
  const exported = await roundTrip(t, line)
  const { apps, users } = exported as Record<'apps' | 'users', readonly Record<string, unknown>[]>
  t.match(
    users.find(({ login }) => login === 'david'),
    { ...WHOLE_PROFILE, isAdmin: true },
  )
  matchesWhole(
    t,
    apps.find(({ ApplicationUri }) => ApplicationUri === WEB),
    {
      IsEnabled: false,
      ImpersonateLoginUrl: [WEB_REDIRECT, WEB_REDIRECT_WITH_QUERY],
      ImpersonateLogoutUrl: [WEB_BYE],
    },
  )
  t.match(
    apps.find(({ ApplicationUri }) => ApplicationUri === SYNC),
    { SystemUser: 'svc.sync' },
  )
  const hybrid = apps.find(({ ApplicationUri }) => ApplicationUri === HYBRID)
  t.equal([hybrid?.['ApplicationSecretHash']].flat().length, 2, 'a secret that has ended is left out')
})

/** Exports, plans the export where it came from, applies it to a fresh instance, and exports that. */
async function roundTrip(t: Test, line: CommandLine): Promise<unknown> {
  const yaml = await line.run('export')
  const json = await line.run('export', '--json')
  t.strictSame(parse(yaml.stdout), json.json(), 'YAML and JSON say the same')
  t.ok(Value.Check(fileSchema(), json.json()), 'the schema accepts it')
  const file = line.file('exported.yaml', yaml.stdout)
  t.strictSame(
    (await line.run('plan', file, '--prune', '--json')).json(),
    { changes: [], warnings: [] },
    'nothing to change here',
  )
  const fresh = commandLine(t)
  const applied = await fresh.runWith({}, ['apply', '-', '--json'], json.stdout)
  t.equal(applied.exitCode, 0, applied.stderr)
  t.strictSame((await fresh.run('export', '--json')).json(), json.json(), 'elsewhere it makes the same')
  t.strictSame(
    (await fresh.run('apply', file, '--prune', '--json')).json(),
    { changes: [], warnings: [] },
    'and nothing twice',
  )
  return json.json()
}

await t.test('with both flags people keep their passwords and their sub', async (t) => {
  const { instance, david } = await startWorld(t)
  const line = commandLine(t, instance)
  const file = join(line.folder, 'people.json')
  const answer = await line.run('export', '--with-password-hashes', '--with-ids', '-o', file, '--json')
  t.match(answer.json(), { file, apps: 8, users: 4, resources: 1 })
  t.equal(statSync(file).mode & 0o777, 0o600, 'nobody else may read the file')
  const fresh = commandLine(t)
  t.equal((await fresh.run('apply', file)).exitCode, 0)
  const hashes = (at: Kept) => query(at, 'select id, login, password_hash from users order by login')
  t.strictSame(await hashes(fresh), await hashes(instance))
  t.strictSame((await line.run('plan', file, '--json')).json(), { changes: [], warnings: [] })
  const other = fresh.file(
    'other.yaml',
    `users: [{ login: eve, id: ${david.id} }, { login: david, id: ${david.id.replace(/^./, '0')} }]`,
  )
  t.match((await fresh.run('plan', other)).stderr, /user eve: id: belongs to david already/)
})

await t.test('a server that is running notices with its next request', async (t) => {
  const { instance } = await startWorld(t)
  const line = commandLine(t, instance)
  const exported = (await line.run('export', '--json')).json() as { apps: Record<string, unknown>[]; users: unknown[] }
  const token = (secret: string) =>
    requestServiceToken(instance, basic(SYNC, secret), { scope: 'read' }).then(({ status }) => status)
  const { apps } = exported
  const changed = (change: Record<string, unknown>): string =>
    line.file('changed.json', {
      apps: apps.map((app) => (app['ApplicationUri'] === SYNC ? { ...app, ...change } : app)),
    })
  const rotated = changed({ ApplicationSecretHash: digest('a secret made elsewhere') })
  t.strictSame(inShort(await line.run('apply', rotated, '--json')), [`update app ${SYNC}`])
  t.equal(await token('a secret made elsewhere'), 200)
  await line.run('apply', changed({ IsEnabled: false, ApplicationSecretHash: digest('a secret made elsewhere') }))
  t.equal(await token('a secret made elsewhere'), 401)
  const people = line.file('people.yaml', `users:\n  - login: frida\n    name: Frida\n    password: \${FRIDA}\n`)
  await line.runWith({ FRIDA: 'correct horse battery staple' }, ['apply', people])
  const frida = createRelyingParty(instance, {
    clientId: HYBRID,
    login: 'frida',
    redirectUri: 'https://hybrid.example.com/cb',
  } as Parameters<typeof createRelyingParty>[1])
  t.ok((await frida.obtainCode()).code, 'and a new person signs in with the password of the variable')
})

await t.test('people get a text they can read', async (t) => {
  const line = commandLine(t)
  const file = line.file('text.yaml', 'settings: { AuditRetention: 30d }\nusers: [{ login: david, locale: de }]\n')
  const plan = await line.run('plan', file)
  t.match(plan.stdout, /^\+ user david\n {4}login +david\n/)
  t.match(
    plan.stdout,
    /~ setting AuditRetention\n {4}AuditRetention {2}400d {2}-> {2}30d\n\n1 to create, 1 to update, 0 to remove\.\n$/,
  )
  t.match((await line.run('apply', file)).stdout, /\n1 created, 1 updated, 0 removed\.\n$/)
  t.equal((await line.run('plan', file)).stdout, 'Nothing to change: the instance already matches the files.\n')
  const doubtful = line.file(
    'doubtful.yaml',
    `apps: [{ ApplicationUri: a/b, ClientType: Confidential, ApplicationSecret: "\${S}" }]`,
  )
  const answer = await line.runWith({ S: 'short' }, ['plan', doubtful])
  t.match(
    answer.stderr,
    /warning: a\/b: nobody can use the app[\s\S]*warning: a\/b: a secret is short enough to be guessed/,
  )
})

await t.test('the published schema is in step with the attributes, and describes each', async (t) => {
  const text = readFileSync(new URL('../../schema/tessera.schema.json', import.meta.url), 'utf8')
  t.equal(text, schemaText(), 'npx tsx scripts/config-schema.ts mends it, and writes these very bytes')
  const published = JSON.parse(text) as Schema
  t.equal(published['$schema'], 'https://json-schema.org/draft/2020-12/schema')
  const app = published.properties?.['apps']?.items?.properties ?? {}
  for (const { name } of APP_ATTRIBUTES) {
    t.notMatch(app[name]?.description ?? 'Expects', /^Expects/, `${name} has its row in the table of attributes`)
  }
  const undescribed = (schema: Schema): string[] =>
    Object.entries({ ...schema.properties, ...schema.items?.properties }).flatMap(([name, property]) => [
      ...(property.description ? [] : [name]),
      ...undescribed(property),
    ])
  t.strictSame(undescribed(published), [])
  for (const wrong of [
    { aps: [] },
    { apps: [{ ApplicationUri: 'a', ClientType: 'Web' }] },
    { apps: [{ ApplicationUri: 'a', ClientType: 'Public', Nmae: 'x' }] },
    { apps: [{ ApplicationUri: 'a', ClientType: 'Public', ApplicationSecret: 'in clear' }] },
    { users: [{ login: 'a', password: 'in clear' }] },
  ]) {
    t.notOk(Value.Check(fileSchema(), wrong), JSON.stringify(wrong))
  }
})

interface Schema {
  readonly $schema?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}
