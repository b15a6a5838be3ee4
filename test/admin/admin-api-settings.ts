import t from 'tap'
import { auditOf, isProblem, startAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { startWorld } from '../fixtures/instance/world.ts'

const { instance } = await startWorld(t)
const admin = await startAdminApi(instance)

type Item = Readonly<Record<'name' | 'kind' | 'value' | 'from' | 'default' | 'meaning', string>>
const itemOf = (json: Record<string, unknown>, name: string) =>
  (json['items'] as Item[]).find((item) => item.name === name)

await t.test('settings are listed with what is in force and from where', async (t) => {
  const { json, headers, text } = await admin.get('/settings')
  matchesWhole(t, itemOf(json, 'ApiSessionIdle'), {
    name: 'ApiSessionIdle',
    kind: 'instance',
    value: '20m',
    from: 'default',
    default: '20m',
    expects: 'a length of time from 1m to 12h, such as 20m',
    meaning: 'how long an API session lasts without use',
  })
  matchesWhole(t, itemOf(json, 'TESSERA_ISSUER'), { kind: 'process', value: instance.issuer, from: 'environment' })
  t.notMatch(text, /"TESSERA_MASTER_KEY","kind":"process","value":"(?!"|\(hidden\))/)
  const tag = String(headers.get('etag'))
  t.equal((await admin.get('/settings', { 'if-none-match': tag })).status, 304)
})

await t.test('settings of the instance are changed together or not at all, by one who has seen them', async (t) => {
  const tag = String((await admin.get('/settings')).headers.get('etag'))
  const changed = await admin.patch('/settings', { ApiSessionIdle: '30m', RefusalLimit: 200 }, tag)
  t.equal(changed.status, 200, changed.text)
  matchesWhole(t, itemOf(changed.json, 'ApiSessionIdle'), { value: '30m', from: 'database' })
  matchesWhole(t, itemOf(changed.json, 'RefusalLimit'), { value: '200', from: 'database' })
  t.equal(await instance.core.store.read.settings.get('instance/ApiSessionIdle'), '30m')
  isProblem(t, instance, await admin.patch('/settings', { ApiSessionIdle: '40m' }, tag), {
    status: 412,
    type: 'precondition-failed',
  })
  isProblem(t, instance, await admin.call('PATCH', '/settings', {}), { status: 428, type: 'precondition-needed' })
  const wrong = {
    ApiSessionIdle: 'soon',
    TESSERA_ISSUER: 'https://id.example.com',
    AuditRetension: '3d',
    RefusalLimit: '300',
  }
  isProblem(t, instance, await admin.patch('/settings', wrong), {
    status: 422,
    type: 'impossible-record',
    errors: [
      'ApiSessionIdle: expects a length of time from 1m to 12h, such as 20m',
      'TESSERA_ISSUER: is read when the server starts: change it in its environment or in the file of --config, and restart the server',
      'AuditRetension: is not a setting; did you mean AuditRetention?',
    ],
  })
  isProblem(t, instance, await admin.patch('/settings', { RefusalLimit: true }), {
    status: 400,
    type: 'malformed-request',
    errors: ['RefusalLimit: expects a whole number from 100 to 1000000'],
  })
  const reset = await admin.patch('/settings', { ApiSessionIdle: null })
  matchesWhole(t, itemOf(reset.json, 'ApiSessionIdle'), { value: '20m', from: 'default' })
  matchesWhole(t, itemOf(reset.json, 'RefusalLimit'), { value: '200' }, 'nothing of a refused change')
  const events = (await auditOf(instance, {})).filter(({ event }) => event === 'setting_changed')
  matchesWhole(t, events, [
    {
      actor: `app:${TOOL}`,
      detail: { fields: { ApiSessionIdle: { from: '20m', to: '30m' }, RefusalLimit: { from: '10000', to: '200' } } },
    },
    { actor: `app:${TOOL}`, detail: { fields: { ApiSessionIdle: { from: '30m', to: '20m' } } } },
  ])
})
