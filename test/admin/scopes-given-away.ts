import t from 'tap'
import { startAdminApi } from '../fixtures/admin/admin.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { startInstance } from '../fixtures/instance/instance.ts'

const SETTINGS = { TESSERA_REGISTRATION: 'open', TESSERA_REGISTRATION_SCOPES: 'stock.read,stock.write' }
const STOCK = 'urn:stock'
const closed = (scope: string, api = STOCK): string =>
  `TESSERA_REGISTRATION_SCOPES lists ${scope}, a scope of ${api}, which is not open to apps that register themselves; open it with: tessera resource update ${api} --open-to-self-registered, or take ${scope} out of the setting; until then this server does not start again`
const gone = (scope: string): string =>
  `TESSERA_REGISTRATION_SCOPES lists ${scope}, which is a scope of no API resource; add it to one with: tessera resource update IDENTIFIER --scope ${scope}, or take ${scope} out of the setting; until then this server does not start again`

const instance = await startInstance({ settings: SETTINGS })
t.teardown(() => instance.close())
const admin = await startAdminApi(instance)
const tessera = tesseraOn(instance, SETTINGS)
const path = `/resources/${STOCK}`
const OPENED = { Identifier: STOCK, Scopes: ['stock.read', 'stock.write'], OpenToSelfRegistered: true }

await t.test('the command line says what a change of an API takes from the scopes that are given away', async (t) => {
  const warned = async (command: string): Promise<unknown> =>
    (await documentOf(tessera(words(`${command} --json`))))['warnings']
  t.strictSame(await warned(`resource add ${STOCK} --scope stock.read`), [closed('stock.read')])
  t.strictSame(await warned(`resource update ${STOCK} --open-to-self-registered --scope stock.write`), [])
  t.strictSame(await warned(`resource update ${STOCK} --name Stock`), [])
  t.strictSame(await warned(`resource update ${STOCK} --remove-scope stock.write`), [gone('stock.write')])
  t.strictSame(await warned(`resource update ${STOCK} --name Stocks`), [], 'said once, when it happens')
  const said = await tessera(words(`resource update ${STOCK} --no-open-to-self-registered`))
  t.equal(said.stderr, `warning: ${closed('stock.read')}\n`)
  t.strictSame(await warned(`resource update ${STOCK} --open-to-self-registered`), [])
  t.strictSame(await warned(`resource remove ${STOCK} --yes`), [gone('stock.read')])
})

await t.test('so does the administration API', async (t) => {
  t.strictSame((await admin.post('/resources', { ...OPENED, OpenToSelfRegistered: false })).json['warnings'], [
    closed('stock.read'),
    closed('stock.write'),
  ])
  t.strictSame((await admin.patch(path, { OpenToSelfRegistered: true })).json['warnings'], [])
  t.strictSame((await admin.patch(path, { OpenToSelfRegistered: null })).json['warnings'], [
    closed('stock.read'),
    closed('stock.write'),
  ])
  t.strictSame((await admin.patch(path, { OpenToSelfRegistered: true })).json['warnings'], [])
  t.strictSame((await admin.patch(path, { Scopes: ['stock.write'] })).json['warnings'], [gone('stock.read')])
  const removed = await admin.remove(path)
  t.strictSame([removed.status, removed.json['warnings']], [200, [gone('stock.write')]])
  t.equal((await admin.post('/resources', { Identifier: 'urn:other', Scopes: ['other'] })).status, 201)
  t.equal((await admin.remove('/resources/urn:other')).status, 204, 'where there is nothing to say')
})

await t.test('and files, planned and applied', async (t) => {
  const apply = async (resources: readonly object[], prune = false) => {
    const body = { document: { resources }, prune }
    const planned = (await admin.post('/plan', body)).json['warnings']
    const applied = (await admin.call('POST', '/apply', body, { 'if-match': '*' })).json['warnings']
    t.strictSame(planned, applied)
    return applied
  }
  const shut = { ...OPENED, OpenToSelfRegistered: false }
  t.strictSame(await apply([OPENED]), [])
  t.strictSame(await apply([shut]), [closed('stock.read'), closed('stock.write')])
  t.strictSame(await apply([shut]), [], 'where nothing changes')
  t.strictSame(await apply([OPENED]), [])
  const [other] = [{ Identifier: 'urn:more', Scopes: ['more'] }]
  t.strictSame(await apply([other], true), [gone('stock.read'), gone('stock.write')])
  const planned = await documentOf(tessera(words('plan - --json'), JSON.stringify({ resources: [shut] })))
  t.strictSame(planned['warnings'], [closed('stock.read'), closed('stock.write')])
})

await t.test('where apps do not register themselves there is nothing to say', async (t) => {
  const off = tesseraOn(instance, { ...SETTINGS, TESSERA_REGISTRATION: 'off' })
  t.match(await documentOf(off(words(`resource add ${STOCK} --scope stock.read --json`))), { warnings: { length: 0 } })
})
