// SQLite alone: is about what is refused before anything is stored
import t from 'tap'
import { APP_ATTRIBUTES } from '../../src/domain/apps/app-attributes.ts'
import { whyBadName } from '../../src/domain/records/readable-name.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, words } from '../fixtures/cli/cli.ts'
import { placeOf } from '../fixtures/instance/place.ts'

const { tessera } = placeOf(t)

const WEB = 'my.trusted.app/web'
const REGISTER = `app register ${WEB} --web --redirect-uri https://app.example.com/cb --scope read --json`

await documentOf(tessera(words(REGISTER)))
await documentOf(tessera(words('user add svc.sync --type SystemUserNoLogin --json')))
await documentOf(tessera(words('user add david --json')))

await t.test('every fault of a redirect URI is named, all of them at once', async (t) => {
  const faults: readonly (readonly [uri: string, reason: RegExp])[] = [
    ['https://app.example.com/cb#top', /must not have a fragment/],
    ['http://app.example.com/cb', /must use https \(plain http is for loopback only\)/],
    ['/cb', /must be absolute, with a scheme/],
    ['app.example.com/cb', /must be absolute, with a scheme/],
    ['https://*.example.com/cb', /must not contain wildcards/],
    ['https://david:secret@app.example.com/cb', /must not contain a user name or password/],
    ['https://app.example.com/c b', /without spaces/],
    [
      'https://app.example.com/cb,https://b.example.com/cb',
      /must not begin or end with a comma, nor have one before what reads/,
    ],
    ['javascript:alert(1)', /must not use the scheme javascript:/],
    ['com.example.app:/cb', /must use https \(a private-use scheme is for Public apps\)/],
  ]
  for (const flag of ['--redirect-uri', '--logout-uri']) {
    const attribute = flag === '--redirect-uri' ? 'ImpersonateLoginUrl' : 'ImpersonateLogoutUrl'
    const uris = faults.flatMap(([uri]) => [flag, uri])
    const sound = flag === '--redirect-uri' ? [] : ['--redirect-uri', 'https://app.example.com/cb']
    const { code, stderr } = await tessera(['app', 'register', 'my.trusted.app/new', '--web', ...sound, ...uris])
    t.equal(code, 2)
    const lines = stderr.trim().split('\n')
    t.equal(lines.length, faults.length)
    for (const [index, [uri, reason]] of faults.entries()) {
      t.ok(lines[index]?.startsWith(`${attribute}: ${uri} `), uri)
      t.match(lines[index], reason, uri)
      t.ok(lines[index]?.endsWith(`; see ${flag}`), flag)
    }
  }
  const update = await tessera(['app', 'update', WEB, '--set', 'ImpersonateLoginUrl=https://app.example.com/#x'])
  t.match(update, { code: 2, stderr: /^ImpersonateLoginUrl: .* must not have a fragment/ })
  t.match(await tessera(words('app show my.trusted.app/new')), { code: 1 }, 'nothing was stored')
})

await t.test('a name may not mislead whoever reads it', async (t) => {
  const bad = ['', ' ', 'a\nb', 'a\u001b[2Jb', 'a\u0085b', 'a\u2028b', 'a\u00adb', 'Goo\u200dgle', 'a\u200bb', '\u3164']
  const turning = ['\u200e', '\u200f', '\u061c', ...'\u202a\u202b\u202c\u202d\u202e', ...'\u2066\u2067\u2068\u2069']
  for (const name of [...bad, ...turning.map((mark) => `Web${mark}shop`), 'x'.repeat(201)]) {
    t.type(whyBadName(name), 'string', encodeURI(name))
  }
  for (const name of [
    'Web shop',
    'Käse & Söhne',
    'متجر',
    'علی\u200cرضا',
    'क्\u200dष',
    '👩\u200d💻 Dev',
    '❤️ Shop',
    '網店',
  ]) {
    t.equal(whyBadName(name), undefined, name)
  }
  for (const args of [
    [...words(REGISTER).filter((word) => word !== '--json'), '--name', 'Web\u202eshop'],
    ['app', 'update', WEB, '--set', 'Name=Web\u202eshop'],
    ['user', 'add', 'maria', '--name', 'Maria\u202e'],
  ]) {
    t.match(
      await tessera(args),
      { code: 2, stderr: /[Nn]ame: must not contain control characters/ },
      args.slice(0, 2).join(' '),
    )
  }
})

await t.test('a shape says which flags go with it', async (t) => {
  const uri = '--redirect-uri https://app.example.com/cb'
  const cases: readonly (readonly [flags: string, said: RegExp])[] = [
    ['', /^give exactly one of --web, --spa, --service and --hybrid:\n {2}--web {2,}server-side web app/],
    [`--web --spa ${uri}`, /^give exactly one of .*, not --web and --spa:/],
    ['--web', /^ImpersonateLoginUrl: is required: people are sent there after sign-in; see --redirect-uri/],
    ['--service', /^SystemUser: is required if SystemUserAllowed is true; see --system-user/],
    [`--service --system-user svc.sync ${uri}`, /^--redirect-uri: is for apps where people sign in/],
    [`--web ${uri} --system-user svc.sync`, /^--system-user: is for --service and --hybrid, not for --web/],
    ['--service --system-user david', /^SystemUser: david is of type InternalUser, not SystemUserNoLogin/],
    ['--service --system-user svc.snc', /^SystemUser: no user is called "svc\.snc"; did you mean svc\.sync\?/],
    ['--service --system-user robot', /create the account with: tessera user add robot --type SystemUserNoLogin/],
    [`--web ${uri} --scope read --set Scope=update`, /^Scope: is given both by --set and by its own flag/],
    [`--web ${uri} --name A --set Name=B`, /^Name: is given both by --set and by its own flag/],
  ]
  for (const [flags, said] of cases) {
    matchesWhole(
      t,
      await tessera(words(`app register my.trusted.app/new ${flags}`)),
      { code: 2, stdout: '', stderr: said },
      flags,
    )
  }
  for (const name of ['with space', 'ü', '', 'x'.repeat(129)]) {
    const outcome = await tessera(['app', 'register', name, ...words(`--web ${uri}`)])
    t.match(outcome, { code: 2, stderr: /^ApplicationUri: must be 1 to 128 visible ASCII/ }, name)
  }
  t.match(await tessera(words(REGISTER.replace(' --json', ''))), {
    code: 1,
    stderr: `${WEB} is already registered; see: tessera app show ${WEB}\n`,
  })
})

await t.test('--set says which attributes there are and what each expects', async (t) => {
  const cases: readonly (readonly [set: string, said: RegExp])[] = [
    ['Scope', /^--set expects NAME=VALUE, not "Scope"/],
    [
      'Skope=read',
      /^"Skope" is not an attribute; did you mean Scope\?\nall attributes and what they mean: tessera app attributes\n$/,
    ],
    ['RequirePkce=yes', /^RequirePkce: expects true or false, not "yes"/],
    ['ClientType=Secret', /^ClientType: expects one of Confidential, Public, None, not "Secret"/],
    ['AccessTokens=All', /^AccessTokens: expects one of None, AuthenticatedUsers, AdministratorsOnly/],
    ['AccessTokenLifetime=long', /^AccessTokenLifetime: expects seconds, or a length of time such as 10s/],
    [
      'AccessTokenLifetime=8d',
      /^AccessTokenLifetime: must be a whole number of seconds from 60 to 86400, which is 1m to 1d$/m,
    ],
    ['RefreshTokenLifetime=400d', /^RefreshTokenLifetime: must be .* from 60 to 31536000, which is 1m to 365d$/m],
    ['ResponseTypes=token', /^ResponseTypes: expects code, code id_token/],
    ['LogoUri=http://app.example.com/logo.png', /^LogoUri: must be an https URL/],
    ['ApplicationUri=other', /^ApplicationUri cannot be changed, as it is the client_id/],
    ['IsEnabled=false', /^change IsEnabled with: tessera app enable APP, or tessera app disable APP/],
    ['Secret=hunter2', /^change the secret with: tessera app rotate-secret/],
    ['ApplicationSecretHash=aGFzaA==', /^change the secret with: tessera app rotate-secret/],
    ['SystemUserAllowed=true', /^SystemUser: is required if SystemUserAllowed is true/],
  ]
  for (const [set, said] of cases) {
    matchesWhole(t, await tessera(['app', 'update', WEB, '--set', set]), { code: 2, stdout: '', stderr: said }, set)
  }
  const both = await tessera(
    words(`app update ${WEB} --set RequirePkce=yes --set Nmae=x --set Scope=a --set scope=b --json`),
  )
  const errors = [
    /^RequirePkce/,
    /did you mean Name/,
    /^Scope is set twice/,
    /^all attributes and what they mean: tessera app attributes$/,
  ]
  matchesWhole(t, JSON.parse(both.stderr), { errors, exitCode: 2 })
  const { stdout: help } = await tessera(words('app update --help'))
  const { stdout: explained } = await tessera(words('app attributes'))
  const told = JSON.parse((await tessera(words('app attributes --json'))).stdout) as readonly object[]
  for (const [index, { name, expects, meaning }] of APP_ATTRIBUTES.entries()) {
    const plain = meaning.replaceAll('`', '')
    t.ok(new RegExp(`^  ${name} +\\S`, 'm').test(help) && help.includes(plain), `${name} in the help of update`)
    t.ok(explained.includes(`  ${name} `) && [plain, expects].every((part) => explained.includes(part)), name)
    t.match(told[index], { name, expects, meaning: plain }, `${name} in JSON`)
  }
})

await t.test('an app nobody registered suggests the nearest, and doubts are told', async (t) => {
  for (const line of ['show', 'enable', 'disable', 'rotate-secret', 'remove --yes', 'update --set Name=x']) {
    const [verb = '', ...flags] = words(line)
    t.match(
      await tessera(['app', verb, 'my.trusted.app/wbe', ...flags]),
      { code: 1, stderr: `no app has the ApplicationUri "my.trusted.app/wbe"; did you mean ${WEB}?\n` },
      line,
    )
  }
  const { code, stderr } = await tessera(words(`app update ${WEB} --set BasicAuthenticationAllowed=true`))
  t.equal(code, 0)
  t.match(stderr, /^warning: BasicAuthenticationAllowed is only a note/m)
  t.match(await tessera(words(`app update ${WEB} --set Scope=read,update`)), {
    code: 2,
    stderr:
      /^Scope: no API resource has the scope read,update; existing scopes: sec, read, update \(scopes are separated by/,
  })
})
