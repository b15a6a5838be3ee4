import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { digest } from '../../../src/lib/crypto/secrets.ts'
import { refused } from '../../fixtures/answers/refusals.ts'
import { makeKey } from '../../fixtures/clients/app-keys.ts'
import { type Answer, bearer } from '../../fixtures/clients/http.ts'
import {
  type Client,
  initialToken,
  METADATA,
  manage,
  registerClient,
  sendRegistration,
} from '../../fixtures/clients/registration.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import { startWorld } from '../../fixtures/instance/world.ts'
import { query } from '../../fixtures/store/database.ts'

const HOUR = 3_600_000
/** Behind a proxy, as programs of the server's own machine are not counted without one. */
const PROXY = { TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' }
const start = async (t: Test, settings: Readonly<Record<string, string>>) =>
  (await startWorld(t, { TESSERA_REGISTRATION: 'open', ...PROXY, ...settings })).instance

const change = (client: Client, name: string, more: object = {}): Promise<Answer> =>
  manage(client, 'PUT', { ...METADATA, client_id: client.client_id, client_name: name, ...more })

/** How many of so many answers have each status. */
async function statusesOf(count: number, ask: (index: number) => Promise<Answer>): Promise<Record<number, number>> {
  const found: Record<number, number> = {}
  for (let index = 0; index < count; index++) {
    const { status } = await ask(index)
    found[status] = (found[status] ?? 0) + 1
  }
  return found
}

const tooManyChanges = (t: Test, instance: Instance, answer: Answer, description: string, cause: string): void => {
  t.equal(answer.headers.get('retry-after'), '3600')
  refused(t, instance, answer, {
    status: 429,
    error: 'temporarily_unavailable',
    description,
    cause: { rule: 'registration-changed-too-often', cause },
  })
}

await t.test('an app changes its registration 20 times within an hour, whoever let it in', async (t) => {
  const instance = await start(t, { TESSERA_REGISTRATION_HOURLY: '1000' })
  const { token } = await initialToken(instance, '--unlimited')
  const [mine, invited] = [await registerClient(instance), await registerClient(instance, {}, bearer(token))]
  for (const client of [mine, invited]) {
    t.strictSame(await statusesOf(20, (index) => change(client, `Name ${index}`)), { 200: 20 })
    tooManyChanges(
      t,
      instance,
      await change(client, 'Once more'),
      'this registration was changed too often; try again later',
      'the app has changed or removed registrations 20 times within the last hour',
    )
  }
  t.equal((await change(await registerClient(instance), 'Another')).status, 200)
  t.equal((await manage(mine, 'GET')).status, 200, 'it is still told what is registered')
  t.equal((await manage(mine, 'DELETE')).status, 204, 'and can leave')
  instance.advance(HOUR)
  t.equal((await change(invited, 'An hour later')).status, 200)
})

await t.test('a network changes, and removes, as many registrations within an hour as it may make', async (t) => {
  const instance = await start(t, { TESSERA_REGISTRATION_HOURLY: '2' })
  const { token } = await initialToken(instance, '--unlimited')
  const invited = await registerClient(instance, {}, bearer(token))
  const first = [await registerClient(instance), await registerClient(instance)] as const
  instance.advance(HOUR)
  const all = [...first, await registerClient(instance), await registerClient(instance)] as const
  const [one, two, three, four] = all
  t.strictSame(
    await Promise.all(all.map(async (client) => (await change(client, 'At once')).status)).then((all) => all.sort()),
    [200, 200, 429, 429],
  )
  tooManyChanges(
    t,
    instance,
    await change(one, 'Once more'),
    'too many registrations were changed from your network; try again later',
    'this network has changed or removed registrations 2 times within the last hour',
  )
  t.equal((await change(invited, 'Invited')).status, 200, 'whoever was let in is not counted with the network')
  for (const client of [one, two]) t.equal((await manage(client, 'DELETE')).status, 204)
  t.equal((await manage(three, 'DELETE')).status, 429)
  t.equal((await manage(invited, 'DELETE')).status, 204)
  instance.advance(HOUR)
  t.equal((await manage(three, 'DELETE')).status, 204)
  t.equal((await change(four, 'An hour later')).status, 200)
})

/** A server that counts what it is asked for; `/good` lists the redirect URI, and nothing else does. */
async function serveSectors(t: Test) {
  const asked: string[] = []
  const server = createServer(({ url = '' }, response) => {
    asked.push(url)
    response.end(JSON.stringify(url.startsWith('/good') ? METADATA.redirect_uris : []))
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const sector = (path: string) => ({
    sector_identifier_uri: `http://localhost:${(server.address() as AddressInfo).port}${path}`,
  })
  return { asked, sector }
}

await t.test('registrations that fail fetch no more than those that succeed', async (t) => {
  const { asked, sector } = await serveSectors(t)
  const settings = { TESSERA_REGISTRATION_HOURLY: '3', TESSERA_OUTBOUND_EXEMPT_HOSTS: 'localhost' }
  const instance = await start(t, settings)
  const { token } = await initialToken(instance, '--unlimited')
  for (const [headers, next] of [
    [{}, { 201: 3, 429: 2 }],
    [bearer(token), { 201: 5 }],
  ] as const) {
    const register = (path: string): Promise<Answer> =>
      sendRegistration(instance, { ...METADATA, ...sector(path) }, headers)
    t.strictSame(await statusesOf(10, (index) => register(`/bad${index}`)), { 400: 3, 429: 7 })
    t.equal(asked.splice(0).length, 3)
    const answer = await register('/good')
    t.equal(answer.headers.get('retry-after'), '3600')
    refused(t, instance, answer, {
      status: 429,
      error: 'temporarily_unavailable',
      description: 'too many registrations with a sector_identifier_uri have failed; try again later',
      cause: { rule: 'registration-fetched-too-often' },
    })
    t.equal((await sendRegistration(instance, METADATA, headers)).status, 201, 'nothing is fetched for it')
    instance.advance(HOUR)
    t.strictSame(await statusesOf(5, () => register('/good')), next)
    asked.splice(0)
  }
})

await t.test('where no room is left, nothing is fetched', async (t) => {
  const { asked, sector } = await serveSectors(t)
  const settings = { TESSERA_REGISTRATION_MOST: '1', TESSERA_OUTBOUND_EXEMPT_HOSTS: 'localhost' }
  const instance = await start(t, settings)
  await registerClient(instance)
  t.equal((await sendRegistration(instance, { ...METADATA, ...sector('/good') })).status, 503)
  t.strictSame(asked, [])
})

await t.test('an update that fails has fetched as often as one that succeeds', async (t) => {
  const { asked, sector } = await serveSectors(t)
  const instance = await start(t, { TESSERA_OUTBOUND_EXEMPT_HOSTS: 'localhost' })
  const client = await registerClient(instance)
  t.strictSame(await statusesOf(25, (index) => change(client, 'Shop', sector(`/bad${index}`))), { 400: 20, 429: 5 })
  t.equal(asked.length, 20)
})

await t.test('a change of 15 KiB leaves 4 KiB behind, and concerns no token', async (t) => {
  const instance = await start(t, {})
  const notices = async (): Promise<number> =>
    Number((await query<{ count: number }>(instance, 'select count(*) as count from token_notices'))[0]?.count)
  const client = await registerClient(instance)
  const { jwk } = await makeKey('ES256')
  const keys = (note: string) => ({ jwks: { keys: [{ ...jwk, note: note.repeat(14_500) }] } })
  const redirects = Array.from({ length: 6 }, (_, index) => `https://rp.example.com/${'x'.repeat(2000)}${index}`)
  t.strictSame(await statusesOf(9, (index) => change(client, 'Shop', keys(index % 2 ? 'a' : 'b'))), { 200: 9 })
  t.equal((await change(client, 'Shop', { redirect_uris: redirects })).status, 200)
  t.equal(await notices(), 0)
  t.equal((await manage(client, 'DELETE')).status, 204)
  t.equal(await notices(), 1)
  const details = await query<{ detail: string }>(
    instance,
    "select detail from audit_events where application_uri = ? and event <> 'app_secret_added' order by happened_at, id",
    client.client_id,
  )
  t.equal(details.length, 12)
  for (const { detail } of details) t.ok(Buffer.byteLength(detail) < 4200, `${detail.length}`)
  const whole = JSON.stringify(keys('b').jwks)
  const { Jwks: first } = (JSON.parse(details[1]?.detail ?? '') as { fields: Record<string, unknown> }).fields
  const shown = `${whole.slice(0, 256)}... (${whole.length} characters, SHA-256 ${digest(whole)})`
  t.strictSame(first, { from: null, to: shown })
  t.match(JSON.parse(details[10]?.detail ?? ''), { fields: { ImpersonateLoginUrl: { to: / characters, SHA-256 / } } })
})
