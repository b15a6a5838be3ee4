import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { documentOf, tesseraAfter, words } from '../fixtures/cli/cli.ts'
import { asserting, assertionClaims, macKey, signAs } from '../fixtures/clients/app-keys.ts'
import { requestToken } from '../fixtures/clients/endpoints.ts'
import { addApp, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { query } from '../fixtures/store/database.ts'

const MAC = 'my.trusted.app/mac'
const KILLED = new URL('../fixtures/cli/killed.mjs', import.meta.url)

/** Whatever is sealed is asked for: a secret verifies, and a signing key signs. */
async function tokenStatus({ issuer, databaseUrl }: Site, secret: string): Promise<number> {
  const assertion = await signAs(macKey(secret), assertionClaims({ issuer, now: Date.now }, MAC))
  const fields = { grant_type: 'client_credentials', ...asserting(assertion) }
  const { status, text } = await requestToken({ issuer }, fields)
  if (status !== 200) throw new Error(`${databaseUrl}: ${text}`)
  return status
}

const unsound = async ({ tessera }: Site): Promise<unknown[]> => {
  const { checks } = JSON.parse((await tessera(words('db check --json'))).stdout) as {
    checks: { name: string; passed: boolean }[]
  }
  // A test server of PostgreSQL is quick rather than durable.
  return checks.filter(({ passed, name }) => !passed && name !== 'durability')
}

await t.test('key reseal: wherever SIGKILL ends it, everything opens, and the next run goes on', async (t) => {
  const site = await prepareSite(t)
  const file = join(site.folder, 'master.key')
  await documentOf(site.tessera(words('user add svc.sync --type SystemUserNoLogin --json')))
  const service = words('--service --system-user svc.sync --set TokenEndpointAuthMethod=client_secret_jwt')
  const secret = await addApp(site, MAC, ...service)
  const server = await serve(t, site)
  const keysIn = () => readFileSync(file, 'utf8').trim().split('\n')
  const [first] = keysIn()

  const ends = async (where: string, keys: number): Promise<void> => {
    const killed = await tesseraAfter(KILLED, { ...site.settings, TEST_KILLED: where })(words('key reseal --yes'))
    t.equal(killed.code, null, `${where}: ${killed.stderr}`)
    t.equal(keysIn().length, keys, where)
    t.strictSame(await unsound(site), [], where)
    t.equal(await tokenStatus(site, secret), 200, where)
  }
  await ends('before the key', 1)
  await ends('after the key', 2)
  const [, target] = keysIn()
  await ends('resealed signing_keys', 2)
  t.match(
    (await site.tessera(words('doctor --no-online'))).stdout,
    /warning +master key in force +\d+ signing keys and app secrets are not sealed under it/,
  )
  server.kill('SIGTERM')
  await server.ended()
  await serve(t, site)
  t.equal(await tokenStatus(site, secret), 200, 'a server that starts in the middle')
  await ends('resealed app_secrets', 2)
  t.strictSame(await query(site, `select event from audit_events where event = 'master_key_changed'`), [])

  const done = await documentOf(site.tessera(words('key reseal --yes --json')))
  t.equal(done['changed'], true)
  t.strictSame(keysIn(), [first, target], 'with the key that the first run made')
  t.equal((await query(site, `select event from audit_events where event = 'master_key_changed'`)).length, 1)
  t.strictSame(await unsound(site), [])
  t.equal(await tokenStatus(site, secret), 200)
  t.equal((await site.tessera(words('key forget --yes'))).code, 0)
  t.equal(await tokenStatus(site, secret), 200)
  const left = readdirSync(site.folder).filter((name) => name.startsWith('master.key'))
  t.strictSame(left, ['master.key'], 'no killed run leaves a copy of a key')
  t.strictSame(keysIn(), [target])
})
