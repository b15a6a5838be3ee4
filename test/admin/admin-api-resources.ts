import t from 'tap'
import { appPath, auditOf, isProblem, startAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { SYNC, startWorld, WEB } from '../fixtures/instance/world.ts'

const { instance } = await startWorld(t)
const admin = await startAdminApi(instance)
const tessera = tesseraOn(instance)
const REPORTS = 'https://reports.example.com'
const PATH = `/resources/${encodeURIComponent(REPORTS)}`

await t.test('an API resource is added, and told as the command line tells it', async (t) => {
  instance.advance(60_000)
  const added = await admin.post('/resources', {
    Identifier: REPORTS,
    Scopes: ['reports.read', { Name: 'reports.write', Description: 'Change every report' }],
    ResourceServers: [SYNC],
  })
  t.equal(added.status, 201, added.text)
  t.equal(added.headers.get('location'), `/manage/api/v1${PATH}`)
  t.strictSame(added.json, {
    Identifier: REPORTS,
    Name: REPORTS,
    Scopes: [
      { Name: 'reports.read', Description: null },
      { Name: 'reports.write', Description: 'Change every report' },
    ],
    ResourceServers: [SYNC],
    OpenToSelfRegistered: false,
    warnings: [],
  })
  const shown = await admin.get(PATH)
  t.strictSame({ ...shown.json, warnings: [] }, added.json)
  t.equal(shown.headers.get('etag'), added.headers.get('etag'))
  const tag = String(shown.headers.get('etag'))
  t.equal((await admin.get(PATH, { 'if-none-match': tag })).status, 304)
  const { Apps: _, ...told } = await documentOf(tessera(words(`resource show ${REPORTS} --json`)))
  t.strictSame(shown.json, told)
  const first = await admin.get('/resources?limit=1')
  const rest = await admin.get(`/resources?cursor=${first.json['next']}`)
  matchesWhole(t, [first.json['items'], rest.json['items']], [[{ Identifier: REPORTS }], [{ Identifier: 'DomainAPI' }]])
  t.strictSame(
    [first, rest].flatMap(({ json }) => json['items'] as object[]),
    await documentOf(tessera(words('resource list --json'))),
  )
  isProblem(t, instance, await admin.post('/resources', { Identifier: REPORTS, Scopes: ['x'] }), {
    status: 409,
    type: 'conflict',
    errors: [`Identifier: ${REPORTS} already exists; change it with PATCH`],
  })
})

await t.test('a change leaves what it does not name, and null restores the default', async (t) => {
  const tag = String((await admin.get(PATH)).headers.get('etag'))
  const site = { SiteUrl: `${REPORTS}/api`, SiteProperties: { ODataServiceRoot: `${REPORTS}/odata` } }
  const changed = await admin.patch(PATH, { ...site, OpenToSelfRegistered: true, Name: 'Reports' }, tag)
  matchesWhole(t, changed.json, { ...site, SiteType: 'API', OpenToSelfRegistered: true, ResourceServers: [SYNC] })
  isProblem(t, instance, await admin.patch(PATH, { Name: 'Late' }, tag), { status: 412, type: 'precondition-failed' })
  isProblem(t, instance, await admin.call('PATCH', PATH, { Name: 'Late' }), {
    status: 428,
    type: 'precondition-needed',
  })
  await t.test('RFC 7396 §2: properties are merged, and null takes one away', async (t) => {
    const properties = async (SiteProperties: object) =>
      (await admin.patch(PATH, { SiteProperties })).json['SiteProperties']
    t.strictSame(await properties({ Version: '1' }), { ...site.SiteProperties, Version: '1' })
    t.strictSame(await properties({ Version: '2', ODataServiceRoot: null, None: null }), { Version: '2' })
    t.strictSame(await properties({}), { Version: '2' })
    isProblem(t, instance, await admin.patch(PATH, { SiteProperties: { Version: '' } }), {
      status: 422,
      type: 'impossible-record',
    })
  })
  const typed = await admin.patch(PATH, { SiteType: 'Reports', SiteProperties: null })
  t.match(typed.json, { SiteType: 'Reports', SiteUrl: site.SiteUrl, Name: 'Reports' })
  t.notOk('SiteProperties' in typed.json)
  const usual = await admin.patch(PATH, {
    Name: null,
    ResourceServers: null,
    OpenToSelfRegistered: null,
    SiteUrl: null,
    Scopes: ['reports.read'],
  })
  t.strictSame(usual.json, {
    Identifier: REPORTS,
    Name: REPORTS,
    Scopes: [{ Name: 'reports.read', Description: null }],
    ResourceServers: [],
    OpenToSelfRegistered: false,
    warnings: [],
  })
})

await t.test('what cannot be is refused with all its reasons, and nothing of it happens', async (t) => {
  const before = (await admin.get('/resources')).json
  for (const [body, errors] of [
    [{ Scopes: [] }, ['Scopes: must name at least one scope']],
    [{ Scopes: ['sec'] }, ['Scopes: sec belongs to the administration API']],
    [{ ResourceServers: ['nobody'] }, ['ResourceServers: there is no app nobody']],
    [{ SiteType: 'API' }, ['SiteType: needs a SiteUrl beside it']],
    [
      { Identifier: 'urn:other' },
      ['Identifier: cannot be changed, as tokens name it; add another API resource and remove this one'],
    ],
  ] as const)
    isProblem(t, instance, await admin.patch(PATH, body), { status: 422, type: 'impossible-record', errors })
  isProblem(t, instance, await admin.post('/resources', { Identifier: instance.issuer, Scopes: ['y'] }), {
    status: 422,
    type: 'impossible-record',
  })
  isProblem(t, instance, await admin.post('/resources', { Identifier: WEB, Scopes: ['y'] }), {
    status: 422,
    type: 'impossible-record',
    errors: ['Identifier: must not be the ApplicationUri of an app'],
  })
  for (const body of [{ Scopes: 'a' }, { Scopes: [{ Description: 'x' }] }, { Colour: 'x' }, { Scopes: null }])
    isProblem(t, instance, await admin.patch(PATH, body), { status: 400, type: 'malformed-request' })
  isProblem(t, instance, await admin.get('/resources/DomianAPI'), {
    status: 404,
    type: 'not-found',
    errors: ['Identifier: there is no such API resource; did you mean DomainAPI?'],
  })
  t.strictSame((await admin.get('/resources')).json, before)
})

await t.test('an API that apps may ask for stays, and so does the API of the instance', async (t) => {
  t.equal((await admin.patch(appPath(WEB), { ApiResources: REPORTS })).status, 200)
  isProblem(t, instance, await admin.remove(PATH), {
    status: 409,
    type: 'conflict',
    errors: [`Identifier: ${WEB} may still ask for it`],
  })
  t.equal((await admin.patch(appPath(WEB), { ApiResources: null })).status, 200)
  isProblem(t, instance, await admin.remove('/resources/DomainAPI'), {
    status: 409,
    type: 'conflict',
    errors: ['Identifier: DomainAPI is the API of the instance (TESSERA_AUDIENCE) and cannot be removed'],
  })
  t.equal((await admin.remove(PATH)).status, 204)
  isProblem(t, instance, await admin.get(PATH), { status: 404, type: 'not-found' })
  const events = (await auditOf(instance, {})).filter(({ event }) => event.startsWith('resource_'))
  matchesWhole(t, [events[0]], [{ event: 'resource_added', actor: `app:${TOOL}`, detail: { resource: REPORTS } }])
  t.strictSame(
    events.map(({ event }) => event),
    [
      'resource_added',
      'resource_updated',
      'resource_updated',
      'resource_updated',
      'resource_updated',
      'resource_updated',
      'resource_removed',
    ],
  )
})
