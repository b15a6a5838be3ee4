import t from 'tap'
import { auditOf, isProblem, startAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { startWorld } from '../fixtures/instance/world.ts'

const { instance } = await startWorld(t)
const admin = await startAdminApi(instance)

const YAML = `users:
  - login: svc.shop
    type: SystemUserNoLogin
apps:
  - ApplicationUri: my.trusted.app/shop
    ClientType: Confidential
    ApplicationSecret: \${SHOP_SECRET}
    SystemUserAllowed: true
    SystemUser: svc.shop
    Scope: read
`
const BODY = {
  files: [{ name: 'shop.yaml', text: YAML }],
  variables: { SHOP_SECRET: 'canary-secret-of-the-shop-0123456789abcdef' },
}
const apply = (body: object, ifMatch?: string) =>
  admin.call('POST', '/apply', body, ifMatch === undefined ? {} : { 'if-match': ifMatch })
type Changes = readonly { readonly action: string; readonly kind: string; readonly id: string }[]
const inShort = (json: Record<string, unknown>) =>
  (json['changes'] as Changes).map(({ action, kind, id }) => `${action} ${kind} ${id}`)

await t.test('what a plan shows is what is applied, and nothing else', async (t) => {
  const planned = await admin.post('/plan', BODY)
  t.equal(planned.status, 200, planned.text)
  t.strictSame(inShort(planned.json), ['create user svc.shop', 'create app my.trusted.app/shop'])
  t.notMatch(planned.text, /canary/)
  t.equal(await instance.core.store.read.apps.find('my.trusted.app/shop'), undefined, 'a plan changes nothing')
  const tag = String(planned.headers.get('etag'))
  isProblem(t, instance, await apply(BODY), { status: 428, type: 'precondition-needed' })

  await admin.post('/users', { login: 'svc.shop', type: 'SystemUserNoLogin' })
  isProblem(t, instance, await apply(BODY, tag), { status: 412, type: 'precondition-failed' }, 'it would be another')
  t.equal(await instance.core.store.read.apps.find('my.trusted.app/shop'), undefined)
  const more = { ...BODY, files: [{ name: 'shop.yaml', text: `${YAML}settings: { RefusalLimit: 500 }\n` }] }
  const again = String((await admin.post('/plan', BODY)).headers.get('etag'))
  isProblem(t, instance, await apply(more, again), { status: 412, type: 'precondition-failed' }, 'of other files')

  const applied = await apply(BODY, again)
  t.equal(applied.status, 200, applied.text)
  t.strictSame(inShort(applied.json), ['create app my.trusted.app/shop'])
  t.match(await instance.core.store.read.apps.find('my.trusted.app/shop'), { secrets: { length: 1 } })
  t.strictSame(inShort((await admin.post('/plan', BODY)).json), [], 'applying it again changes nothing')
  const [event] = (await auditOf(instance, { app: 'my.trusted.app/shop' })).filter(
    ({ event }) => event === 'app_registered',
  )
  t.equal(event?.actor, `app:${TOOL}`)
})

await t.test('the answer is that of the command line', async (t) => {
  const document = { settings: { RefusalLimit: 300 }, resources: [{ Identifier: 'urn:stock', Scopes: ['stock'] }] }
  const planned = await admin.post('/plan', { document })
  const tessera = tesseraOn(instance)
  const cli = await tessera(words('plan - --json'), JSON.stringify(document))
  t.strictSame(planned.json['changes'], (JSON.parse(cli.stdout) as { changes: unknown }).changes)
  t.equal((await apply({ document }, '*')).status, 200)
  t.match(await documentOf(tessera(words('export --json'))), { settings: { RefusalLimit: '300' } })
})

await t.test(
  'everything wrong is told at once with its line, and the environment of the server is not read',
  async (t) => {
    const text = `apps:\n  - ApplicationUri: x\n    ClientTyp: Public\n    ApplicationSecret: \${PATH}\nsettings: { RefusalLimit: 1 }\n`
    const answer = await admin.post('/plan', { files: [{ name: 'bad.yaml', text }] })
    t.equal(answer.status, 422, answer.text)
    matchesWhole(t, answer.json, {
      errors: [
        { attribute: 'bad.yaml:2: app x: ClientType', reason: /^is required/ },
        { attribute: 'bad.yaml:3: app x: ClientTyp', reason: /did you mean ClientType\?/ },
        { attribute: 'bad.yaml:4: app x: ApplicationSecret', reason: /PATH, which is not set/ },
        { attribute: /^bad\.yaml:5: setting RefusalLimit$/, reason: /expects a whole number/ },
      ],
    })
    for (const body of [{}, { ...BODY, document: {} }, { files: [] }, { files: [{ name: 'x' }] }, { documents: {} }])
      isProblem(t, instance, await admin.post('/plan', body), { status: 400, type: 'malformed-request' })
  },
)
