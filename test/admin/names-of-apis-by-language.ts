import t from 'tap'
import { parse } from 'yaml'
import { auditOf, isProblem, startAdminApi } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn } from '../fixtures/cli/cli.ts'
import { commandLine } from '../fixtures/cli/tessera-command.ts'
import { PKCE } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../fixtures/clients/endpoints.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t)
const api = await startAdminApi(instance)
const tessera = tesseraOn(instance)
const REPORTS = 'https://reports.example.com'
/** In place of APIs: the request names none. */
const NONE = ''
const PATH = `/resources/${encodeURIComponent(REPORTS)}`
const update = (...flags: readonly string[]) => tessera(['resource', 'update', REPORTS, ...flags, '--json'])

/** What the consent page says of an API and its scopes in a language: titles, each with its description. */
async function askedIn(
  ui_locales: string,
  scope: string,
  ...resources: readonly string[]
): Promise<Readonly<Record<string, string>>> {
  const browser = createBrowser(instance.origin)
  const asked = { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'consent', scope, ui_locales, ...PKCE }
  const named = (resources.length === 0 ? [REPORTS] : resources).filter((resource) => resource !== NONE)
  const query = named.map((resource) => `&resource=${encodeURIComponent(resource)}`)
  const login = await browser.open(authorizeUrl(instance, asked) + query.join(''))
  const { page } = await browser.submit(login, 'login-submit', { username: 'david', password: PASSWORD })
  const said = page.querySelectorAll('.scopes > li > span')
  return Object.fromEntries(
    said.map((item) => [item.querySelector('strong')?.text ?? '', item.querySelector('.muted')?.text ?? '']),
  )
}

await t.test('commands name an API and its scopes in several languages', async (t) => {
  const flags = [
    ['--name', 'Reports'],
    ['--localized-name', 'DE=Berichte'],
    ['--localized-name', 'bg=Отчети'],
    ['--scope', 'reports.read=See every report'],
    ['--scope', 'reports.read#de=Alle Berichte = alle Zahlen ansehen'],
    ['--scope-name', 'reports.read#de=Berichte lesen'],
    ['--scope-name', 'reports.read#en=Read reports'],
    ['--scope', 'reports.write'],
  ].flat()
  const told = {
    Identifier: REPORTS,
    Name: 'Reports',
    LocalizedNames: { bg: 'Отчети', de: 'Berichte' },
    Scopes: [
      {
        Name: 'reports.read',
        Description: 'See every report',
        LocalizedNames: { de: 'Berichte lesen', en: 'Read reports' },
        LocalizedDescriptions: { de: 'Alle Berichte = alle Zahlen ansehen' },
      },
      { Name: 'reports.write', Description: null },
    ],
    ResourceServers: [],
    OpenToSelfRegistered: false,
  }
  const added = await documentOf(tessera(['resource', 'add', REPORTS, ...flags, '--json']))
  t.strictSame(added, { ...told, warnings: [] })
  t.strictSame((await api.get(PATH)).json, told, 'as the administration API tells them')
  const { stdout } = await tessera(['resource', 'show', REPORTS])
  t.match(stdout, / LocalizedNames +bg: Отчети\n +de: Berichte$/m)
  t.match(
    stdout,
    /reports\.read: See every report\n +name in de: Berichte lesen\n +name in en: Read reports\n +description in de: /,
  )
  const own = ['--set', `ApiResources=${REPORTS}`, '--scope', 'read update reports.read reports.write']
  await documentOf(tessera(['app', 'update', WEB, ...own, '--json']))
})

await t.test('the consent page says them in its language', async (t) => {
  const general = 'What you allow here also applies to this connected system.'
  t.strictSame(await askedIn('en', 'reports.read reports.write'), {
    'Read reports': 'See every report',
    'Use the permission “reports.write”':
      'A permission specific to this system. Ask your administrator if you are not sure what it allows.',
    'Work with “Reports”': general,
  })
  matchesWhole(t, Object.entries(await askedIn('de', 'reports.read')), [
    ['Berichte lesen', 'Alle Berichte = alle Zahlen ansehen'],
    [/Berichte/, String],
  ])
  matchesWhole(t, Object.entries(await askedIn('bg', 'reports.read')), [
    [/reports\.read/, 'See every report'],
    [/Отчети/, String],
  ])
  t.strictSame(
    await askedIn('fr', 'reports.read'),
    await askedIn('en', 'reports.read'),
    'where the pages speak no such language',
  )
})

await t.test('a variety of the language serves, and a scope that has a text of its own may have another', async (t) => {
  await documentOf(update('--scope-name', 'reports.read#de=', '--scope-name', 'reports.read#de-at=Berichte schauen'))
  t.equal(Object.keys(await askedIn('de', 'reports.read'))[0], 'Berichte schauen')
  const own = (...flags: readonly string[]) =>
    documentOf(tessera(['resource', 'update', 'DomainAPI', ...flags, '--json']))
  const [usual, english] = [await askedIn('de', 'read', 'DomainAPI'), await askedIn('en', 'read', 'DomainAPI')]
  await own('--scope', 'read=See them', '--scope-name', 'read#de=Aufträge sehen', '--scope', 'read#de=Nur lesen')
  t.equal((await askedIn('de', 'read', 'DomainAPI'))['Aufträge sehen'], 'Nur lesen')
  t.strictSame(await askedIn('en', 'read', 'DomainAPI'), english, 'in another language it says what it said')
  await own('--scope', 'read', '--scope-name', 'read#de=', '--scope', 'read#de=')
  t.strictSame(await askedIn('de', 'read', 'DomainAPI'), usual)
})

await t.test('no API speaks for another that has a scope of the same name', async (t) => {
  // One comes before the instance's own API in the catalogue, the other behind it.
  for (const other of ['A:archive', 'urn:zoo']) {
    const add = ['resource', 'add', other, '--name', 'Other', '--json']
    const said = ['--scope', 'update=Change theirs', '--scope-name', 'update#de=Berichte ändern']
    await documentOf(tessera([...add, ...said, '--scope', 'update#de=Nur deren', '--scope', 'own=Theirs']))
    const reach = (resources: string, scope: string) =>
      documentOf(tessera(['app', 'update', WEB, '--set', `ApiResources=${resources}`, '--scope', scope, '--json']))
    await reach(`${REPORTS} ${other}`, 'read update reports.read reports.write own')
    const usual = Object.entries(await askedIn('de', 'update', 'DomainAPI'))[0] ?? []
    t.notMatch(usual.join(), /Berichte|deren/, 'the texts of the server')
    t.strictSame(
      Object.entries(await askedIn('de', 'update', NONE))[0],
      usual,
      'where none is named, it is the own API',
    )
    matchesWhole(t, Object.entries(await askedIn('de', 'update', other))[0], ['Berichte ändern', 'Nur deren'])
    t.equal((await askedIn('de', 'own', NONE))['Die Berechtigung „own“ nutzen'], 'Theirs', 'no other API has it')
    for (const both of [
      ['DomainAPI', other],
      [other, 'DomainAPI'],
    ])
      t.strictSame(Object.entries(await askedIn('de', 'update', ...both))[0], usual, both.join(' and '))
    await reach(REPORTS, 'read update reports.read reports.write')
    await documentOf(tessera(['resource', 'remove', other, '--yes', '--json']))
  }
})

await t.test('an empty text takes a language away, and other changes leave them', async (t) => {
  const shown = (await documentOf(update('--localized-name', 'bg=', '--scope', 'reports.read=See them'))) as object
  matchesWhole(t, shown, {
    LocalizedNames: { de: 'Berichte', bg: undefined },
    Scopes: [{ Description: 'See them', LocalizedDescriptions: { de: /^Alle/ } }, { Name: 'reports.write' }],
  })
  const bare = await documentOf(update('--localized-name', 'de='))
  t.notOk('LocalizedNames' in bare)
  await documentOf(update('--localized-name', 'de=Berichte'))
  const [latest] = (await auditOf(instance, {})).filter(({ event }) => event === 'resource_updated').slice(-1)
  matchesWhole(t, latest?.detail, { fields: { LocalizedNames: { from: null, to: { de: 'Berichte' } } } })
})

await t.test('what is no language tag, or misleads, is refused with the reason', async (t) => {
  for (const [flags, said] of [
    [['--localized-name', 'Berichte'], /--localized-name: Berichte has no =; write LANGUAGE=NAME/],
    [['--localized-name', 'd_e=x'], /d_e: expects a language tag, such as de or pt-BR, not "d_e"/],
    [['--localized-name', 'de=x', '--localized-name', 'DE=y'], /--localized-name: de is given twice/],
    [['--localized-name', 'de=Be\u202erichte'], /LocalizedNames: the one in de must not contain control characters/],
    [['--scope', 'reports.read#d_e=x'], /reports\.read#d_e: expects a language tag/],
    [['--scope', 'reports.read#de=x', '--scope', 'reports.read#de=y'], /--scope: reports\.read#de is given twice/],
    [['--scope-name', 'reports.read=x'], /--scope-name: reports\.read has no language; write NAME#LANGUAGE=TEXT/],
    [['--scope-name', 'raeds#de=x'], /--scope-name: raeds is not one of its scopes, reports\.read, reports\.write/],
    [['--scope-name', 'reports.read#de=a\u200bb'], /Scopes: LocalizedNames of reports\.read: the one in de must not/],
  ] as const)
    t.match(await tessera(['resource', 'update', REPORTS, ...flags]), { code: 2, stderr: said }, flags.join(' '))
  const before = (await api.get(PATH)).json
  const expects = 'expects texts by language tag, such as de or pt-BR, each language once'
  for (const [body, errors] of [
    [{ LocalizedNames: { 'd e': 'x' } }, [`LocalizedNames: ${expects}`]],
    [{ LocalizedNames: { de: 'a', DE: 'b' } }, [`LocalizedNames: ${expects}`]],
    [
      { Scopes: [{ Name: 'reports.read', LocalizedDescriptions: { '': 'x' } }] },
      [`Scopes: LocalizedDescriptions of reports.read: ${expects}`],
    ],
  ] as const)
    isProblem(t, instance, await api.patch(PATH, body), { status: 422, type: 'impossible-record', errors })
  for (const body of [
    { LocalizedNames: 'x' },
    { LocalizedNames: { de: 7 } },
    { Scopes: [{ Name: 'a', LocalizedNames: ['x'] }] },
  ])
    isProblem(t, instance, await api.patch(PATH, body), { status: 400, type: 'malformed-request' })
  t.strictSame((await api.get(PATH)).json, before)
})

await t.test(
  'the administration API merges names of an API, replaces scopes, and null takes away (RFC 7396)',
  async (t) => {
    const Scopes = [{ Name: 'reports.read', LocalizedNames: { 'PT-br': 'Ler' } }, 'reports.write']
    const { LocalizedNames: known } = (await api.get(PATH)).json
    matchesWhole(t, (await api.patch(PATH, { LocalizedNames: { it: 'Rapporti' } })).json, {
      LocalizedNames: { ...(known as object), it: 'Rapporti' },
    })
    const LocalizedNames = { fr: 'Rapports', DE: null, bg: null, it: null }
    matchesWhole(t, (await api.patch(PATH, { LocalizedNames, Scopes })).json, {
      LocalizedNames: { fr: 'Rapports', de: undefined },
      Scopes: [{ Name: 'reports.read', Description: null, LocalizedNames: { 'pt-BR': 'Ler' } }, { Description: null }],
    })
    await api.patch(PATH, { LocalizedNames: null, Scopes: ['reports.read', 'reports.write'] })
    t.strictSame((await api.get(PATH)).json, {
      Identifier: REPORTS,
      Name: 'Reports',
      Scopes: ['reports.read', 'reports.write'].map((Name) => ({ Name, Description: null })),
      ResourceServers: [],
      OpenToSelfRegistered: false,
    })
  },
)

await t.test('files hold them as maps, and make the round trip', async (t) => {
  const line = commandLine(t, instance)
  const names = { LocalizedNames: { bg: 'Отчети', de: 'Berichte' } }
  const read = { Name: 'reports.read', LocalizedNames: { de: 'Lesen' }, LocalizedDescriptions: { de: 'Alle ansehen' } }
  const wanted = { Identifier: REPORTS, Name: 'Reports', ...names, Scopes: [read, { Name: 'reports.write' }] }
  const changes = await line.run('plan', line.file('names.json', { resources: [wanted] }))
  t.match(changes.stdout, /LocalizedNames/)
  t.match(await line.run('apply', line.file('names.json', { resources: [wanted] })), { exitCode: 0 })
  const { stdout } = await line.run('export')
  const { resources } = parse(stdout) as { resources: readonly { readonly Identifier: string }[] }
  t.strictSame(
    resources.find(({ Identifier }) => Identifier === REPORTS),
    wanted,
  )
  t.match((await line.run('plan', line.file('same.yaml', stdout))).stdout, /^Nothing to change/)
  for (const [fault, said] of [
    [{ LocalizedNames: { 'd e': 'x' } }, /LocalizedNames: expects texts by language tag/],
    [{ LocalizedNames: ['x'] }, /LocalizedNames: expects texts by language tag/],
    [{ Scopes: [{ Name: 'x', LocalizedNames: { de: 7 } }] }, /Scopes: LocalizedNames of x: expects texts/],
    [
      { Scopes: [{ Name: 'x', LocalizedName: { de: 'x' } }] },
      /LocalizedName is not an attribute; did you mean LocalizedNames/,
    ],
    [{ LocalizedNames: { de: ' ' } }, /LocalizedNames: the one in de must not be empty/],
  ] as const) {
    const file = line.file('wrong.json', { resources: [{ Identifier: 'urn:x', Scopes: ['x'], ...fault }] })
    t.match(await line.run('plan', file), { exitCode: 2, stderr: said }, JSON.stringify(fault))
  }
})

await t.test('auto-discovery tells them everybody', async (t) => {
  const { WebSites } = (await (await fetch(`${instance.origin}/tools/auto-discovery`)).json()) as { WebSites: object[] }
  matchesWhole(t, WebSites.at(-1), {
    Url: REPORTS,
    Name: 'Reports',
    LocalizedNames: { bg: 'Отчети', de: 'Berichte' },
    Scopes: [{ Name: 'reports.read', LocalizedNames: { de: 'Lesen' } }, { Name: 'reports.write' }],
  })
})
