import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { addTool, appPath, createAdminApi, TOOL } from '../../fixtures/admin/admin.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { authorize, obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, introspect, serviceToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic, bearer, send } from '../../fixtures/clients/http.ts'
import { eventually } from '../../fixtures/instance/eventually.ts'
import { startInstance } from '../../fixtures/instance/instance.ts'
import { OTHER, SYNC, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { bytesAtRest } from '../../fixtures/store/database.ts'
import { onPostgres } from '../../fixtures/store/postgres.ts'
import { changeApp, issue, revokeByHand } from '../../fixtures/tokens/reference-tokens.ts'

const ISSUED = 1000
const CONSOLE = 'my.admin/console'
const DEAD = { active: false }

/** None of the tokens is there: as it is, in hex, in base64, or as the bytes it stands for. */
function holdsNone(t: Test, place: string, bytes: Buffer, tokens: readonly string[]): void {
  const text = bytes.toString('latin1')
  t.ok(text.length > 1000, `${place}: there is something to look through`)
  const known = new Set(tokens.flatMap((token) => [token.slice(5), token.slice(5).toLowerCase()]))
  const spelled = [...text.matchAll(/[0-9A-Fa-f]{64}/g)].filter(([digits]) => known.has(digits))
  t.equal(spelled.length, 0, `${place}: in no spelling of its digits`)
  const beginnings = [...text.matchAll(/enrt_[0-9A-Fa-f]{8}|656e72745f|ZW5ydF/gi)].map(([found]) => found)
  t.strictSame(beginnings, [], `${place}: no beginning of one`)
  t.notOk(
    tokens.some((token) => bytes.includes(Buffer.from(token.slice(5), 'hex'))),
    `${place}: nor its bytes`,
  )
}

await t.test(`PT-01: ${ISSUED} tokens, and no copy of any of them`, async (t) => {
  const { instance } = await startWorld(t)
  await addTool(instance)
  await changeApp(instance, SYNC, { accessTokens: 'AuthenticatedUsers' })
  const api = createAdminApi(instance, await serviceToken(instance, TOOL))
  const tokens: string[] = []
  for (let made = 0; made < ISSUED; made += 20) {
    const body = { kind: 'SAT', scope: 'read', description: `number ${made}` }
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.post(`${appPath(SYNC)}/tokens`, body)))
    tokens.push(...answers.map(({ json }) => String(json['token'])))
  }
  t.equal(new Set(tokens).size, ISSUED)
  for (const token of tokens.slice(0, 20))
    t.match((await introspect(instance, token, basic(SYNC))).json, { active: true })
  holdsNone(t, 'the database', await bytesAtRest(instance), tokens)
  const backup = join(instance.folder, 'copy.db')
  t.equal((await tesseraOn(instance)(['db', 'backup', backup])).code, 0)
  holdsNone(t, 'the backup', readFileSync(backup), tokens)
  holdsNone(t, 'the log', Buffer.from(JSON.stringify(instance.log)), tokens)
})

await attackGroup(t, 'K. Reference tokens', async ({ instance, attack }) => {
  for (const app of [WEB, SYNC]) await changeApp(instance, app, { accessTokens: 'AuthenticatedUsers' })
  await instance.addApp({
    applicationUri: CONSOLE,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: ['https://admin.example.com/cb'],
    scope: ['sec'],
    administrationAllowed: true,
    accessTokens: 'AuthenticatedUsers',
  })
  const eva = await instance.addUser({ login: 'eva', isAdmin: true })
  const pat = await issue(instance, { kind: 'PAT', app: WEB, user: 'david' })
  const { value } = pat
  const tokens = await obtainTokens(instance)
  const ask = (token: string, headers = basic(WEB)): Promise<Answer> => introspect(instance, token, headers)

  const { read } = instance.core.store
  const spellings: Readonly<Record<string, string>> = {
    'a wrong checksum': `${value.slice(0, -1)}${value.endsWith('0') ? '1' : '0'}`,
    'a wrong digit': value.replace(/_(.)/, (_, digit) => `_${digit === '0' ? '1' : '0'}`),
    'one digit less': value.slice(0, -1),
    'one digit more': `${value}0`,
    'nothing behind the prefix': 'enrt_',
    'small letters': value.toLowerCase(),
    'the prefix in capitals': value.replace('enrt_', 'ENRT_'),
    'the prefix with a capital': value.replace('enrt_', 'Enrt_'),
    'the prefix with a hyphen': value.replace('enrt_', 'enrt-'),
    'no prefix': value.slice(5),
    'the prefix of opaque tokens': value.replace('enrt_', 'enat_'),
  }
  for (const [name, spelled] of Object.entries(spellings))
    await attack('PT-03', name, async (t) => {
      let looks = 0
      const places = [read.referenceTokens, read.refreshTokens, read.opaqueAccessTokens]
      const finds = places.map((place) => place.find)
      for (const [at, place] of places.entries())
        place.find = (wanted: string) => {
          looks += 1
          return finds[at]?.(wanted) as never
        }
      t.strictSame((await introspect(instance, spelled, basic(WEB))).json, DEAD)
      const { status } = await userinfo(instance, spelled)
      t.equal(status, 401)
      for (const [at, place] of places.entries()) place.find = finds[at] as never
      t.equal(looks, 0, 'without a look at the database')
    })

  const browser = createBrowser(instance.origin)
  await authorize(instance, {}, { browser })
  for (const expires_at of [
    null,
    '',
    'never',
    '0',
    '-1d',
    '366d',
    '9999999d',
    'Infinity',
    '9999-12-31T00:00:00Z',
    1e15,
  ])
    await attack('PT-06', `expires_at ${JSON.stringify(expires_at)}`, async (t) => {
      const { status } = await browser.request(`${instance.origin}/profile/api/v1/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: instance.origin, 'sec-fetch-site': 'same-origin' },
        body: JSON.stringify({ app: WEB, expires_at }),
      })
      t.ok([400, 422].includes(status), `${status}`)
    })

  const evas = createAdminApi(instance, (await issue(instance, { kind: 'PAT', app: CONSOLE, user: 'eva' })).value)
  await attack(
    'PT-10',
    'whoever loses a right loses it in each PAT at once, and has it again with it',
    async (t) => {
      const administers = (isAdmin: boolean) =>
        instance.core.store.write(({ users }) => users.update({ ...eva, isAdmin }, instance.now()))
      t.equal((await evas.get('/users')).status, 200)
      await administers(false)
      t.equal((await evas.get('/users')).status, 403)
      await administers(true)
      t.equal((await evas.get('/users')).status, 200)
    },
    { changes: true },
  )
  await attack('PT-11', 'a PAT signs nobody in', async (t) => {
    const asked = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
    const view = await createBrowser(instance.origin).follow(asked, { headers: bearer(value) })
    t.ok(view.page.querySelector('#login-submit'))
    const silent = await send(`${asked}&prompt=none`, { headers: bearer(value), redirect: 'manual' })
    t.match(silent.headers.get('location'), 'error=login_required')
  })
  await attack('PT-11', 'a PAT without sec administers nothing and changes no password', async (t) => {
    const api = createAdminApi(instance, value)
    for (const answer of [
      await api.get('/users'),
      await api.put('/users/david/password', { password: 'another battery staple horse' }),
      await api.patch('/users/david', { isAdmin: true }),
    ])
      t.equal(answer.status, 403)
  })

  const inactive: Readonly<Record<string, string>> = {
    'an ID token': tokens.id_token,
    garbage: 'garbage',
    'a JWT of nobody': 'eyJhbGciOiJSUzI1NiJ9.e30.x',
    'a code': 'x'.repeat(43),
    'a NUL': 'x\0y',
    '16 KiB': 'x'.repeat(16_000),
  }
  for (const [name, token] of Object.entries(inactive))
    await attack(
      'PT-12',
      `${name}: inactive, and nothing else`,
      async (t) => {
        const answer = await ask(token)
        if (answer.status !== 400) t.strictSame([answer.status, answer.text], [200, '{"active":false}'])
        else t.match(answer.json, { error: 'invalid_request' })
        t.equal(answer.headers.get('cache-control'), 'no-store')
      },
      { unrefused: true },
    )
  for (const [name, token] of Object.entries({
    PAT: value,
    'access token': tokens.access_token,
    'refresh token': tokens.refresh_token,
  }))
    await attack('PT-12', `a ${name}, asked about by nobody, with a wrong secret, and by another app`, async (t) => {
      for (const headers of [{}, basic(WEB, 'a-wrong-secret-0123456789abcdefghij'), bearer(token)] as const)
        t.equal((await introspect(instance, token, headers)).status, 401)
      t.equal((await ask(token, basic(OTHER))).text, '{"active":false}')
    })
  await attack('PT-12', '1 MiB', async (t) => t.equal((await ask('x'.repeat(2 ** 20))).status, 413))

  await attack(
    'PT-13',
    '400 random tokens: each is inactive, and nothing is written for any of them',
    async (t) => {
      const random = () => ask(Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url'))
      const before = instance.log.length
      for (let sent = 0; sent < 400; sent += 20)
        for (const answer of await Promise.all(Array.from({ length: 20 }, random)))
          if (answer.text !== '{"active":false}') t.fail('active')
      t.notOk(instance.log.slice(before).some((record) => 'refusal' in record || 'audit' in record))
    },
    { unrefused: true, slow: true },
  )
  await attack(
    'PT-14',
    '400 uses in a minute: one write',
    async (t) => {
      const wal = `${instance.databaseUrl.slice('file:'.length)}-wal`
      instance.advance(60_000)
      const first = instance.now()
      await ask(value)
      const lastUse = async () => (await read.referenceTokens.findById(pat.token.id))?.lastUsedAt
      t.equal(await eventually(lastUse, (at) => at === first), first)
      const before = onPostgres ? 0 : statSync(wal).size
      for (let used = 0; used < 400; used += 20) {
        instance.advance(2000)
        for (const answer of await Promise.all(Array.from({ length: 20 }, () => ask(value)))) answer.text
      }
      t.equal(await lastUse(), first)
      if (!onPostgres) t.ok(statSync(wal).size - before < 128 * 1024, `${statSync(wal).size - before} bytes more`)
    },
    { unrefused: true, slow: true },
  )
})

await t.test('PT-05: revoked at one node, inactive at the other with the next request', async (t) => {
  const { instance } = await startWorld(t)
  await changeApp(instance, WEB, { accessTokens: 'AuthenticatedUsers' })
  const second = await startInstance({
    settings: {
      TESSERA_ISSUER: instance.issuer,
      TESSERA_DATA_DIR: instance.folder,
      TESSERA_DATABASE_URL: instance.databaseUrl,
    },
  })
  t.teardown(() => second.server.close().then(second.core.close))
  second.advance(instance.now() - second.now())
  const there = { ...second, issuer: `${second.origin}/id` }
  const pat = await issue(instance, { kind: 'PAT', app: WEB, user: 'david' })
  for (const node of [instance, there]) t.match((await introspect(node, pat.value, basic(WEB))).json, { active: true })
  await revokeByHand(instance, pat)
  for (const node of [there, instance]) t.strictSame((await introspect(node, pat.value, basic(WEB))).json, DEAD)
})
