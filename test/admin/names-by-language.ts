import t from 'tap'
import { parse } from 'yaml'
import { appPath, startAdminApi } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn } from '../fixtures/cli/cli.ts'
import { commandLine } from '../fixtures/cli/tessera-command.ts'
import { obtainTokens, PKCE } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { registerClient } from '../fixtures/clients/registration.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'
import { changeApp, issue } from '../fixtures/tokens/reference-tokens.ts'

const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open' })
const api = await startAdminApi(instance)
const tessera = tesseraOn(instance)
const set = async (...changes: readonly string[]) => {
  const flags = changes.flatMap((change) => ['--set', change])
  return (await documentOf(tessera(['app', 'update', WEB, ...flags, '--json'])))['LocalizedNames']
}

/** What sign-in, consent and sign-out call the app in a language. */
async function calledIn(ui_locales: string): Promise<(string | undefined)[]> {
  const browser = createBrowser(instance.origin)
  const asked = { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'consent', ui_locales, ...PKCE }
  const login = await browser.open(authorizeUrl(instance, asked))
  const consent = await browser.submit(login, 'login-submit', { username: 'david', password: PASSWORD })
  const logout = await browser.open(endSessionUrl(instance, { client_id: WEB, ui_locales }))
  return [login, consent, logout].map(({ page }) => page.querySelector('.app-name')?.text.trim())
}
const everywhere = (name: string): string[] => [name, name, name]

await t.test('sign-in, consent and sign-out call the app by its name in their language', async (t) => {
  t.equal(await set('Name#de=Laden', 'Name#bg=Магазин'), '{"bg":"Магазин","de":"Laden"}')
  t.strictSame(await calledIn('de'), everywhere('Laden'))
  t.strictSame(await calledIn('bg'), everywhere('Магазин'))
  t.strictSame(await calledIn('en'), everywhere('Web shop'), 'in a language without a name: the Name')
  t.strictSame(await calledIn('fr'), everywhere('Web shop'), 'and where the pages speak no such language')
})

await t.test('a variety of the language comes before the Name, and the language itself before that', async (t) => {
  t.equal(await set('Name#de=', 'name#DE-at=Laden in Wien'), '{"bg":"Магазин","de-AT":"Laden in Wien"}')
  t.strictSame(await calledIn('de'), everywhere('Laden in Wien'))
  await set('Name#de=Laden')
  t.strictSame(await calledIn('de'), everywhere('Laden'))
})

await t.test('a person’s own lists of consents and tokens call the app by its name in their language', async (t) => {
  await changeApp(instance, WEB, { accessTokens: 'AuthenticatedUsers', localizedNames: { de: 'Laden' } })
  const browser = createBrowser(instance.origin)
  const asked = { client_id: WEB, redirect_uri: WEB_REDIRECT, ...PKCE }
  await signInAndConsent(browser, await browser.open(authorizeUrl(instance, asked)), 'david')
  await obtainTokens(instance, { scope: 'openid offline_access read' }, { login: 'david' })
  await issue(instance, { kind: 'PAT', app: WEB, user: 'david', description: 'my script' })
  const list = async (what: string, language: string) => {
    const headers = { 'accept-language': language }
    const answer = await browser.request(`${instance.origin}/profile/api/v1/${what}`, { headers })
    t.match(answer.headers.get('vary'), /accept-language/i)
    const { items } = (await answer.json()) as { items: readonly Record<string, unknown>[] }
    return { language: answer.headers.get('content-language'), items }
  }
  for (const [asked, language, name] of [
    ['de-AT, en;q=0.5', 'de', 'Laden'],
    ['en', 'en', 'Web shop'],
    ['fr', 'en', 'Web shop'],
  ] as const) {
    matchesWhole(t, await list('consents', asked), { language, items: [{ app: WEB, name }] }, asked)
    const tokens = [
      { kind: 'PAT', app: WEB, app_name: name, description: 'my script' },
      { kind: 'refresh_token', app: WEB, app_name: name, description: name },
    ]
    matchesWhole(t, await list('tokens', asked), { language, items: tokens }, asked)
  }
  matchesWhole(t, (await api.get('/users/david/consents')).json, { items: [{ app: WEB, name: 'Web shop' }] })
})

await t.test('what is no language tag, or a name that misleads, is refused', async (t) => {
  for (const [change, said] of [
    ['Name#=x', /^Name#: expects a language tag behind the #, such as de or pt-BR/],
    ['Name#d_e=x', /^Name#d_e: expects a language tag/],
    ['Name#de=Web\u202eshop', /^LocalizedNames: the one in de must not contain control characters/],
    ['LocalizedNames=Laden', /^LocalizedNames: expects names by language, as JSON such as/],
    ['LocalizedNames={"de":"a","DE":"b"}', /^LocalizedNames: expects names by language/],
  ] as const)
    t.match(await tessera(['app', 'update', WEB, '--set', change]), { code: 2, stderr: said }, change)
  for (const [value, status] of [
    ['Laden', 422],
    [{ 'not a tag': 'x' }, 422],
    [{ de: ' ' }, 422],
    [{ de: 7 }, 400],
    [['de'], 400],
  ] as const) {
    const answer = await api.patch(appPath(WEB), { LocalizedNames: value })
    t.equal(answer.status, status, JSON.stringify(value))
    matchesWhole(t, answer.json, { errors: [{ attribute: 'LocalizedNames' }] })
  }
})

await t.test('the administration API takes an object or its text, and null takes the names away', async (t) => {
  const patch = async (value: unknown) =>
    (await api.patch(appPath(WEB), { LocalizedNames: value })).json['LocalizedNames']
  t.equal(await patch('{"de":"Laden"}'), '{"de":"Laden"}', 'text is the whole')
  t.equal(await patch(null), null)
  t.equal(await patch({ de: 'Laden', 'EN-gb': 'Shop' }), '{"de":"Laden","en-GB":"Shop"}')

  await t.test('RFC 7396 §2: an object is merged', async (t) => {
    t.equal(await patch({ bg: 'Магазин' }), '{"bg":"Магазин","de":"Laden","en-GB":"Shop"}', 'what is not sent stays')
    t.equal(await patch({ 'en-gb': null, DE: 'Geschäft', fr: null }), '{"bg":"Магазин","de":"Geschäft"}')
    t.equal(await patch({}), '{"bg":"Магазин","de":"Geschäft"}')
    t.equal(await patch({ bg: null, de: null }), null)
    const body = { ApplicationUri: 'my.app/named', ClientType: 'None', LocalizedNames: { de: 'Laden', bg: null } }
    t.equal(
      (await api.post('/apps', body)).json['LocalizedNames'],
      '{"de":"Laden"}',
      'a new record is merged with nothing',
    )
  })
})

await t.test('files hold them as a map, and make the round trip', async (t) => {
  await set('Name#de=Laden')
  const line = commandLine(t, instance)
  const { stdout } = await line.run('export')
  const { apps } = parse(stdout) as { apps: readonly Record<string, unknown>[] }
  t.strictSame(apps.find(({ ApplicationUri }) => ApplicationUri === WEB)?.['LocalizedNames'], { de: 'Laden' })
  t.match((await line.run('plan', line.file('same.yaml', stdout))).stdout, /^Nothing to change/)
  const wrong = { ApplicationUri: 'my.app/x', ClientType: 'None', LocalizedNames: { 'd e': 'x' } }
  t.match(await line.run('plan', line.file('wrong.json', { apps: [wrong] })), {
    exitCode: 2,
    stderr: /LocalizedNames: expects names by language/,
  })
})

await t.test('RFC 7591 §2.2: apps that register themselves say client_name#de', async (t) => {
  const names = { client_name: 'Shop', 'client_name#de': 'Laden', 'client_name#pt-br': 'Loja' }
  const client = await registerClient(instance, names)
  t.match(client, { client_name: 'Shop', 'client_name#de': 'Laden', 'client_name#pt-BR': 'Loja' })
  const shown = await documentOf(tessera(['app', 'show', client.client_id, '--json']))
  t.equal(shown['LocalizedNames'], '{"de":"Laden","pt-BR":"Loja"}')
})
