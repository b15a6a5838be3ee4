// SQLite alone: is about what commands print; test/admin/admin-api-users.ts does the same on both databases
import t, { type Test } from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, type Tessera, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { authorizeUrl } from '../fixtures/clients/endpoints.ts'
import { type Instance, PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'
import { bytesAtRest } from '../fixtures/store/database.ts'

async function start(t: Test): Promise<{ instance: Instance; tessera: Tessera }> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await instance.addApp({
    applicationUri: WEB,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [WEB_REDIRECT],
  })
  return { instance, tessera: tesseraOn(instance) }
}

/** Whether a person gets in with this password. */
async function getsIn(instance: Instance, login: string, password: string): Promise<boolean> {
  const browser = createBrowser(instance.origin)
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  const end = await signInAndConsent(browser, await browser.open(url), login, password)
  return end.leftTo?.searchParams.has('code') ?? false
}

await t.test('a person is added, shown, given a new password, disabled, enabled and removed', async (t) => {
  const { instance, tessera } = await start(t)
  const line =
    'user add david --type InternalUser --email david@example.com --email-verified --given-name David --family-name Miller --locale EN-gb --phone "+44 20 7946 0000" --picture https://people.example.com/david.jpg --admin --password-stdin --json'
  const added = await documentOf(tessera(words(line), `${PASSWORD}\n`))
  t.match(added, {
    id: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    login: 'david',
    type: 'InternalUser',
    name: 'David Miller',
    email: 'david@example.com',
    emailVerified: true,
    locale: 'en-GB',
    picture: 'https://people.example.com/david.jpg',
    isAdmin: true,
    isEnabled: true,
  })
  t.notOk(Object.keys(added).some((name) => /password|hash/i.test(name)))
  t.ok(await getsIn(instance, 'david', PASSWORD))
  t.notOk((await bytesAtRest(instance)).includes(PASSWORD))

  await t.test('by login, e-mail or id, in any spelling', async (t) => {
    for (const name of [
      'david',
      'DAVID',
      'David@Example.com',
      String(added['id']),
      String(added['id']).toUpperCase(),
    ]) {
      t.match(await documentOf(tessera(['user', 'show', name, '--json'])), { id: added['id'], hasPassword: true }, name)
    }
    t.match((await tessera(['user', 'show', 'david'])).stdout, /^ {2}email +david@example\.com$/m)
  })

  await t.test('in the list', async (t) => {
    t.match(await tessera(['user', 'list']), {
      code: 0,
      stdout: /^LOGIN +TYPE .*\ndavid +InternalUser +David Miller +david@example\.com +admin +enabled +\S+\n$/,
    })
    const list = JSON.parse((await tessera(['user', 'list', '--json'])).stdout) as unknown[]
    matchesWhole(t, list, [{ login: 'david', id: added['id'] }])
  })

  await t.test('a new password counts at once', async (t) => {
    const changed = await tessera(
      words('user set-password david@example.com --password-stdin'),
      'another long password',
    )
    t.match(changed, { code: 0, stderr: /Everything issued before has ended/ })
    t.notOk(await getsIn(instance, 'david', PASSWORD))
    t.ok(await getsIn(instance, 'david', 'another long password'))
    const made = await documentOf(tessera(words('user set-password david --generate-password --json')))
    t.ok(await getsIn(instance, 'david', String(made['password'])), 'a generated one, printed once')
    await tessera(words('user set-password david --password-stdin'), `${PASSWORD}\r\n`)
  })

  await t.test('disabled and enabled', async (t) => {
    t.equal((await documentOf(tessera(words('user disable david --json'))))['isEnabled'], false)
    t.notOk(await getsIn(instance, 'david', PASSWORD))
    t.match(await tessera(words('user disable david')), { code: 0, stdout: /is already disabled/ })
    t.match(await tessera(words('user enable david')), { code: 0, stdout: /^david is enabled/ })
    t.ok(await getsIn(instance, 'david', PASSWORD))
  })

  await t.test('removed', async (t) => {
    matchesWhole(t, await tessera(words('user remove david')), { code: 2, stdout: '', stderr: /add --yes to confirm/ })
    t.match(await tessera(words('user remove david --yes')), { code: 0, stdout: 'david is removed.\n' })
    t.notOk(await getsIn(instance, 'david', PASSWORD))
    t.match(await tessera(words('user remove david --yes')), { code: 1, stderr: /no user has the login/ })
  })
})

await t.test('a System User has no password and stays as long as an app acts as it', async (t) => {
  const { tessera } = await start(t)
  await documentOf(tessera(words('user add svc.sync --type SystemUserNoLogin --json')))
  for (const line of [
    'user add svc.two --type SystemUserNoLogin --password-stdin',
    'user add svc.two --type SystemUserNoLogin --generate-password',
  ]) {
    t.match(await tessera(words(line), PASSWORD), { code: 2, stderr: /a SystemUserNoLogin never signs in/ }, line)
  }
  t.match(await tessera(words('user set-password svc.sync --generate-password')), {
    code: 1,
    stderr: /has no password/,
  })
  await documentOf(tessera(words('app register my.trusted.app/sync --service --system-user svc.sync --json')))
  t.match(await tessera(words('user remove svc.sync --yes')), {
    code: 1,
    stderr: 'svc.sync is the System User of my.trusted.app/sync; remove or update that app first\n',
  })
  t.match(await tessera(words('user disable svc.sync')), {
    code: 0,
    stderr: /warning: these apps can no longer act as their System User: my\.trusted\.app\/sync/,
  })
})

await t.test('one person has one name in all its spellings', async (t) => {
  const { tessera } = await start(t)
  await documentOf(tessera(words('user add jörg@example.com --email joerg@example.com --json')))
  for (const args of [
    ['user', 'add', 'jörg@example.com'],
    ['user', 'add', 'JÖRG@example.com'],
    ['user', 'add', 'jo\u0308rg@example.com'],
    ['user', 'add', 'ｊörg@example.com'],
    ['user', 'add', 'other', '--email', 'JOERG@EXAMPLE.COM'],
    ['user', 'add', 'other', '--email', 'jo\u0308rg@example.com'],
  ]) {
    const outcome = await tessera([...args, '--json'])
    matchesWhole(t, outcome, { code: 1, stdout: '' }, args.join(' '))
    matchesWhole(t, JSON.parse(outcome.stderr), { errors: [/ is taken/], exitCode: 1 })
  }
  t.match((await tessera(['user', 'add', 'JÖRG@example.com'])).stderr, /is taken by jörg@example\.com; letter case/)
})

await t.test('what cannot be an account is refused with every reason, and nothing is stored', async (t) => {
  const { tessera } = await start(t)
  const cases: readonly (readonly [args: readonly string[], reason: RegExp])[] = [
    [['user', 'add', ''], /^login: must not be empty/],
    [['user', 'add', ' david'], /^login: must not be empty or start or end with a space/],
    [['user', 'add', 'da\u202evid'], /^login: must not contain control or invisible/],
    [['user', 'add', 'da\u3164vid'], /^login: must not contain control or invisible/],
    [['user', 'add', 'da\u0007vid'], /^login: must not contain control or invisible/],
    [['user', 'add', 'x', '--email', 'nobody'], /^--email: is not an e-mail address/],
    [['user', 'add', 'x', '--email-verified'], /^--email-verified: needs --email/],
    [['user', 'add', 'x', '--picture', 'javascript:alert(1)'], /^--picture: must be an https URL of at most 2048/],
    [['user', 'add', 'x', '--picture', 'https://me:secret@a.example/x.png'], /^--picture: must be an https URL/],
    [['user', 'add', 'x', '--phone', 'call me'], /^--phone: is not a phone number, such as/],
    [['user', 'add', 'x', '--locale', 'not a tag'], /^--locale: is not a language tag \(BCP 47\), such as de/],
    [
      ['user', 'add', 'x', '--type', 'Admin'],
      /^unknown value of --type 'Admin'\nexpected one of: InternalUser, ExternalCommunityUser, SystemUserNo/,
    ],
    [['user', 'add', 'x', '--password-stdin', '--generate-password'], /cannot be used with/],
  ]
  for (const [args, reason] of cases) {
    const outcome = await tessera(args, PASSWORD)
    matchesWhole(t, outcome, { code: 2, stdout: '', stderr: reason }, JSON.stringify(args.slice(2)))
  }
  const many = await tessera(['user', 'add', 'a\nb', '--email', 'x', '--name', 'x\u2066y', '--locale', '?', '--json'])
  matchesWhole(t, JSON.parse(many.stderr), { errors: [/^login/, /^--name/, /^--email/, /^--locale/], exitCode: 2 })
  t.strictSame(JSON.parse((await tessera(words('user list --json'))).stdout), [])
})

await t.test('a password comes from standard input, and from nowhere else', async (t) => {
  const { instance, tessera } = await start(t)
  await documentOf(tessera(words('user add david --json')))
  const setPassword = words('user set-password david --password-stdin')
  const cases: readonly (readonly [what: string, input: string | undefined, reason: RegExp])[] = [
    ['nothing at all', undefined, /^the password must be one line on standard input, which is empty/],
    ['an empty line', '\n', /must be one line on standard input, which is empty/],
    ['a short one', '1234567\n', /^password: must have at least 8 characters/],
    ['one too long', 'x'.repeat(1025), /^password: must have at most 1024 characters/],
    ['two lines', `${PASSWORD}\n${PASSWORD}\n`, /must be one line on standard input, which holds several/],
    ['a file by mistake', 'x'.repeat(70_000), /standard input is too long for a password/],
  ]
  for (const [what, input, reason] of cases) {
    matchesWhole(t, await tessera(setPassword, input), { code: 2, stdout: '', stderr: reason }, what)
  }
  for (const line of ['user set-password david --password hunter2hunter2', 'user add x --password=hunter2hunter2']) {
    const outcome = await tessera(words(line))
    t.match(outcome, { code: 2, stderr: /unknown option '--password/ }, 'as an argument everybody could read it in ps')
  }
  t.match(await tessera(words('user set-password david --password-stdin hunter2hunter2'), PASSWORD), { code: 2 })
  t.match(await tessera(words('user set-password david')), {
    code: 2,
    stderr: /^a password is missing: give --password-stdin or --generate-password, as there is no terminal to ask on/,
  })
  t.notOk(await getsIn(instance, 'david', 'hunter2hunter2'))

  const silent = await tessera(words('user add maria'))
  t.match(silent, {
    code: 0,
    stderr: /cannot sign in yet; set one with: tessera user set-password maria --password-stdin/,
  })
  t.notOk(await getsIn(instance, 'maria', PASSWORD), 'an account without a password admits nobody')
  t.ok((await tessera(words('user add eva --password-stdin'), 'pässwörd ✓ 長い')).code === 0)
  t.ok(await getsIn(instance, 'eva', 'pässwörd ✓ 長い'))
})

await t.test('a name nobody has suggests the nearest', async (t) => {
  const { tessera } = await start(t)
  await documentOf(tessera(words('user add david --email david@example.com --json')))
  matchesWhole(t, await tessera(words('user show davd')), {
    code: 1,
    stdout: '',
    stderr: 'no user has the login, e-mail or id "davd"; did you mean david?\n',
  })
  t.match((await tessera(words('user disable davdi@example.com'))).stderr, /did you mean david@example\.com\?/)
  t.match((await tessera(words('user show zoe'))).stderr, /"zoe"; tessera user list shows everybody/)
})

await t.test('user list finds by login, name and e-mail, the newest first and so many at a time', async (t) => {
  const { instance, tessera } = await start(t)
  for (const line of ['anna --name "Анна Kovač"', 'boris --email b@miller.example', 'carl --name "Carl Miller"']) {
    await documentOf(tessera(words(`user add ${line} --json`)))
    instance.advance(1)
  }
  const list = async (flags: string) => {
    const { stdout, stderr } = await tessera(words(`user list ${flags} --json`))
    return { logins: (JSON.parse(stdout) as { login: string }[]).map(({ login }) => login), stderr }
  }
  const shown = (await tessera(words('user show carl'))).stdout
  t.match(shown, /^ {2}name +Carl Miller\n(.*\n)* {2}isEnabled +true\n/m)
  t.notMatch(shown, / -$|birthdate|emailVerified/m, 'only what is set')
  t.match((await tessera(words('user show carl --all'))).stdout, /^ {2}birthdate +-$/m, 'and everything with --all')
  const all = (await list('')).logins
  t.equal(all.length, 3)
  t.strictSame((await list('--limit 2')).logins, all.slice(0, 2))
  t.match((await list('--limit 2')).stderr, `there are more; go on with --after ${all[1]}`)
  t.strictSame(await list(`--limit 2 --after ${all[1]}`), { logins: all.slice(2), stderr: '' })
  t.strictSame((await list('--q MILLER')).logins.sort(), ['boris', 'carl'])
  t.strictSame((await list('--q АННА')).logins, ['anna'])
  t.strictSame((await list('--q kovaČ')).logins, ['anna'])
  await tessera(words('user disable boris'))
  t.strictSame((await list('--q miller --state enabled')).logins, ['carl'])
  t.match(await tessera(words('user list --q nobody')), { code: 0, stdout: 'There are no such users.\n' })
  t.match(await tessera(words('user list --after nobody')), { code: 1, stderr: /no user has the login/ })
})

await t.test('columns line up by what names take on a terminal', async (t) => {
  const { tessera } = await start(t)
  const widths: Readonly<Record<string, number>> = {
    'Jo 👍🏽': 5,
    山田太郎: 8,
    'Zoe\u0301': 3,
    'Eva 🇧🇬': 6,
    'David Miller': 12,
  }
  for (const [at, name] of Object.keys(widths).entries())
    await documentOf(tessera([...words(`user add p${at} --email p${at}@example.com --json --name`), name]))
  const lines = (await tessera(words('user list'))).stdout.split('\n')
  const headingEnds = lines[0]?.indexOf('E-MAIL')
  for (const [name, width] of Object.entries(widths)) {
    const before = lines.find((line) => line.includes(name))?.replace(/p\d@.*/, '') ?? ''
    t.equal(before.length - name.length + width, headingEnds, name)
  }
})
