// SQLite alone: is about the texts; the refusals themselves are tested on both databases
import { readFileSync } from 'node:fs'
import t from 'tap'
import { type InstanceSettingName, storedName } from '../../src/domain/instance/instance-settings.ts'
import { markDifference } from '../../src/lib/text/difference.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { tableHoldsNoSecret } from '../fixtures/answers/refusals.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { pasted, tesseraOn } from '../fixtures/cli/cli.ts'
import { obtainCode, obtainTokens, redeem, refresh } from '../fixtures/clients/code-flow.ts'
import {
  authorizeUrl,
  endSessionUrl,
  requestServiceToken,
  requestToken,
  revoke,
  userinfo,
} from '../fixtures/clients/endpoints.ts'
import { basic, bearer, postForm, send } from '../fixtures/clients/http.ts'
import { startPlace } from '../fixtures/documents/mistakes/apps-of-mistakes.ts'
import { documentOf, makeMistakes } from '../fixtures/documents/mistakes/document.ts'
import { readTold } from '../fixtures/documents/mistakes/mistake.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { OTHER, SPA, SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import { query } from '../fixtures/store/database.ts'

const HOUR = 3_600_000

const isTextOrNull = (value: unknown): boolean => value === null || (typeof value === 'string' && value !== '')

await t.test('typical mistakes: the operator is told the cause and the fix', async (t) => {
  const place = await startPlace(t)
  const made = await makeMistakes(place)
  t.ok(made.length >= 20)
  const { stdout } = await tesseraOn(place.instance)(['refusal', 'list', '--limit', '1000', '--json'])
  const listed = new Map((JSON.parse(stdout) as Record<string, unknown>[]).map((record) => [record['id'], record]))

  for (const { mistake, told, printed } of made) {
    await t.test(mistake.title, async (t) => {
      const record = listed.get(told.refusalId)
      const { cause, nearest = null } = mistake
      const fix = mistake.fix.says
      const otherwise = mistake.otherwise?.says ?? null
      // The APIs tell the type of a problem, and the record has the code.
      const error = told.how === 'problem details' ? String(record?.['error']) : told.error
      t.match(record, { error, description: told.description, cause })
      t.strictSame(
        { nearest: record?.['nearest'], fix: record?.['fix'], otherwise: record?.['otherwise'] },
        { nearest, fix, otherwise },
      )
      t.ok(typeof record?.['rule'] === 'string', 'the rule has a name')
      t.ok(printed.includes(fix) && printed.includes(error), 'the text says the same')
    })
  }

  await t.test('docs/refusals.md is what scripts/refusals.ts would write', async (t) => {
    const written = readFileSync(new URL('../../docs/refusals.md', import.meta.url), 'utf8')
    t.equal(documentOf(made, place.instance), written, 'npx tsx scripts/refusals.ts mends it')
  })

  await t.test('show --json holds the documented members; app and limit choose what is listed', async (t) => {
    const [one] = made
    const shown = await tesseraOn(place.instance)(['refusal', 'show', one?.told.refusalId ?? '', '--json'])
    const members = ['id', 'endpoint', 'error', 'cause', 'sent', 'expected', 'nearest', 'fix']
    t.strictSame(Object.keys(JSON.parse(shown.stdout) as object).slice(0, members.length), members)
    t.strictSame(JSON.parse(shown.stdout), listed.get(one?.told.refusalId))
    const few = await tesseraOn(place.instance)(['refusal', 'list', '--app', WEB, '--limit', '3', '--json'])
    t.strictSame(
      (JSON.parse(few.stdout) as { app: string }[]).map(({ app }) => app),
      [WEB, WEB, WEB],
    )
  })

  await t.test('each member is of one type in every refusal; several values are a list of their own', async (t) => {
    for (const record of listed.values()) {
      for (const name of ['id', 'endpoint', 'error', 'cause', 'fix']) t.type(record[name], 'string', name)
      for (const name of ['sent', 'expected', 'nearest'])
        t.ok(isTextOrNull(record[name]), `${name} of ${record['rule']}`)
      const several = record['expectedOneOf'] as string[]
      t.ok(several.length !== 1 && several.every((value) => typeof value === 'string'))
      if (several.length > 0) t.equal(record['expected'], several.join(', '))
    }
    const ofUri = [...listed.values()].filter(({ rule }) => rule === 'redirect-uri-unregistered')
    t.ok(ofUri.some(({ expectedOneOf }) => String(expectedOneOf) === `${WEB_REDIRECT},${WEB_REDIRECT}?x=1`))
  })

  await t.test('an unknown id: one line, exit code 1', async (t) => {
    const { code, stdout, stderr } = await tesseraOn(place.instance)(['refusal', 'show', 'nothing'])
    t.strictSame({ code, stdout, lines: stderr.trimEnd().split('\n').length }, { code: 1, stdout: '', lines: 1 })
    t.match(stderr, 'no refusal has the id "nothing"')
  })

  await t.test('what strangers sent can be pasted into a shell with the command that is proposed', async (t) => {
    const [line = ''] =
      /tessera app update .*\$\(id\).*/.exec(made.map(({ mistake }) => mistake.otherwise?.says).join('\n')) ?? []
    const { code, stderr } = await pasted(place.instance, line)
    t.equal(code, 0, `${line}: ${stderr}`)
    const { impersonateLoginUrl } = (await place.instance.core.store.read.apps.find(WEB)) ?? {}
    t.equal(impersonateLoginUrl?.at(-1), 'https://attacker.test/$(id)')
  })
})

await t.test('canaries: no secret, code, token, verifier or password is in a record', async (t) => {
  const { instance } = await startWorld(t)
  const canary = (name: string): string => {
    const value = `canary-${name}-0123456789abcdef`
    noteSecret(value)
    return value
  }
  const token = (fields: Record<string, string>, headers = {}) => requestToken(instance, fields, headers)
  const code = await obtainCode(instance)
  await redeem(instance, code, {}, basic(OTHER))
  await redeem(instance, code, { code_verifier: canary('verifier') })
  const { access_token, refresh_token, id_token } = await obtainTokens(instance)
  for (const value of [access_token, refresh_token, id_token]) noteSecret(value)
  await refresh(instance, refresh_token, {}, basic(OTHER))
  await refresh(instance, access_token)
  await token({ grant_type: 'client_credentials' }, basic(SYNC, canary('basic')))
  await token({ grant_type: 'client_credentials', client_id: SYNC, client_secret: canary('post') })
  await token({
    grant_type: 'authorization_code',
    client_id: SPA,
    client_secret: canary('public'),
    code: canary('code'),
  })
  await token({ grant_type: 'password', username: 'david', password: canary('password') }, basic(SYNC))
  const bare = Buffer.from(canary('without-a-colon')).toString('base64')
  await token({ grant_type: 'client_credentials' }, { authorization: `Basic ${bare}` })
  await token({ grant_type: 'client_credentials' }, bearer(canary('bearer')))
  await send(`${instance.issuer}/connect/token?client_secret=${canary('query')}&code=${canary('query-code')}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  await send(`${instance.issuer}/connect/userinfo?access_token=${canary('userinfo-query')}`)
  await userinfo(instance, canary('userinfo'))
  await postForm(`${instance.issuer}/connect/introspect`, { client_id: SPA, token: canary('introspect') })
  await revoke(instance, refresh_token, basic(OTHER))
  const hint = {
    id_token_hint: canary('hint'),
    post_logout_redirect_uri: 'https://nowhere.test/',
    state: canary('state'),
  }
  const browser = createBrowser(instance.origin)
  await browser.open(endSessionUrl(instance, hint))
  const asked = {
    client_id: WEB,
    response_type: 'code',
    scope: 'openid',
    code_challenge: canary('challenge'),
    nonce: canary('n'),
  }
  await browser.open(`${instance.issuer}/connect/authorize?${new URLSearchParams(asked)}`)
  await browser.open(`${instance.issuer}/login?interaction=${canary('interaction')}`)
  const rows = await eventually(
    () => query(instance, 'select id from refusals'),
    ({ length }) => length >= 18,
  )
  t.equal(rows.length, 18)
  await tableHoldsNoSecret(t, instance)
})

await t.test('a failed sign-in is a refusal, without what was typed', async (t) => {
  const { instance, david } = await startWorld(t)
  const tessera = tesseraOn(instance)
  await tessera(['user', 'add', 'nora'])
  await instance.addUser({ login: 'dora' })
  await tessera(['user', 'disable', 'dora'])
  noteSecret('canary-password-in-the-wrong-field')
  noteSecret('canary-password-0123456789')
  const rows: [login: string, password: string, cause: string, fix: string][] = [
    ['david', 'canary-password-0123456789', 'the password is wrong', 'let the person enter the right password'],
    ['dora', PASSWORD, 'the user is disabled', 'tessera user enable dora'],
    ['nora', PASSWORD, 'the account has no password', 'tessera user set-password nora --generate-password'],
    [
      'canary-password-in-the-wrong-field',
      'x',
      'no account has this login or e-mail',
      'let the person enter the login or e-mail of an account; tessera user list shows them',
    ],
    ['svc.sync', PASSWORD, 'a System User never signs in', 'let the person sign in with their own account'],
  ]
  for (const [username, password, cause, fix] of rows) {
    const browser = createBrowser(instance.origin)
    const page = await browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
    const view = await browser.submit(page, 'login-submit', { username, password })
    const id = view.page.querySelector('#refusal-id')?.text ?? ''
    const shown = JSON.parse((await tessera(['refusal', 'show', id, '--json'])).stdout) as Record<string, unknown>
    matchesWhole(
      t,
      shown,
      { endpoint: '/id/login', error: 'access_denied', app: WEB, status: 401, cause, sent: null },
      cause,
    )
    t.ok(String(shown['fix']).startsWith(fix), `${shown['fix']}`)
    if (username === 'david')
      t.match(shown['otherwise'], 'if it is forgotten: tessera user set-password david --generate-password')
  }
  t.strictSame(
    await query(instance, `select endpoint, error from refusals where detail like '%${david.id}%'`),
    [{ endpoint: '/id/login', error: 'access_denied' }],
    'a known person by id alone',
  )
  t.equal((await query(instance, 'select id from refusals')).length, rows.length)
  await tableHoldsNoSecret(t, instance)
})

await t.test('a token that a kill switch ended: the operator is told to switch it on again', async (t) => {
  const { instance } = await startWorld(t)
  const tessera = tesseraOn(instance)
  const first = await obtainTokens(instance)
  const rows: [off: string[], fix: string][] = [
    [['app', 'disable', WEB], `tessera app enable ${WEB}`],
    [['user', 'disable', 'david'], 'tessera user enable david'],
    [
      ['app', 'update', WEB, '--set', 'ImpersonateAsInternalUserAllowed=false'],
      `tessera app update ${WEB} --set ImpersonateAsInternalUserAllowed=true`,
    ],
  ]
  const fixOf = async (token: string) => {
    const response = await userinfo(instance, token)
    const told = readTold(response)
    return JSON.parse((await tessera(['refusal', 'show', told?.refusalId ?? '', '--json'])).stdout) as Record<
      string,
      string
    >
  }
  for (const [off, fix] of rows) {
    const { access_token } = await obtainTokens(instance)
    t.equal((await tessera(off)).code, 0)
    t.match(await fixOf(access_token), { rule: 'access-token-ended', error: 'invalid_token', fix })
    t.equal((await pasted(instance, fix)).code, 0, fix)
  }
  t.match(await fixOf(first.access_token), {
    cause: 'the app was disabled since then',
    fix: /^in the app's code: ask for a new token/,
  })
})

await t.test('the record is there right after the answer', async (t) => {
  const { instance } = await startWorld(t)
  for (let round = 0; round < 20; round++) {
    const told = readTold(await requestServiceToken(instance, basic('nobody')))
    const find = () => instance.core.store.read.refusals.find(told?.refusalId ?? '')
    t.ok(await eventually(find, (found) => found !== undefined))
  }
})

await t.test('records are bounded in number and in age', async (t) => {
  const { instance } = await startWorld(t)
  const refuse = () => requestServiceToken(instance, basic(SYNC, 'wrong'))
  const set = (name: InstanceSettingName, value: string) =>
    instance.core.store.write(({ settings }) => settings.set(storedName(name), value))
  const kept = async (): Promise<number> => (await instance.core.store.read.refusals.list(1000)).length
  const comesTo = (wanted: number): Promise<number> => eventually(kept, (count) => count === wanted)
  const afterCleanUp = async (): Promise<number> => {
    await cleanUpOf(instance).run()
    return kept()
  }

  for (let count = 0; count < 130; count++) {
    await refuse()
    instance.advance(1)
  }
  t.equal(await comesTo(130), 130)
  await set('RefusalLimit', '100')
  t.equal(await afterCleanUp(), 100, 'RefusalLimit')
  await set('RefusalRetention', '2h')
  instance.advance(2 * HOUR)
  await refuse()
  t.equal(await comesTo(101), 101)
  t.equal(await afterCleanUp(), 1, 'RefusalRetention')
})

await t.test('differences are marked, and the marks cannot be mistaken', async (t) => {
  const rows: [sent: string, known: string, marked: string][] = [
    ['https://a.test/cb/', 'https://a.test/cb', 'https://a.test/cb[-/-]'],
    ['http://a.test/cb', 'https://a.test/cb', 'http{+s+}://a.test/cb'],
    ['http://localhost/cb', 'http://127.0.0.1/cb', 'http://[-localhost-]{+127.0.0.1+}/cb'],
    ['https://a.test/CallBack', 'https://a.test/callback', 'https://a.test/[-C-]{+c+}all[-B-]{+b+}ack'],
    ['same', 'same', 'same'],
    ['', 'all', '{+all+}'],
    ['a[-b-]c', 'a[-b-]d', 'a\\[-b\\-][-c-]{+d+}'],
    ['a\\b', 'a\\c', 'a\\\\[-b-]{+c+}'],
  ]
  for (const [sent, known, marked] of rows) t.equal(markDifference(sent, known), marked)
})
