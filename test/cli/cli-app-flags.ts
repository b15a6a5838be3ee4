// SQLite alone: is about the flags and the words of commands; test/admin/addresses-of-apps.ts stores the same on both databases
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, words } from '../fixtures/cli/cli.ts'
import { jwksOf, makeKey } from '../fixtures/clients/app-keys.ts'
import { placeOf } from '../fixtures/instance/place.ts'

const place = placeOf(t)
const { tessera } = place
const run = (line: string) => tessera(words(line))
const record = (line: string) => documentOf(run(`${line} --json`))

const WEB = 'my.trusted.app/web'
const [ONE, TWO, COMMA] = ['https://a.example/cb', 'https://b.example/cb', 'https://a.example/cb?ids=1,2']
await run(`app register ${WEB} --web --redirect-uri ${ONE} --redirect-uri ${COMMA} --scope read`)
await run('user add svc.sync --type SystemUserNoLogin')

await t.test('repeated flags are one URI each, commas and all', async (t) => {
  matchesWhole(t, await record(`app show ${WEB}`), { ImpersonateLoginUrl: `${ONE},${COMMA}` })
  t.match((await run(`app show ${WEB}`)).stdout, `  ImpersonateLoginUrl               ${ONE}\n`)
  t.match((await run(`app show ${WEB}`)).stdout, new RegExp(`^ +${COMMA.replaceAll('?', '\\?')}$`, 'm'))
  const both = await run(`app register my.app/both --web --redirect-uri ${ONE},${TWO}`)
  t.match(both, { code: 2, stderr: /^ImpersonateLoginUrl: .* nor have one before what reads as another URI/ })
  matchesWhole(t, await record(`app update ${WEB} --set ImpersonateLoginUrl=${COMMA},${ONE}`), {
    ImpersonateLoginUrl: `${COMMA},${ONE}`,
  })
})

await t.test('app update takes the flags of register', async (t) => {
  const line = `app update ${WEB} --redirect-uri ${ONE} --logout-uri https://a.example/bye --name Shop --community`
  matchesWhole(t, await record(`${line} --scope "read update" --system-user svc.sync`), {
    ImpersonateLoginUrl: ONE,
    ImpersonateLogoutUrl: 'https://a.example/bye',
    Name: 'Shop',
    Scope: 'read update',
    SystemUser: 'svc.sync',
    ImpersonateAsCommunityUserAllowed: true,
  })
  t.equal((await record(`app update ${WEB} --no-community`))['ImpersonateAsCommunityUserAllowed'], false)
  const twice = await run(`app update ${WEB} --name A --set Name=B --redirect-uri http://a.example/`)
  t.match(twice, {
    code: 2,
    stderr: /^Name: is given both by --set and by its own flag\nImpersonateLoginUrl: .*; see --redirect-uri\n$/,
  })
  matchesWhole(t, await run(`app update ${WEB}`), { code: 2, stdout: '', stderr: /^nothing to change: give a flag/ })
})

await t.test('addresses are added and removed one by one', async (t) => {
  const add = `app update ${WEB} --add-redirect-uri ${TWO} --add-redirect-uri ${ONE} --add-redirect-uri ${COMMA}`
  t.equal((await record(add))['ImpersonateLoginUrl'], `${ONE},${TWO},${COMMA}`)
  t.match((await run(add)).stdout, /^Nothing to change/)
  const swap = `app update ${WEB} --add-redirect-uri https://c.example/ --remove-redirect-uri ${COMMA} --remove-redirect-uri ${ONE}`
  t.equal((await record(swap))['ImpersonateLoginUrl'], `${TWO},https://c.example/`)
  const bye = `app update ${WEB} --add-logout-uri https://c.example/bye --remove-logout-uri https://a.example/bye`
  t.equal((await record(bye))['ImpersonateLogoutUrl'], 'https://c.example/bye')
  for (const [flags, said] of [
    [
      '--remove-redirect-uri https://b.example/cv',
      /^ImpersonateLoginUrl: .* is not registered; did you mean https:.*cb\?/,
    ],
    ['--remove-redirect-uri https://other.example/', /^ImpersonateLoginUrl: .* is not registered; registered: https:/],
    [`--redirect-uri ${ONE} --add-redirect-uri ${TWO}`, /^ImpersonateLoginUrl: cannot be set as a whole and added to/],
    [`--set ImpersonateLoginUrl=${ONE} --remove-redirect-uri ${TWO}`, /^ImpersonateLoginUrl: cannot be set as a whole/],
    [`--add-redirect-uri ${TWO} --remove-redirect-uri ${TWO}`, /^ImpersonateLoginUrl: .* is both added and removed/],
    ['--add-redirect-uri http://a.example/', /^ImpersonateLoginUrl: http:\/\/a\.example\/ must use https/],
    [
      `--remove-redirect-uri ${TWO} --remove-redirect-uri https://c.example/`,
      /^ImpersonateLoginUrl: is required: people/,
    ],
  ] as const)
    matchesWhole(t, await run(`app update ${WEB} ${flags}`), { code: 2, stdout: '', stderr: said }, flags)
})

await t.test('protocol scopes and unwise addresses are warned of on stderr and in the document', async (t) => {
  const dropped = 'Scope lists openid, offline_access: protocol scopes need no listing, and were left out of the record'
  const register = `app register my.app/warned --spa --redirect-uri myapp://cb --scope "openid read offline_access" --json`
  const { stdout, stderr } = await run(register)
  const unwise = /^myapp:\/\/cb uses a scheme without a domain name/
  matchesWhole(t, JSON.parse(stdout), {
    Scope: 'read',
    scope: 'openid profile email read',
    warnings: [dropped, unwise],
  })
  t.match(stderr, `warning: ${dropped}\nwarning: myapp://cb uses`)
  const update = await record('app update my.app/warned --set "Scope=openid offline_access update"')
  matchesWhole(t, update, { Scope: 'update', warnings: [dropped, unwise] })
})

await t.test('an app that proves itself by its keys gets no secret', async (t) => {
  const jwks = jwksOf(await makeKey('ES256'))
  const keyed = ['--set', 'TokenEndpointAuthMethod=private_key_jwt', '--set', `Jwks=${jwks}`, '--json']
  const service = words('app register my.app/keyed --service --system-user svc.sync --scope read')
  const { stdout, stderr } = await tessera([...service, ...keyed])
  const printed = JSON.parse(stdout) as Record<string, unknown>
  t.equal(printed['token_endpoint_auth_method'], 'private_key_jwt')
  t.notOk('client_secret' in printed)
  t.notMatch(stderr, /secret/)
  t.strictSame((await record('app show my.app/keyed'))['Secrets'], [])
  t.match((await run('app rotate-secret my.app/keyed')).stderr, /^warning: the app proves itself by its keys/m)
  await run('app register my.app/moving --service --system-user svc.sync')
  const moved = await tessera(['app', 'update', 'my.app/moving', ...keyed.slice(0, -1)])
  t.notMatch(moved.stderr, /no secret yet/)
})

await t.test('a new record requires PKCE, and a switch takes that back', async (t) => {
  for (const shape of ['--web', '--hybrid --system-user svc.sync', '--spa', '--service --system-user svc.sync']) {
    const app = `my.app/pkce${shape.replaceAll(/\W/g, '')}`
    const redirect = shape.startsWith('--service') ? '' : ` --redirect-uri ${ONE}`
    t.equal((await record(`app register ${app} ${shape}${redirect}`))['RequirePkce'], true, shape)
  }
  t.equal((await record('app update my.app/pkceweb --set RequirePkce=false'))['RequirePkce'], false)
})

await t.test('a shape is for registering: an update says which attributes make it', async (t) => {
  const app = 'my.app/reshaped'
  await run(`app register ${app} --web --redirect-uri ${ONE}`)
  const refused = await run(`app update ${app} --spa`)
  t.equal(refused.code, 2)
  const [said, advised = ''] = refused.stderr.split('\n')
  t.equal(said, '--spa: is for registering an app; one that is there gets that shape by its attributes')
  t.match(advised, /^tessera app update my\.app\/reshaped --set ClientType=Public /)
  t.match(await record(advised.replace(/^tessera /, '')), { ClientType: 'Public', SystemUserAllowed: false })
  const { stdout } = await run('app update --help')
  t.match(
    stdout,
    / --service +--set ClientType=Confidential --set ImpersonateAsInternalUserAllowed=false --set SystemUser/,
  )
  t.notMatch(stdout, /^ +--spa +single-page/m, 'it is no flag of this command')
})

await t.test('the help of register lists the attributes with their meaning, as that of update does', async (t) => {
  for (const command of ['register', 'update'])
    t.match((await run(`app ${command} --help`)).stdout, /^ {2}RequirePkce +a Confidential app must use PKCE/m, command)
})

await t.test('app show tells what is set, and all of it with --all; the newest app is listed first', async (t) => {
  const shown = await run(`app show ${WEB}`)
  const names = [...shown.stdout.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name)
  const set = ['ImpersonateLoginUrl', 'ImpersonateLogoutUrl', 'ImpersonateAsInternalUserAllowed', 'SystemUser', 'Scope']
  const always = ['ApplicationUri', 'Name', 'ClientType', 'IsEnabled', 'CreatedAt', 'UpdatedAt', 'Secrets']
  t.strictSame(names.toSorted(), [...set, ...always].sort())
  t.match(shown.stderr, /^\d+ more attributes have their default values; --all shows them\.$/m)
  const all = await run(`app show ${WEB} --all`)
  matchesWhole(t, all, { stdout: /^ {2}RequirePkce +true$/m, stderr: '' })
  const whole = await record(`app show ${WEB}`)
  t.equal(whole['RefreshReplayWindow'], 10, 'scripts get all of it in any case')
  const apps = JSON.parse((await run('app list --json')).stdout) as { ApplicationUri: string; CreatedAt: string }[]
  const made = apps.map(({ CreatedAt }) => CreatedAt)
  t.strictSame(made, made.toSorted().reverse())
  t.equal(apps.at(-1)?.ApplicationUri, WEB)
})

await t.test('an unknown attribute is answered in two lines, with a guess', async (t) => {
  const { stderr } = await run(`app update ${WEB} --set RequirePkc=true`)
  t.equal(
    stderr,
    '"RequirePkc" is not an attribute; did you mean RequirePkce?\nall attributes and what they mean: tessera app attributes\n',
  )
})

await t.test('db check finds every record sound, names by language included', async (t) => {
  await run(`app update ${WEB} --set Name#de=Laden`)
  const { code, stdout } = await run('db check')
  t.equal(code, 0, stdout)
})
