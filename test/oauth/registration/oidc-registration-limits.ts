import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createRunChange } from '../../../src/admin/change/run-change.ts'
import { createForgetUnused } from '../../../src/oauth/registration/forget-unused.ts'
import { auditOf } from '../../fixtures/admin/admin.ts'
import { refused } from '../../fixtures/answers/refusals.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { obtainCode, PKCE } from '../../fixtures/clients/code-flow.ts'
import { bearer } from '../../fixtures/clients/http.ts'
import {
  initialToken,
  METADATA,
  manage,
  registerClient,
  sendRegistration,
} from '../../fixtures/clients/registration.ts'
import { startWorld, WEB } from '../../fixtures/instance/world.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Behind a proxy, as programs of the server's own machine are not counted without one. */
const PROXY = { TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' }
const start = async (t: Test, settings: Readonly<Record<string, string>>) =>
  (await startWorld(t, { TESSERA_REGISTRATION: 'open', ...PROXY, ...settings })).instance

await t.test('programs of this very machine are not counted, as by the other limits', async (t) => {
  const settings = { TESSERA_REGISTRATION: 'open', TESSERA_REGISTRATION_HOURLY: '1' }
  const { instance } = await startWorld(t, settings)
  const clients = [await registerClient(instance), await registerClient(instance)]
  for (const client of clients) t.equal((await manage(client, 'DELETE')).status, 204)
  const forwarded = { 'x-forwarded-for': '203.0.113.7' }
  t.strictSame(
    [(await sendRegistration(instance, METADATA, forwarded)).status, (await registerClient(instance)).client_id.length],
    [429, 21],
    'a proxy that nobody declared is counted as itself',
  )
})

await t.test(
  'an address registers so many apps within an hour; removed ones count, tokens are not counted',
  async (t) => {
    const instance = await start(t, { TESSERA_REGISTRATION_HOURLY: '2' })
    const first = await registerClient(instance)
    t.equal((await manage(first, 'DELETE')).status, 204)
    await registerClient(instance)
    const response = await sendRegistration(instance, METADATA)
    t.equal(response.headers.get('retry-after'), '600')
    refused(t, instance, response, {
      status: 429,
      error: 'temporarily_unavailable',
      description: 'too many apps were registered from your network; try again later',
      cause: { rule: 'registration-too-often' },
    })
    const { token } = await initialToken(instance, '--unlimited')
    await registerClient(instance, {}, bearer(token))
    instance.advance(HOUR)
    await registerClient(instance)
  },
)

await t.test('an IPv6 network is one address, and its neighbours are others', async (t) => {
  const instance = await start(t, { TESSERA_REGISTRATION_HOURLY: '2' })
  const statusFrom = async (address: string): Promise<number> =>
    (await sendRegistration(instance, METADATA, { 'x-forwarded-for': address })).status
  for (const addresses of [
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::2', '[2001:DB8:1:2:3:4:5:6]:443'],
    ['2001:db8:0:1::1', '2001:db8:0:1:2:3:4:5', '2001:db8:0:1::ffff'],
    ['2001:db8::1', '2001:db8::1:2:3:4', '2001:db8:0:0:ffff::'],
    ['::5', '::1:2:3:4', '0:0:0:0:ffff::'],
    ['203.0.113.7', '::ffff:203.0.113.7', '203.0.113.7:4711'],
    ['203.0.113.70', '203.0.113.70', '203.0.113.70'],
  ])
    t.strictSame((await Promise.all(addresses.map(statusFrom))).sort(), [201, 201, 429], addresses.join(' '))
})

await t.test('one address that asks at once gets no more', async (t) => {
  const instance = await start(t, { TESSERA_REGISTRATION_HOURLY: '3' })
  const statuses = await Promise.all(
    Array.from({ length: 6 }, async () => (await sendRegistration(instance, METADATA)).status),
  )
  t.strictSame(statuses.sort(), [201, 201, 201, 429, 429, 429])
})

await t.test('there are so many such apps, whoever registers them', async (t) => {
  const instance = await start(t, { TESSERA_REGISTRATION_MOST: '1' })
  const client = await registerClient(instance)
  const { token } = await initialToken(instance)
  refused(t, instance, await sendRegistration(instance, METADATA, bearer(token)), {
    status: 503,
    error: 'temporarily_unavailable',
    description: 'no more apps can register themselves here',
    cause: { rule: 'registrations-full' },
  })
  await manage(client, 'DELETE')
  await registerClient(instance, {}, bearer(token))
})

await t.test('bodies, arrays and texts have their limits', async (t) => {
  const instance = await start(t, {})
  const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `https://rp.example.com/${at}`)
  await registerClient(instance, { redirect_uris: many(20) })
  for (const [what, error, description] of [
    [{ redirect_uris: many(21) }, 'invalid_redirect_uri', 'redirect_uris: has more than 20 members'],
    [
      { post_logout_redirect_uris: many(21) },
      'invalid_client_metadata',
      'post_logout_redirect_uris: has more than 20 members',
    ],
    [{ contacts: many(11) }, 'invalid_client_metadata', 'contacts: has more than 10 members'],
    [{ client_name: 'x'.repeat(201) }, 'invalid_client_metadata', 'client_name: must have at most 200 characters'],
    [
      { client_uri: `https://rp.example.com/${'x'.repeat(2048)}` },
      'invalid_client_metadata',
      'client_uri: has more than 2048 characters',
    ],
  ] as const)
    refused(t, instance, await sendRegistration(instance, { ...METADATA, ...what }), {
      status: 400,
      error,
      description,
    })
  refused(t, instance, await sendRegistration(instance, { ...METADATA, x: 'x'.repeat(17_000) }), {
    status: 413,
    error: 'invalid_request',
    description: 'the request is malformed or too large',
  })
})

await t.test('an app that nobody ever allowed anything is forgotten after a while', async (t) => {
  const instance = await start(t, {})
  const [used, unused] = [await registerClient(instance), await registerClient(instance)]
  const [redirect_uri] = METADATA.redirect_uris
  await obtainCode(instance, { client_id: used.client_id, redirect_uri, scope: 'openid', ...PKCE })
  const { read, writeAlone } = instance.core.store
  const { audit } = instance.server
  const runChange = createRunChange({ read, writeAlone, clock: instance.now, here: undefined, audit })
  const forget = (unusedFor: number | undefined) =>
    createForgetUnused({ ...read, runChange, clock: instance.now, unusedFor })()
  const left = async (): Promise<number[]> =>
    Promise.all([used, unused].map(async (client) => (await manage(client, 'GET')).status))
  instance.advance(30 * DAY)
  await forget(undefined)
  await forget(31 * DAY)
  t.strictSame(await left(), [200, 200])
  await Promise.all([forget(29 * DAY), forget(29 * DAY)])
  t.strictSame(await left(), [200, 401])
  const events = await auditOf(instance, { app: unused.client_id })
  t.match(events.at(-1), { event: 'app_removed', actor: 'maintenance' })
  t.ok(await instance.core.store.read.apps.find(WEB), 'no other app is touched')
})

await t.test(
  'files leave them alone: neither --prune nor a record of the same name changes how they came about',
  async (t) => {
    const instance = await start(t, {})
    const tessera = tesseraOn(instance)
    const client = await registerClient(instance)
    const file = join(instance.folder, 'apps.json')
    const apply = async (apps: unknown[], ...flags: string[]) => {
      writeFileSync(file, JSON.stringify({ apps }))
      return tessera(['apply', file, ...flags])
    }
    const web = {
      ApplicationUri: WEB,
      ClientType: 'Confidential',
      ImpersonateAsInternalUserAllowed: true,
      ImpersonateLoginUrl: 'https://app.example.com/cb',
    }
    const pruned = await apply([web], '--prune')
    t.equal(pruned.code, 0, pruned.stderr)
    t.equal((await manage(client, 'GET')).status, 200)
    const own = { ...web, ApplicationUri: client.client_id, ImpersonateLoginUrl: METADATA.redirect_uris }
    t.equal((await apply([web, own])).code, 0)
    t.ok((await instance.core.store.read.apps.find(client.client_id))?.selfRegistered)
    const changed = await apply([web, { ...own, SelfRegistered: false }])
    t.not(changed.code, 0)
    t.match(changed.stderr, /SelfRegistered: can never change/)
  },
)
