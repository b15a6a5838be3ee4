import t from 'tap'
import { commandLine as actorOf } from '../../src/cli/kit/actor.ts'
import { applyFiles } from '../../src/config-files/apply/apply-files.ts'
import { createPasswords } from '../../src/lib/crypto/passwords.ts'
import type { WriteStaged } from '../../src/store/store.ts'
import { type Client, clientOf, METADATA, manage, registerClient } from '../fixtures/clients/registration.ts'
import type { Instance } from '../fixtures/instance/instance.ts'
import { startWorld } from '../fixtures/instance/world.ts'

/** Applies a file, and does something each time before what was worked out is put in. @returns how often that was */
async function applyBeside({ core, issuer, now }: Instance, records: object, meanwhile: () => Promise<unknown>) {
  let attempts = 0
  const writeStaged: WriteStaged = async (staged, unit) => {
    attempts += 1
    await meanwhile()
    return core.store.writeStaged(staged, unit)
  }
  await applyFiles({
    read: core.store.read,
    writeStaged,
    texts: [{ file: 'records.json', text: JSON.stringify(records) }],
    variables: {},
    suggest: () => '',
    passwords: createPasswords(),
    contextNow: () => actorOf(now()),
    sealAhead: core.masterKeys.rowsFor('app-secrets').sealAhead,
    prune: false,
    given: { scopes: [], defaultResource: issuer },
    dryRun: false,
  })
  return attempts
}

/** What a file says of an app that registered itself. */
const inFile = ({ client_id: uri }: Client) => ({
  ApplicationUri: uri,
  ClientType: 'Confidential',
  SelfRegistered: true,
  Name: 'Named by an administrator',
  ImpersonateLoginUrl: METADATA.redirect_uris[0],
  ImpersonateAsInternalUserAllowed: true,
})

const change = async (client: Client, more: object) =>
  clientOf(await manage(client, 'PUT', { ...METADATA, client_id: client.client_id, ...more }), 200)

await t.test('an apply keeps what an app says of itself between the plan and the moment it is put in', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open' })
  const client = await registerClient(instance)
  const attempts = await applyBeside(instance, { apps: [inFile(client)] }, () =>
    change(client, { application_type: 'native' }),
  )
  t.equal(attempts, 1, 'nothing of the record was changed by that, so the apply did not begin anew')
  const { application_type: type, client_name: name } = clientOf(await manage(client, 'GET'), 200)
  t.strictSame({ type, name }, { type: 'native', name: 'Named by an administrator' })
  const own = await instance.core.store.read.selfRegistrations.find(client.client_id)
  t.ok(own?.decided.includes('name'), 'and what the administrator decided is noted')
})

await t.test(
  'apps that register, change and remove themselves all the while keep no file from being applied',
  async (t) => {
    const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open' })
    const client = await registerClient(instance)
    const app = { ApplicationUri: 'my.trusted.app/new', ClientType: 'None' }
    let round = 0
    const attempts = await applyBeside(instance, { apps: [app] }, async () => {
      await change(client, { client_name: `Name ${++round}`, token_endpoint_auth_method: 'none' })
      await change(client, { client_name: `Name ${++round}` })
      await manage(await registerClient(instance), 'DELETE')
    })
    t.equal(attempts, 1)
    t.ok(await instance.core.store.read.apps.find(app.ApplicationUri))
  },
)

await t.test(
  'an app that the file names, and that changes itself meanwhile: the file is applied to what it is now',
  async (t) => {
    const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open' })
    const client = await registerClient(instance)
    let changes = 0
    const attempts = await applyBeside(instance, { apps: [inFile(client)] }, async () => {
      if (changes++ === 0) await change(client, { token_endpoint_auth_method: 'none', client_name: 'Its own' })
    })
    t.equal(attempts, 2)
    const app = await instance.core.store.read.apps.find(client.client_id)
    t.match(app, { name: 'Named by an administrator', clientType: 'Confidential' })
  },
)

await t.test('an app that asks for a scope while a file removes it keeps it, as before', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open', TESSERA_REGISTRATION_SCOPES: 'extra' })
  const { resources } = instance.core.store.read
  const shop = (...scopes: string[]) => ({
    resources: [{ Identifier: 'urn:shop', Name: 'Shop', Scopes: scopes.map((Name) => ({ Name })) }],
  })
  await applyBeside(instance, shop('extra', 'other'), async () => undefined)
  const client = await registerClient(instance)
  const set = { apiResources: ['urn:shop'] }
  const app = await instance.core.store.read.apps.find(client.client_id)
  if (app) await instance.core.store.write(({ apps }) => apps.update({ ...app, ...set }, instance.now()))
  const before = await resources.list()
  await t.rejects(
    applyBeside(instance, shop('other'), () => change(client, { scope: 'openid extra' })),
    { message: new RegExp(`extra would be removed, but is in the Scope of ${client.client_id}`) },
  )
  t.strictSame(await resources.list(), before)
})
