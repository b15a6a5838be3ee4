import t from 'tap'
import { commandLine as actorOf } from '../../src/cli/kit/actor.ts'
import { applyFiles } from '../../src/config-files/apply/apply-files.ts'
import { createPasswords } from '../../src/lib/crypto/passwords.ts'
import type { WriteStaged } from '../../src/store/store.ts'
import { clientOf, METADATA, manage, registerClient } from '../fixtures/clients/registration.ts'
import { startWorld } from '../fixtures/instance/world.ts'

await t.test('an apply keeps what an app says of itself between the plan and the moment it is put in', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open' })
  const { store } = instance.core
  const client = await registerClient(instance)
  const uri = client.client_id
  const saying = { ...METADATA, client_id: uri, application_type: 'native' }
  let said = 0
  const writeStaged: WriteStaged = async (records, unit) => {
    said += 1
    t.equal((await manage(client, 'PUT', saying)).status, 200)
    return store.writeStaged(records, unit)
  }
  const app = {
    ApplicationUri: uri,
    ClientType: 'Confidential',
    SelfRegistered: true,
    Name: 'Named by an administrator',
    ImpersonateLoginUrl: METADATA.redirect_uris[0],
    ImpersonateAsInternalUserAllowed: true,
  }
  await applyFiles({
    read: store.read,
    writeStaged,
    texts: [{ file: 'apps.json', text: JSON.stringify({ apps: [app] }) }],
    variables: {},
    suggest: () => '',
    passwords: createPasswords(),
    contextNow: () => actorOf(instance.now()),
    sealAhead: instance.core.masterKeys.rowsFor('app-secrets').sealAhead,
    prune: false,
    defaultResource: instance.issuer,
    dryRun: false,
  })
  t.equal(said, 1, 'nothing of the record was changed by that, so the apply did not begin anew')
  const { application_type: type, client_name: name } = clientOf(await manage(client, 'GET'), 200)
  t.strictSame({ type, name }, { type: 'native', name: 'Named by an administrator' })
  const own = await store.read.selfRegistrations.find(uri)
  t.ok(own?.decided.includes('name'), 'and what the administrator decided is noted')
})
