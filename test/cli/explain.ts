// SQLite alone: asks and changes nothing; what it explains is tested on both databases
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { pasted, tesseraOn } from '../fixtures/cli/cli.ts'
import { authorize, obtainTokens, PKCE } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, requestServiceToken } from '../fixtures/clients/endpoints.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { READER, READER_REDIRECT, startPlace } from '../fixtures/documents/mistakes/apps-of-mistakes.ts'
import { readTold } from '../fixtures/documents/mistakes/mistake.ts'
import { SECRET } from '../fixtures/instance/instance.ts'
import { PORTAL, PORTAL_REDIRECT, SPA, SPA_REDIRECT, SYNC, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { everyRow } from '../fixtures/store/database.ts'

interface Explained {
  readonly outcome: string
  readonly checks: { name: string; passed: boolean | null; detail: string }[]
  readonly claims: { access_token: Record<string, unknown>; id_token?: Record<string, unknown> } | null
  readonly refusal: Record<string, unknown> | null
}

const place = await startPlace(t)
const { instance } = place
const url = (parameters: Readonly<Record<string, string>>): string =>
  authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, ...parameters })

async function explain(args: readonly string[], input?: string): Promise<Explained & { exitCode: number | null }> {
  const { code: exitCode, stdout, stderr } = await tesseraOn(instance)(['explain', ...args, '--json'], input)
  if (stdout === '') throw new Error(`exit ${exitCode}: ${stderr}`)
  return { ...(JSON.parse(stdout) as Explained), exitCode }
}

const failedOf = ({ checks }: Explained): string[] =>
  checks.filter(({ passed }) => passed === false).map(({ name }) => name)

/** Everything in the database, but what nobody asked it to keep. */
const everything = async (): Promise<string> => JSON.stringify(await everyRow(instance))

await t.test('a request that works: every check passed, and the claims it leads to', async (t) => {
  const scope = 'openid profile email read'
  const real = claimsOf((await obtainTokens(instance, { scope: `${scope} offline_access` })).access_token)
  const before = await everything()
  const { outcome, checks, claims, refusal, exitCode } = await explain([url({ scope }), '--user', 'david'])
  t.equal(await everything(), before, 'nothing was changed')
  t.strictSame({ outcome, refusal, exitCode }, { outcome: 'accepted', refusal: null, exitCode: 0 })
  t.ok(checks.every(({ passed }) => passed === true))
  t.strictSame(Object.keys(claims?.access_token ?? {}).sort(), Object.keys(real).sort(), 'the claims of a real token')
  for (const name of ['iss', 'aud', 'sub', 'id', 'client_id', 'user_type', 'name', 'email', 'is_admin', 'db'])
    t.strictSame(claims?.access_token[name], real[name], name)
  t.match(claims?.id_token, { aud: WEB, sub: real['sub'] })
  t.notMatch(JSON.stringify(claims), /eyJ/, 'nothing is signed')
})

await t.test('without a person the checks about people are not made', async (t) => {
  const { outcome, checks, claims, exitCode } = await explain([url({})])
  t.strictSame({ outcome, exitCode }, { outcome: 'accepted', exitCode: 0 })
  t.strictSame(
    checks.filter(({ passed }) => passed === null).map(({ name }) => name),
    ['user', 'admission', 'consent'],
  )
  t.notOk('id_token' in (claims ?? {}) && claims?.id_token?.['sub'] === undefined)
})

await t.test('it says what the server says', async (t) => {
  const rows: [parameters: Record<string, string>, failed: string, user?: string][] = [
    [{ client_id: 'my.trusted.app/portl' }, 'client_id'],
    [{ redirect_uri: `${WEB_REDIRECT}/` }, 'redirect_uri'],
    [{ response_type: 'token' }, 'response_type'],
    [{ client_id: SPA, redirect_uri: SPA_REDIRECT }, 'PKCE'],
    [{ client_id: READER, redirect_uri: READER_REDIRECT, scope: 'openid update' }, 'scope'],
    [{ id_token_hint: 'x.y.z' }, 'id_token_hint'],
    [{}, 'admission', 'carla'],
    [{ client_id: PORTAL, redirect_uri: PORTAL_REDIRECT, scope: 'openid read' }, 'admission', 'carla'],
  ]
  for (const [parameters, failed, user] of rows) {
    await t.test(`${failed} ${JSON.stringify(parameters)}`, async (t) => {
      const explained = await explain([url(parameters), ...(user === undefined ? [] : ['--user', user])])
      t.strictSame(
        { outcome: explained.outcome, exitCode: explained.exitCode, failed: failedOf(explained) },
        { outcome: 'refused', exitCode: 1, failed: [failed] },
      )
      const after = explained.checks.findIndex(({ passed }) => passed === false) + 1
      t.ok(explained.checks.slice(after).every(({ passed, detail }) => passed === null && detail === 'not reached'))
      if (user !== undefined) return
      const told = readTold(await authorize(instance, parameters))
      t.match(explained.refusal, { error: told?.error, description: told?.description })
    })
  }

  await t.test('a Public app at an address of the device asks each time, and is never silent', async (t) => {
    const request = { client_id: SPA, redirect_uri: SPA_REDIRECT, ...PKCE }
    await authorize(instance, request)
    const asked = await explain([url(request), '--user', 'david'])
    t.match(asked.checks.at(-1)?.detail, /^the person is asked each time to allow openid: any program on their device /)
    const silent = await explain([url({ ...request, prompt: 'none' }), '--user', 'david'])
    t.strictSame(failedOf(silent), ['consent'])
    t.match(silent.refusal, { error: 'consent_required', rule: 'consent-each-time' })
  })

  await t.test('a parameter twice', async (t) => {
    t.strictSame(failedOf(await explain([`${url({})}&scope=openid`])), ['parameters once each'])
  })

  await t.test('another address', async (t) => {
    t.strictSame(failedOf(await explain([url({}).replace('/connect/authorize', '/connect/token')])), ['address'])
  })
})

await t.test('a token request', async (t) => {
  const token = (...args: string[]) => explain(['token', ...args])

  await t.test('of a service: the claims of a real token', async (t) => {
    const response = await requestServiceToken(instance)
    const real = claimsOf(tokensOf(response).access_token)
    const before = await everything()
    const { outcome, claims, exitCode } = await token('--grant', 'client_credentials', '--client', SYNC)
    t.equal(await everything(), before, 'nothing was changed')
    t.strictSame({ outcome, exitCode }, { outcome: 'accepted', exitCode: 0 })
    const { jti, iat, nbf, exp, ...same } = real
    t.match(claims?.access_token, same)
    t.strictSame(Object.keys(claims?.access_token ?? {}).sort(), Object.keys(real).sort())
  })

  await t.test('of a person', async (t) => {
    const args = ['--grant', 'authorization_code', '--client', WEB, '--scope', 'openid read', '--user', 'david']
    const { outcome, claims } = await token(...args, '--redirect-uri', WEB_REDIRECT)
    t.equal(outcome, 'accepted')
    t.match(claims, { access_token: { scope: 'openid read', id: place.david.id }, id_token: { aud: WEB } })
    t.strictSame(failedOf(await token(...args, '--redirect-uri', `${WEB_REDIRECT}/`)), ['redirect_uri'])
  })

  await t.test('of a person whose app refreshes', async (t) => {
    const args = ['--grant', 'refresh_token', '--client', WEB, '--user', 'david', '--scope']
    const unmade = ({ checks }: Explained) =>
      checks.flatMap(({ name, passed, detail }) => (passed === null ? [`${name}: ${detail}`] : []))
    const kept = await token(...args, 'openid offline_access read')
    t.strictSame(
      { outcome: kept.outcome, unmade: unmade(kept) },
      {
        outcome: 'accepted',
        unmade: [
          'redirect_uri: plays no part in a refresh',
          'code or refresh token: needs the token itself',
          'PKCE: plays no part in a refresh',
        ],
      },
    )
    t.match(kept.claims?.access_token, { scope: 'openid offline_access read', id: place.david.id })
    t.ok(
      unmade(await token(...args, 'openid read')).includes(
        'code or refresh token: there is one only with offline_access in scope',
      ),
    )
  })

  await t.test('refused', async (t) => {
    const rows: [args: string[], failed: string][] = [
      [['--grant', 'client_credentials', '--client', 'nobody'], 'client_id'],
      [['--grant', 'client_credentials', '--client', 'my.trusted.app/off'], 'IsEnabled'],
      [['--grant', 'client_credentials', '--client', WEB], 'System User'],
      [['--grant', 'client_credentials', '--client', SYNC, '--scope', 'delete'], 'scope'],
      [['--grant', 'password', '--client', SYNC], 'grant_type'],
      [['--grant', 'authorization_code', '--client', WEB, '--user', 'nobody'], 'user'],
    ]
    for (const [args, failed] of rows) {
      const explained = await token(...args)
      t.strictSame({ failed: failedOf(explained), exitCode: explained.exitCode }, { failed: [failed], exitCode: 1 })
      t.type(explained.refusal?.['fix'], 'string')
    }
  })

  await t.test('a secret on standard input is checked', async (t) => {
    const args = ['token', '--grant', 'client_credentials', '--client', SYNC, '--secret-stdin']
    t.equal((await explain(args, SECRET)).outcome, 'accepted')
    t.strictSame(failedOf(await explain(args, 'wrong')), ['client authentication'])
  })
})

await t.test('--resource: which API the token would be for', async (t) => {
  const api = 'https://reports.example.com'
  const tessera = tesseraOn(instance)
  await tessera(['resource', 'add', api, '--scope', 'reports.read'])
  for (const app of [SYNC, WEB])
    await tessera(['app', 'update', app, '--set', 'Scope=read update reports.read', '--set', `ApiResources=${api}`])
  const service = ['token', '--grant', 'client_credentials', '--client', SYNC]
  matchesWhole(t, (await explain(service)).claims?.access_token, {
    aud: ['DomainAPI', api],
    scope: 'read update reports.read',
  })
  const named = await explain([...service, '--resource', api])
  t.match(named.claims?.access_token, { aud: api, scope: 'reports.read' })
  t.match(named.checks.at(-1), { name: 'resource', passed: true, detail: `for ${api}` })
  const both = await explain([...service, '--resource', api, '--resource', 'DomainAPI'])
  t.strictSame(both.claims?.access_token['aud'], ['DomainAPI', api])
  const unknown = await explain([...service, '--resource', 'https://else.example.com'])
  matchesWhole(t, { failed: failedOf(unknown), ...unknown }, { failed: ['resource'], exitCode: 1, outcome: 'refused' })
  t.match(unknown.refusal, { error: 'invalid_target', sent: 'https://else.example.com' })

  const beside = await explain([...service, '--resource', api, '--scope', 'read'])
  matchesWhole(t, { failed: failedOf(beside), ...beside.refusal }, { failed: ['resource'], error: 'invalid_scope' })

  const person = ['token', '--grant', 'authorization_code', '--client', WEB, '--scope', 'openid read reports.read']
  const narrowed = await explain([...person, '--resource', api])
  t.match(narrowed.claims?.access_token, { aud: api, scope: 'openid reports.read' })
  const other = await explain([...person.slice(0, -1), 'openid read', '--resource', api])
  matchesWhole(t, { failed: failedOf(other), ...other.refusal }, { failed: ['resource'], error: 'invalid_target' })
})

await t.test('somebody who cannot sign in: what is wrong, and the command that mends it', async (t) => {
  const tessera = tesseraOn(instance)
  const token = ['token', '--grant', 'authorization_code', '--client', WEB, '--scope', 'openid']
  await tessera(['user', 'add', 'nora', '--email', 'nora@example.com'])
  await tessera(['user', 'add', 'dora', '--generate-password'])
  await tessera(['user', 'disable', 'dora'])
  const rows: [user: string, cause: string, fix: string, mends?: boolean][] = [
    ['dora', 'the account dora is disabled', 'tessera user enable dora', true],
    [
      'nora@example.com',
      'the account nora has no password',
      'tessera user set-password nora --generate-password',
      true,
    ],
    ['olga', 'no account has this login, e-mail or id', 'tessera user add olga --generate-password', true],
    ['davit', 'no account has this login, e-mail or id', 'use david'],
    [
      'svc.sync',
      'a System User never signs in',
      'let the person sign in with their own account; a System User never signs in',
    ],
  ]
  for (const [user, cause, fix, mends = false] of rows) {
    for (const args of [[url({ scope: 'openid' })], token]) {
      const { refusal, exitCode } = await explain([...args, '--user', user])
      t.match({ exitCode, ...refusal }, { exitCode: 1, error: 'access_denied', cause, fix }, `${user} ${args[0]}`)
    }
    if (!mends) continue
    t.equal((await pasted(instance, fix)).code, 0, fix)
    t.equal((await explain([...token, '--user', user])).outcome, 'accepted', `${user} after ${fix}`)
  }
})

await t.test('the help tells each flag once, and what null means', async (t) => {
  for (const path of [['explain'], ['explain', 'token']]) {
    const { stdout } = await tesseraOn(instance)([...path, '--help'])
    t.equal(stdout.match(/^ +--user </gm)?.length, 1, path.join(' '))
  }
  t.match((await tesseraOn(instance)(['explain', '--help'])).stdout, 'null if it was not reached')
})

await t.test('for people it is text, and what is wrong with the command is exit code 2', async (t) => {
  const { stdout, code } = await tesseraOn(instance)(['explain', url({ redirect_uri: `${WEB_REDIRECT}/` })])
  t.equal(code, 1)
  t.match(stdout, /^FAILED {2}redirect_uri/m)
  t.match(stdout, 'cb[-/-]')
  t.equal((await tesseraOn(instance)(['explain', 'client_id=x'])).code, 2)
  t.equal((await tesseraOn(instance)(['explain', 'token', '--client', WEB])).code, 2)
})
