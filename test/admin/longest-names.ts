import t from 'tap'
import { appPath, startAdminApi } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { startWorld, WEB } from '../fixtures/instance/world.ts'

const { instance } = await startWorld(t)
const admin = await startAdminApi(instance)

await t.test('a record with the longest name that there may be has an address, and is found by it', async (t) => {
  const login = 'ю'.repeat(256)
  const Identifier = `urn:${'x'.repeat(252)}`
  const uri = `my.app/${'x'.repeat(121)}`
  const user = `/users/${encodeURIComponent(login)}`
  const added = [
    await admin.post('/users', { login, type: 'InternalUser', name: 'Long' }),
    await admin.post('/resources', { Identifier, Name: 'Long', Scopes: ['long'] }),
    await admin.post('/apps', { ApplicationUri: uri, ClientType: 'None' }),
  ]
  t.strictSame(
    added.map(({ status }) => status),
    [201, 201, 201],
  )
  for (const path of [user, `/resources/${encodeURIComponent(Identifier)}`, appPath(uri)])
    t.equal((await admin.get(path)).status, 200, decodeURIComponent(path).slice(0, 30))
  for (const path of [`${user}/consents`, `${user}/sign-ins`, `/sessions?user=${encodeURIComponent(login)}`])
    t.equal((await admin.get(path)).status, 200, decodeURIComponent(path).slice(0, 30))
  matchesWhole(t, (await admin.get(`/users?q=${encodeURIComponent(login)}`)).json, { items: [{ login }] })
  t.equal((await admin.put('/license', { slots: null, reserved: [login] })).status, 200)
  t.equal((await admin.patch(appPath(WEB), { ApiResources: Identifier })).status, 200)
  t.equal((await admin.remove(user)).status, 204)

  // A name that nobody gave is no fault of theirs, and is cut where names end.
  const unnamed = await admin.post('/users', { login, type: 'InternalUser' })
  matchesWhole(t, unnamed, { status: 201, json: { login, name: login.slice(0, 200) } })
  const api = await admin.post('/resources', { Identifier: `urn:${'y'.repeat(252)}`, Scopes: ['longer'] })
  matchesWhole(t, api, { status: 201, json: { Name: `urn:${'y'.repeat(196)}` } })

  t.equal((await admin.post('/users', { login: 'x'.repeat(257), type: 'InternalUser' })).status, 422)
  t.equal((await admin.post('/resources', { Identifier: 'x'.repeat(257), Scopes: ['x'] })).status, 422)
})
