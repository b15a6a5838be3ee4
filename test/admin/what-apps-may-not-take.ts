import t, { type Test } from 'tap'
import { RECORD_ATTRIBUTES } from '../../src/domain/apps/app-attributes.ts'
import { appPath, startAdminApi } from '../fixtures/admin/admin.ts'
import { tesseraOn, tesseraWith } from '../fixtures/cli/cli.ts'
import { serviceToken } from '../fixtures/clients/endpoints.ts'
import type { Json } from '../fixtures/clients/http.ts'
import { METADATA, sendRegistration } from '../fixtures/clients/registration.ts'
import { prepareSite } from '../fixtures/instance/server-process.ts'
import { SYNC, startWorld, WEB } from '../fixtures/instance/world.ts'

const STOCK = 'https://stock.example.com'
const HOSTS = { TESSERA_HOSTS: 'id.internal,tessera.internal:5080,plain.internal:443' }
const { instance } = await startWorld(t, {
  TESSERA_REGISTRATION: 'open',
  TESSERA_REGISTRATION_HOURLY: '10000',
  ...HOSTS,
})
const api = await startAdminApi(instance)
const tessera = tesseraOn(instance, HOSTS)
const added = await tessera(['resource', 'add', STOCK, '--scope', 'stock.read'])
t.equal(added.code, 0, added.stderr)

type Record = { readonly ApplicationUri: string } & Readonly<{ [name: string]: string | boolean }>

const NEW: Record = {
  ApplicationUri: 'my.trusted.app/new',
  Name: 'New',
  ClientType: 'Public',
  ImpersonateAsInternalUserAllowed: true,
  ImpersonateLoginUrl: 'https://rp.example.com/cb',
}

/** Sends a record by every way by which an administrator makes an app; none takes it, and each says this of it. */
async function isRefusedEverywhere(t: Test, record: Record, attribute: string, reason: string): Promise<void> {
  const made = await api.post('/apps', record)
  t.equal(made.status, 422, made.text)
  const { errors } = made.json as { errors: { attribute: string; reason: string }[] }
  t.ok(
    errors.some((error) => error.attribute === attribute && error.reason.includes(reason)),
    `API: ${made.text}`,
  )
  const set = Object.entries(record).filter(([name]) => name !== 'ApplicationUri' && name !== 'ClientType')
  const sets = set.flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const uris = ['--redirect-uri', 'https://rp.example.com/cb']
  const flags = set.some(([name]) => name === 'ImpersonateLoginUrl') ? [] : uris
  const line = await tessera(['app', 'register', record.ApplicationUri, '--spa', ...flags, ...sets])
  t.not(line.code, 0)
  t.ok(line.stderr.includes(reason), `command line: ${line.stderr}`)
  const file = JSON.stringify({ apps: [record] })
  for (const command of ['plan', 'apply']) {
    const applied = await tessera([command, '-'], file)
    t.not(applied.code, 0)
    t.ok(applied.stderr.includes(`${attribute}: `) && applied.stderr.includes(reason), `${command}: ${applied.stderr}`)
  }
  t.equal(await instance.core.store.read.apps.find(record.ApplicationUri), undefined, 'nothing is stored')
}

/** The same for metadata by which an app registers itself. */
async function isUnregistrable(t: Test, metadata: Json, told: string): Promise<void> {
  const answer = await sendRegistration(instance, { ...METADATA, ...metadata })
  t.equal(answer.status, 400, answer.text)
  t.ok(String(answer.json['error_description']).includes(told), answer.text)
}

const AT_HOME = 'is at this server itself; give the app a host of its own'

await t.test('no address of an app is at the server itself', async (t) => {
  const own = `${instance.origin}/cb`
  const places: readonly (readonly [attribute: string, metadata: string, value: unknown])[] = [
    ['ImpersonateLoginUrl', 'redirect_uris', [own]],
    ['ImpersonateLogoutUrl', 'post_logout_redirect_uris', [own]],
  ]
  for (const [attribute, member, value] of places) {
    await isRefusedEverywhere(t, { ...NEW, [attribute]: own }, attribute, `${own} ${AT_HOME}`)
    await isUnregistrable(t, { application_type: 'native', [member]: value }, `${member}: ${own} ${AT_HOME}`)
    const changed = await api.patch(appPath(WEB), { [attribute]: own })
    t.equal(changed.status, 422)
    t.ok(changed.text.includes(AT_HOME), changed.text)
    const updated = await tessera(['app', 'update', WEB, '--set', `${attribute}=${own}`])
    t.ok(updated.code !== 0 && updated.stderr.includes(AT_HOME), updated.stderr)
  }
  const dotted = own.replace('localhost', 'localhost.')
  t.equal((await api.patch(appPath(WEB), { ImpersonateLoginUrl: dotted })).status, 422)
})

await t.test('nor under another name by which it is reached', async (t) => {
  for (const own of ['https://id.internal/cb', 'https://ID.internal.:443/cb', 'https://plain.internal/cb']) {
    await isUnregistrable(t, { redirect_uris: [own] }, AT_HOME)
    const changed = await api.patch(appPath(WEB), { ImpersonateLoginUrl: own })
    t.ok(changed.status === 422 && changed.text.includes(AT_HOME), changed.text)
    const updated = await tessera(['app', 'update', WEB, '--set', `ImpersonateLoginUrl=${own}`])
    t.ok(updated.code !== 0 && updated.stderr.includes(AT_HOME), updated.stderr)
  }
  await isUnregistrable(t, { redirect_uris: ['https://tessera.internal:5080/cb'] }, AT_HOME)
  for (const other of ['https://id.internal:8443/cb', 'https://tessera.internal/cb', 'https://x.id.internal/cb'])
    t.equal((await sendRegistration(instance, { ...METADATA, redirect_uris: [other] })).status, 201, other)
})

await t.test('the API of the instance is named like no app and not like the server: nothing starts', async (t) => {
  const site = await prepareSite(t)
  const app = ['app', 'register', 'my.trusted.app/web', '--spa', '--redirect-uri', 'https://rp.example.com/cb']
  const registered = await site.tessera(app)
  t.equal(registered.code, 0, registered.stderr)
  t.equal((await site.tessera(['resource', 'add', 'https://api.example.com', '--scope', 'x'])).code, 0)
  for (const [audience, reason] of [
    ['my.trusted.app/web', /TESSERA_AUDIENCE is my\.trusted\.app\/web, which is the ApplicationUri of an app/],
    [site.issuer, /TESSERA_AUDIENCE must be another name than TESSERA_ISSUER/],
    ['https://API.example.com/', /which names the same API as the resource https:\/\/api\.example\.com;/],
  ] as const)
    for (const command of [['serve'], ['user', 'add', 'anna', '--type', 'InternalUser']]) {
      const { code, stderr } = await tesseraWith({ ...site.settings, TESSERA_AUDIENCE: audience })(command)
      t.equal(code, 2, stderr)
      t.match(stderr, reason)
    }
  t.equal((await site.tessera(['app', 'show', 'my.trusted.app/web'])).code, 0)
})

await t.test('an app is named like no API, not like the server, and not like one that registered itself', async (t) => {
  for (const [name, reason] of [
    [instance.issuer, 'must not be the issuer, which is the server itself'],
    [STOCK, 'must not be the identifier of an API resource'],
    ['DomainAPI', 'must not be the identifier of an API resource'],
    ['self.shop', 'must not start with self., which marks apps that registered themselves'],
    ['SELF.shop', 'must not start with self., which marks apps that registered themselves'],
  ] as const)
    await isRefusedEverywhere(t, { ...NEW, ApplicationUri: name }, 'ApplicationUri', reason)
})

await t.test('an API is named like no app and not like the server', async (t) => {
  for (const [name, reason] of [
    [WEB, 'must not be the ApplicationUri of an app'],
    [instance.issuer, 'must not be the issuer'],
    [`${instance.issuer.replace('/id', '/%69d')}`, 'must not be the issuer'],
    // RFC 3986 §6.2.2, §6.2.3: what a request cannot tell apart is one API.
    ['https://Stock.Example.COM:443/', `names the same API as ${STOCK}, which is registered already`],
    ['HTTPS://stock.example.com', `names the same API as ${STOCK}, which is registered already`],
  ] as const) {
    const line = await tessera(['resource', 'add', name, '--scope', 'x'])
    t.ok(line.code !== 0 && line.stderr.includes(reason), line.stderr)
    const applied = await tessera(['apply', '-'], JSON.stringify({ resources: [{ Identifier: name, Scopes: ['x'] }] }))
    t.ok(applied.code !== 0 && applied.stderr.includes(reason), applied.stderr)
  }
  const both = { apps: [{ ...NEW, ApplicationUri: 'x:both' }], resources: [{ Identifier: 'x:both', Scopes: ['x'] }] }
  t.not((await tessera(['apply', '-'], JSON.stringify(both))).code, 0, 'nor both at once')
})

/** Written in a URL, each is read in more than one way, or as nothing. */
const ODD = [
  '\0',
  '\n',
  '\r',
  '\t',
  ' ',
  '\\',
  '"',
  '<',
  '>',
  '^',
  '`',
  '{',
  '|',
  '}',
  '\u007f',
  '\u0085',
  '\u202e',
  'ü',
]

await t.test('a URL of the record holds nothing that URLs exclude, whichever attribute it is', async (t) => {
  const urls = RECORD_ATTRIBUTES.filter(({ noun, expects }) => noun === 'URL' || /URIs|URLs/.test(expects))
  t.strictSame(
    urls.map(({ name }) => name),
    [
      ...['ImpersonateLoginUrl', 'ImpersonateLogoutUrl', 'LogoUri', 'PolicyUri', 'TosUri', 'SectorIdentifierUri'],
      ...['ClientUri', 'InitiateLoginUri', 'BackchannelLogoutUri', 'FrontchannelLogoutUri', 'JwksUri', 'RequestUris'],
    ],
  )
  for (const { name, metadata = '', separator } of urls)
    for (const odd of ODD) {
      const value = `https://rp.example.com/a${odd}b`
      const answer = await api.patch(appPath(WEB), { [name]: value })
      t.equal(answer.status, 422, `${name} ${JSON.stringify(odd)}: ${answer.text}`)
      const told = await sendRegistration(instance, { ...METADATA, [metadata]: separator ? [value] : value })
      t.equal(told.status, 400, `${metadata} ${JSON.stringify(odd)}: ${told.text}`)
    }
  for (const name of ['LogoUri', 'JwksUri', 'BackchannelLogoutUri', 'SectorIdentifierUri'])
    for (const odd of ['\\', '\0', '\n', '|'])
      await isRefusedEverywhere(t, { ...NEW, [name]: `https://rp.example.com/a${odd}b` }, name, 'must ')
})

await t.test(
  'a record that was stored under older rules works, and can be changed but for what is wrong',
  async (t) => {
    const old = 'self.made-by-hand'
    const own = `${instance.origin}/cb`
    await instance.addApp({
      applicationUri: old,
      impersonateAsInternalUserAllowed: true,
      impersonateLoginUrl: [own, 'https://rp.example.com/cb'],
      logoUri: 'https://rp.example.com/a\\b',
      defaultAcrValues: ['a\0b'],
    })
    t.equal((await api.patch(appPath(old), { Name: 'Renamed', RequirePkce: true })).status, 200)
    const more = `${own},https://rp.example.com/cb,https://rp.example.com/more`
    t.equal((await api.patch(appPath(old), { ImpersonateLoginUrl: more })).status, 200, 'what is added is sound')
    t.equal((await tessera(['app', 'update', old, '--set', 'AccessTokenLifetime=10m'])).code, 0)
    const exported = await tessera(['export', '--json'])
    t.equal(exported.code, 0, exported.stderr)
    const again = await api.patch(appPath(old), { LogoUri: 'https://rp.example.com/a\\c' })
    t.equal(again.status, 422, 'no other of the kind')
    const { errors } = again.json as { errors: unknown[] }
    t.equal(errors.length, 1, again.text)
    const doctor = await tessera(['doctor', '--json', '--no-online'])
    const { findings } = JSON.parse(doctor.stdout) as { findings: { check: string; severity: string; found: string }[] }
    t.strictSame(
      findings.filter(({ check }) => check === `app ${old}`).map(({ severity, found }) => `${severity}: ${found}`),
      [
        'warning: LogoUri must not contain backslashes or other characters that URIs exclude',
        'warning: DefaultAcrValues "a\\u0000b" is not an acr value',
        'warning: ApplicationUri must not start with self., which marks apps that registered themselves',
        `warning: ImpersonateLoginUrl ${own} ${AT_HOME}`,
      ],
    )
    t.ok(await serviceToken(instance, SYNC), 'the server goes on')
  },
)
