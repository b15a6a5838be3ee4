import t from 'tap'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { isRefused } from '../../fixtures/answers/outcomes.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import { basic, type Fields, type HeaderFields, postRaw } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { SECRET } from '../../fixtures/instance/instance.ts'
import { enableApp, NOTE, OTHER, SPA, SYNC, WEB } from '../../fixtures/instance/world.ts'
import { alter } from '../../fixtures/store/database.ts'

const SERVICE = { grant_type: 'client_credentials' } as const
const WRONG = 'a-wrong-secret-0123456789abcdefghij'
const ASSERTION = {
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: 'eyJhbGciOiJub25lIn0.e30.',
}
const OFF = 'my.trusted.app/off'
const EXTENSION = 'urn:ietf:params:oauth:grant-type:'
const rawBasic = (text: string): HeaderFields => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

type Row = readonly [id: string, name: string, fields: Fields, headers: HeaderFields, error: string, status?: number]

const posted = (client_id: string, client_secret?: string): Fields => ({ ...SERVICE, client_id, client_secret })
const scope = (value: string): Fields => ({ ...SERVICE, scope: value })

const REFUSED: readonly Row[] = [
  ['TE-08', 'Basic and a body secret', { ...SERVICE, client_secret: SECRET }, basic(SYNC), 'invalid_request'],
  ['TE-08', 'Basic and another body secret', { ...SERVICE, client_secret: WRONG }, basic(SYNC), 'invalid_request'],
  ['TE-08', 'Basic and an assertion', { ...SERVICE, ...ASSERTION }, basic(SYNC), 'invalid_request'],
  ['TE-08', 'a body secret and an assertion', { ...posted(SYNC, SECRET), ...ASSERTION }, {}, 'invalid_request'],
  ['TE-12', 'a Confidential app names itself only', posted(SYNC), {}, 'invalid_client', 401],
  ['TE-12', 'a Public app sends a secret', posted(SPA, SECRET), {}, 'invalid_client', 401],
  ['TE-12', 'a Public app sends a secret by Basic', SERVICE, basic(SPA), 'invalid_client', 401],
  ['TE-15', 'the secret is empty, in the body', posted(SYNC, ''), {}, 'invalid_client', 401],
  ['TE-15', 'the secret is empty, by Basic', SERVICE, basic(SYNC, ''), 'invalid_client', 401],
  ['TE-15', 'no colon in Basic', SERVICE, rawBasic(SYNC), 'invalid_client', 401],
  [
    'TE-15',
    'the app keeps no secret, and none is sent',
    SERVICE,
    basic('my.trusted.app/bare', ''),
    'invalid_client',
    401,
  ],
  [
    'TE-15',
    'the app keeps no secret, and null is sent',
    SERVICE,
    basic('my.trusted.app/bare', 'null'),
    'invalid_client',
    401,
  ],
  ['TE-15', 'the app keeps an empty hash', SERVICE, basic('my.trusted.app/empty', ''), 'invalid_client', 401],
  [
    'TE-15',
    'the app keeps an empty hash, something is sent',
    SERVICE,
    basic('my.trusted.app/empty'),
    'invalid_client',
    401,
  ],
  ['TE-19', 'missing', { scope: 'read' }, basic(SYNC), 'invalid_request'],
  ['TE-19', 'empty', { grant_type: '' }, basic(SYNC), 'invalid_request'],
  ['TE-19', 'not for this app', SERVICE, basic(WEB), 'unauthorized_client'],
  ['TE-19', 'of an app that is a note', { ...SERVICE, client_id: NOTE }, {}, 'unauthorized_client'],
  ...['password', 'implicit', 'CLIENT_CREDENTIALS', 'client_credentials ', '__proto__', 'constructor'].map(
    (grant_type): Row => ['TE-19', grant_type, { grant_type }, basic(SYNC), 'unsupported_grant_type'],
  ),
  ...['delete', 'READ', 'read delete', 'openid', 'offline_access', 'read offline_access', 'sec'].map(
    (name): Row => ['TE-20', name, scope(name), basic(SYNC), 'invalid_scope'],
  ),
  ...[
    ...['jwt-bearer', 'saml2-bearer', 'token-exchange', 'device_code'].map((name) => EXTENSION + name),
    'urn:openid:params:grant-type:ciba',
  ].map((grant_type): Row => {
    const asked = { grant_type, assertion: 'x', subject_token: 'x', device_code: 'x', auth_req_id: 'x' }
    return ['TE-22', grant_type, asked, basic(SYNC), 'unsupported_grant_type']
  }),
  ['TE-29', 'client_id of another app in the body', { ...SERVICE, client_id: OTHER }, basic(SYNC), 'invalid_request'],
]

/** Words that must come back in no description. */
const ECHOES: Readonly<Record<string, string>> = {
  markup: '"><script>x',
  'a quote and a backslash': '"\\',
  'line breaks': 'x\r\nset-cookie: a=b',
  umlauts: 'Ünïcödé 😀',
  controls: '\u0007\u001b[31m',
}

await attackGroup(
  t,
  'D. Token endpoint: transport and client authentication',
  async ({ instance, service, attack }) => {
    const tokenUrl = `${instance.issuer}/connect/token`
    const ask = (fields: Fields, headers: HeaderFields = basic(SYNC)) => requestToken(instance, fields, headers)
    const onItsOwn = { systemUserAllowed: true, systemUser: service.id, scope: ['read'] }
    for (const applicationUri of [OFF, 'my.trusted.app/bare', 'my.trusted.app/empty'])
      await instance.addApp({ applicationUri, ...onItsOwn })
    await enableApp(instance, OFF, false)
    await alter(instance, "delete from app_secrets where application_uri = 'my.trusted.app/bare'")
    await alter(instance, "update app_secrets set hash = '' where application_uri = 'my.trusted.app/empty'")

    const many = (count: number, nameOf: (n: number) => string): Fields =>
      Object.fromEntries([...Object.entries(SERVICE), ...Array.from({ length: count }, (_, n) => [nameOf(n), 'x'])])
    for (const [name, fields, status] of [
      ['65 parameters', many(65, (n) => `p${n}`), 400],
      ['1,001 parameters', many(1001, (n) => `p${n}`), 400],
      ['2,000 names like integers', many(2000, (n) => `${n}`), 400],
      ['10,000 names like integers', many(10_000, (n) => `${n}`), 413],
    ] as const)
      await attack('TE-06', name, async (t) => {
        const times: number[] = []
        for (let time = 0; time < 3; time++) {
          const started = performance.now()
          isRefused(t, await ask(fields), 'invalid_request', status)
          times.push(performance.now() - started)
        }
        // 20 ms are its share on an idle core; what grew with the square would be seconds.
        t.ok(Math.min(...times) < 200, `${Math.min(...times)} ms`)
      })

    for (const [id, name, fields, headers, error, status] of REFUSED)
      await attack(id, name, async (t) => isRefused(t, await ask(fields, headers), error, status))

    await attack('TE-08', 'Basic twice', async (t) => {
      const form = ['content-type', 'application/x-www-form-urlencoded'] as const
      const twice = [basic(SYNC), basic(WEB)].map(({ authorization }) => ['authorization', authorization] as const)
      isRefused(t, await postRaw(tokenUrl, [form, ...twice], 'grant_type=client_credentials'), 'invalid_request')
    })

    const odd = { applicationUri: 'my:app/%2B+%', secret: ': % + é and 42 more characters of a long secret' }
    await instance.addApp({ applicationUri: odd.applicationUri, ...onItsOwn }, odd.secret)
    await attack(
      'TE-11',
      'colons, percent and plus signs and letters beyond ASCII in Basic',
      async (t) => t.equal((await ask(SERVICE, basic(odd.applicationUri, odd.secret))).status, 200),
      { changes: true, unrefused: true },
    )

    const STRANGERS: Readonly<Record<string, HeaderFields>> = {
      unknown: basic('nobody'),
      'wrong secret': basic(SYNC, WRONG),
      disabled: basic(OFF),
      'disabled, wrong secret': basic(OFF, WRONG),
      Public: basic(SPA),
    }
    await attack('TE-14', 'unknown, wrong and disabled look the same', async (t) => {
      const answers = []
      for (const headers of Object.values(STRANGERS)) {
        const answer = await ask(SERVICE, headers)
        const { refusal_id, error_uri, ...body } = answer.json as Record<string, string>
        t.ok(refusal_id && error_uri)
        answers.push({
          body,
          status: answer.status,
          headers: [...answer.headers]
            .filter(([name]) => name !== 'date')
            .map(([name, value]) => [name, value.replaceAll(refusal_id ?? '', '')]),
        })
      }
      for (const answer of answers) t.strictSame(answer, answers[0])
    })
    await attack(
      'TE-14',
      'and take the same time',
      async (t) => {
        const times = Object.keys(STRANGERS).map((): number[] => [])
        for (let round = 0; round < 100; round++)
          for (const [at, headers] of Object.values(STRANGERS).entries()) {
            const started = performance.now()
            await ask(SERVICE, headers)
            times[at]?.push(performance.now() - started)
          }
        // The lower quartile is what a busy machine disturbs least.
        const usual = times.map((each) => each.sort((a, b) => a - b)[25] ?? 0)
        t.ok(Math.max(...usual) - Math.min(...usual) < 2 + Math.min(...usual) / 4, usual.join(' '))
      },
      { slow: true },
    )

    await attack(
      'TE-20',
      'a service gets no refresh token, and no ID token',
      async (t) => matchesWhole(t, tokensOf(await ask(SERVICE)), { refresh_token: '', id_token: '' }),
      { changes: true, unrefused: true },
    )
    await attack(
      'TE-29',
      'what is injected is ignored',
      async (t) => {
        const injected = { ...SERVICE, sub: 'x', user_id: 'x', client_session_host: 'evil.test', aud: 'x', exp: '9e9' }
        const { access_token } = tokensOf(await ask(injected))
        t.match(claimsOf(access_token), { sub: SYNC, client_id: SYNC, client_system_user_id: service.id })
      },
      { changes: true, unrefused: true },
    )

    for (const [name, text] of Object.entries(ECHOES))
      await attack('TE-23', `${name} come back in no description`, async (t) => {
        for (const fields of [
          { grant_type: text },
          { ...SERVICE, scope: text },
          { ...SERVICE, [text]: 'x', resource: text },
          { grant_type: 'authorization_code', code: text, redirect_uri: text },
          { grant_type: 'refresh_token', refresh_token: text },
          [...Object.entries(SERVICE), [text, 'x'], [text, 'y']] as Fields,
        ]) {
          const answer = await ask(fields)
          const body = answer.text
          t.notOk(body.includes(text) || body.includes(JSON.stringify(text).slice(1, -1)), body)
          const { error } = answer.json as { error: string }
          isRefused(t, answer, error)
          t.equal(answer.headers.get('set-cookie'), null)
        }
      })
  },
)
