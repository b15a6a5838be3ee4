import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { putResource } from '../../src/admin/apps/resources.ts'
import { RESOURCE_DEFAULTS } from '../../src/domain/access/api-resource.ts'
import { addTool, createAdminApi } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { authorizeUrl, requestServiceToken, serviceToken } from '../fixtures/clients/endpoints.ts'
import { basic, encode } from '../fixtures/clients/http.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { changedBy } from '../fixtures/instance/changed-by.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { SECRET } from '../fixtures/instance/instance.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

const { instance } = await startWorld(t)
const { core, issuer } = instance
const tessera = tesseraOn(instance)
const ORDERS = 'https://orders.example.com'
await core.store.write((unit) =>
  putResource(
    unit,
    {
      identifier: ORDERS,
      name: 'Orders',
      scopes: [
        { name: 'read', description: undefined },
        { name: 'orders', description: undefined },
      ],
      ...RESOURCE_DEFAULTS,
    },
    changedBy('test', instance.now()),
  ),
)

/** Sends a token request as it is; the fixtures' own note whatever a secret's field holds. */
const send = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${issuer}/connect/token`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })

await t.test('a secret in the wrong place is written down nowhere', async (t) => {
  const grant = 'grant_type=client_credentials'
  const basicOf = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
  await send(`${grant}&client_id=${SECRET}&client_secret=${encodeURIComponent(WEB)}`)
  await send(grant, basicOf(`${SECRET}:${WEB}`))
  await send(`${grant}&client_id=${encodeURIComponent(WEB)}`, basicOf(`${SECRET}:${WEB}`))
  await send(`${grant}&client_id=${SECRET}`, basicOf(`${WEB}:${SECRET}`))
  await send(`${grant}&client_id=${SECRET}&client_secret=${encodeURIComponent(WEB)}&client_assertion=x`)
  await send(`${grant}&client_id=${SECRET}&client_id=${encodeURIComponent(WEB)}`)
  await send(grant, basicOf(SECRET))
  const kept = await eventually(
    () => core.store.read.refusals.list(100),
    ({ length }) => length === 7,
  )
  t.equal(kept.length, 7)
  t.notMatch(JSON.stringify(kept), SECRET)
  t.notMatch(JSON.stringify(instance.log), SECRET)
})

await t.test('a token that another API gets as well opens no administration', async (t) => {
  const app = await addTool(instance, { scope: ['sec', 'orders'], apiResources: [ORDERS] })
  const ask = async (fields: Record<string, string>): Promise<string> =>
    tokensOf(await requestServiceToken(instance, basic(app), { ...fields })).access_token
  const shared = await createAdminApi(instance, await ask({})).get('/apps')
  t.equal(shared.status, 403)
  t.match(shared.json['detail'], /the access token is also for other APIs; ask for one with resource=DomainAPI/)
  t.equal((await createAdminApi(instance, await ask({ resource: 'DomainAPI' })).get('/apps')).status, 200)
})

await t.test('an administrative change over HTTP is on the log as well', async (t) => {
  const api = createAdminApi(
    instance,
    await serviceToken(instance, await addTool(instance, { applicationUri: 'my.admin/log' })),
  )
  const before = instance.log.length
  t.equal((await api.post('/users', { login: 'logged', type: 'SystemUserNoLogin' })).status, 201)
  const told = instance.log.slice(before).map(({ audit }) => audit as { event?: string; actor?: string } | undefined)
  matchesWhole(
    t,
    told.filter((audit) => audit?.event === 'user_added'),
    [{ actor: 'app:my.admin/log' }],
  )
  const refused = instance.log.length
  t.equal((await api.post('/users', { login: 'logged', type: 'SystemUserNoLogin' })).status, 409)
  t.notMatch(JSON.stringify(instance.log.slice(refused)), /user_added/, 'what did not happen is not told')
})

await t.test('consent to the API of the instance is none to another one', async (t) => {
  const record = await core.store.read.apps.find(WEB)
  if (!record) throw new Error('no record')
  const { secrets, isEnabled, epoch, createdAt, updatedAt, ...registration } = record
  await core.store.write(({ apps }) => apps.update({ ...registration, apiResources: [ORDERS] }, instance.now()))
  const browser = createBrowser(instance.origin)
  const asked = { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid read' }
  const open = (more: Record<string, string>) => browser.open(authorizeUrl(instance, { ...asked, ...more }))
  t.ok((await signInAndConsent(browser, await open({}), 'david')).leftTo?.searchParams.get('code'))
  t.ok((await open({ prompt: 'none' })).leftTo?.searchParams.get('code'))
  const silent = await open({ resource: ORDERS, prompt: 'none' })
  t.equal(silent.leftTo?.searchParams.get('error'), 'consent_required')
  const page = await open({ resource: ORDERS })
  t.match(page.page.querySelector('main')?.text, /Work with “Orders”/)
  await browser.submit(page, 'consent-approve')
  t.ok((await open({ resource: ORDERS, prompt: 'none' })).leftTo?.searchParams.get('code'))
})

await t.test('what is printed to be pasted holds no flag and no command of a stranger', async (t) => {
  const url = `${issuer}/connect/authorize?${encode({ client_id: '--config=/tmp/evil', redirect_uri: '--public' })}`
  const { stdout } = await tessera(['explain', url, '--json'])
  t.notMatch(JSON.parse(stdout), { refusal: { fix: /--config/ } })
  t.notMatch(stdout, /tessera app register --/)
  const odd = await tessera(['app', 'register', 'a;id', '--service', '--system-user', 'x; id', '--json'])
  t.equal(odd.code, 2)
  t.match(odd.stderr, /tessera user add 'x; id' --type|no user is called/)
  t.notMatch(odd.stderr, /user add x; id/)
  const dashed = await tessera(['app', 'register', '--spa', '--redirect-uri', WEB_REDIRECT, '--', '-x'])
  t.match(dashed, { code: 2, stderr: /ApplicationUri: must not start with a hyphen/ })
})

await t.test('an export is open to its owner alone, also where a file was there before', async (t) => {
  const file = join(instance.folder, 'instance.yaml')
  writeFileSync(file, 'old')
  chmodSync(file, 0o644)
  t.equal((await tessera(['export', '-o', file])).code, 0)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.match(readFileSync(file, 'utf8'), new RegExp(SYNC))
})

await t.test('a variable named like a member of every object is not set', async (t) => {
  const file = join(instance.folder, 'odd.yaml')
  writeFileSync(
    file,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the file, not of this program
    'apps:\n  - ApplicationUri: a/b\n    ClientType: Confidential\n    ApplicationSecret: ${toString}\n',
  )
  t.match(await tessera(['plan', file]), {
    code: 2,
    stderr: /needs the environment variable toString, which is not set/,
  })
})
