// SQLite alone: is about what commands print; test/config-files/configuration-as-code.ts does the same on both databases
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, type Outcome, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { startInstance } from '../fixtures/instance/instance.ts'
import { query } from '../fixtures/store/database.ts'

const REPORTS = 'https://reports.example.com'

await t.test('tessera resource: the APIs that access tokens are for', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const tessera = tesseraOn(instance)
  const supported = async () => {
    const answer = await fetch(`${instance.issuer}/.well-known/openid-configuration`)
    return ((await answer.json()) as { scopes_supported: string[] }).scopes_supported
  }

  await t.test('the API of the instance is there from the start, and stays', async (t) => {
    t.strictSame(JSON.parse((await tessera(words('resource list --json'))).stdout), [
      {
        Identifier: 'DomainAPI',
        Name: 'DomainAPI',
        Scopes: [
          { Name: 'read', Description: null },
          { Name: 'update', Description: null },
        ],
        ResourceServers: [],
        OpenToSelfRegistered: false,
      },
    ])
    t.match((await tessera(words('resource list'))).stdout, /^DomainAPI +DomainAPI +read update +every app +-$/m)
    t.match(await tessera(words('resource remove DomainAPI --yes')), {
      code: 1,
      stderr: /TESSERA_AUDIENCE.* cannot be removed/,
    })
  })

  await t.test('add', async (t) => {
    const line = `resource add ${REPORTS} --name Reports --scope "reports.read=See every report" --scope reports.write --json`
    t.strictSame(await documentOf(tessera(words(line))), {
      Identifier: REPORTS,
      Name: 'Reports',
      Scopes: [
        { Name: 'reports.read', Description: 'See every report' },
        { Name: 'reports.write', Description: null },
      ],
      ResourceServers: [],
      OpenToSelfRegistered: false,
      warnings: [],
    })
    t.strictSame((await supported()).slice(-4), ['read', 'update', 'reports.read', 'reports.write'])
    matchesWhole(t, await tessera(words(line)), {
      code: 1,
      stdout: '',
      stderr: /already exists; .* tessera resource update/,
    })
  })

  await t.test('what cannot work is refused with the reason', async (t) => {
    const refused = async (line: string, reason: RegExp) =>
      matchesWhole(t, await tessera(words(line)), { code: 2, stdout: '', stderr: reason }, line)
    await refused('resource add https://a.example/#x --scope a', /must not have a fragment/)
    await refused(`resource add ${REPORTS}:443/ --scope a`, /names the same API as https:\/\/reports\.example\.com,/)
    await refused('resource add "a b" --scope a', /visible ASCII characters without spaces/)
    await refused('resource add urn:a --scope openid', /openid is a protocol scope/)
    await refused('resource add urn:a --scope sec', /sec belongs to the administration API/)
    await refused('resource add urn:a --scope a --scope a=b', /a is given twice/)
    await refused('resource add urn:a', /required option '--scope/)
    await refused(
      `resource update ${REPORTS} --remove-scope x`,
      /x is not one of its scopes, reports.read, reports.write/,
    )
    t.match(await tessera(words('resource show https://reports.example.org')), {
      code: 1,
      stderr: /there is no API resource .*did you mean https:\/\/reports\.example\.com\?/,
    })
  })

  await t.test('update, show and remove', async (t) => {
    await documentOf(
      tessera(
        words(
          `app register web --web --redirect-uri https://app.example.com/cb --scope "read reports.write" --set ApiResources=${REPORTS} --json`,
        ),
      ),
    )
    const shown = await documentOf(tessera(words(`resource show ${REPORTS} --json`)))
    matchesWhole(t, shown, { Identifier: REPORTS, Apps: ['web'] })
    const update = words(
      `resource update ${REPORTS} --name "All reports" --scope "reports.read=See them" --scope new --remove-scope reports.write`,
    )
    const before = await documentOf(tessera(words(`resource show ${REPORTS} --json`)))
    matchesWhole(t, await tessera(update), {
      code: 1,
      stdout: '',
      stderr: 'Scopes: reports.write would be removed, but is in the Scope of web; remove it there first\n',
    })
    t.strictSame(await documentOf(tessera(words(`resource show ${REPORTS} --json`))), before, 'nothing has changed')
    await tessera(words('app update web --set Scope=reports.read'))
    matchesWhole(t, await tessera(update), { code: 0, stderr: '' })
    t.match((await tessera(words(`resource show ${REPORTS}`))).stdout, /reports\.read: See them\n +new$/m)
    t.match(await tessera(words(`resource remove ${REPORTS} --yes`)), { code: 1, stderr: /web may still ask for it/ })
    t.match(await tessera(words(`resource remove ${REPORTS}`)), { code: 2, stderr: /add --yes/ })
    await tessera(words('app update web --set ApiResources= --set Scope=read'))
    await tessera(words('resource add urn:more --scope more'))
    await tessera(words('app update web --set ApiResources=urn:more --set "Scope=read more"'))
    t.match(await tessera(words('resource update DomainAPI --remove-scope read')), {
      code: 1,
      stderr: 'Scopes: read would be removed, but is in the Scope of web; remove it there first\n',
    })
    t.match(await tessera(words('resource update urn:more --scope read')), { code: 0 })
    t.match(await tessera(words('resource update DomainAPI --remove-scope read')), { code: 0 }, 'another API has it')
    t.match(await tessera(words('resource update DomainAPI --scope read')), { code: 0, stdout: /read/ })
    await tessera(words('app update web --set ApiResources= --set Scope=read'))
    await documentOf(tessera(words('resource remove urn:more --yes --json')))
    t.strictSame(await documentOf(tessera(words(`resource remove ${REPORTS} --yes --json`))), {
      Identifier: REPORTS,
      removed: true,
      warnings: [],
    })
    t.strictSame((await supported()).slice(-2).sort(), ['read', 'update'])
  })

  await t.test('the apps through which an API asks about tokens', async (t) => {
    for (const app of ['stock/api', 'stock/two'])
      await documentOf(tessera(words(`app register ${app} --web --redirect-uri https://stock.example.com/cb --json`)))
    await documentOf(tessera(words('app register spa --spa --redirect-uri https://spa.example.com/ --json')))
    const update = (flags: string) => tessera(words(`resource update urn:stock ${flags} --json`))
    const refused = (answer: Outcome, code: number, reason: RegExp) =>
      matchesWhole(t, answer, { code, stdout: '', stderr: reason }, String(reason))
    const line = 'resource add urn:stock --scope stock --resource-server stock/two --resource-server stock/api --json'
    matchesWhole(
      t,
      await documentOf(tessera(words(line))),
      { ResourceServers: ['stock/api', 'stock/two'] },
      'in their order',
    )
    t.match((await tessera(words('resource show urn:stock'))).stdout, /ResourceServers +stock\/api\n +stock\/two$/m)
    t.match((await tessera(words('resource list'))).stdout, /^urn:stock .* that list it +stock\/api, stock\/two$/m)
    refused(await update('--resource-server nobody'), 2, /ResourceServers: there is no app nobody/)
    refused(await update('--resource-server spa'), 2, /spa has ClientType Public, not Confidential/)
    refused(
      await update('--remove-resource-server spa'),
      2,
      /spa does not serve it; the apps that do: stock\/api, stock\/two/,
    )
    const becomePublic = await tessera(words('app update stock/api --set ClientType=Public'))
    refused(becomePublic, 2, /must stay Confidential while the app is in the ResourceServers of urn:stock/)
    matchesWhole(t, await documentOf(update('--remove-resource-server stock/two')), { ResourceServers: ['stock/api'] })
    matchesWhole(t, await documentOf(update('--resource-server stock/api')), { ResourceServers: ['stock/api'] }, 'once')
    await documentOf(tessera(words('app remove stock/api --yes --json')))
    matchesWhole(t, await documentOf(tessera(words('resource show urn:stock --json'))), { ResourceServers: [] })
    const rows = await query<{ detail: string }>(
      instance,
      "select detail from audit_events where event like 'resource%' and detail like '%urn:stock%' order by happened_at",
    )
    t.strictSame(
      rows.map(({ detail }) => JSON.parse(detail).fields.ResourceServers),
      [
        { from: null, to: ['stock/api', 'stock/two'] },
        { from: ['stock/api', 'stock/two'], to: ['stock/api'] },
        { from: ['stock/api'], to: [] },
      ],
    )
    await documentOf(tessera(words('resource remove urn:stock --yes --json')))
  })

  await t.test('the audit log tells who changed what', async (t) => {
    const rows = await query<{ event: string; actor: string; detail: string }>(
      instance,
      "select event, actor, detail from audit_events where event like 'resource%' and detail not like '%urn:stock%' order by happened_at",
    )
    t.strictSame(
      rows.map(({ event }) => event),
      ['added', 'updated', 'added', 'updated', 'updated', 'updated', 'removed', 'removed'].map(
        (done) => `resource_${done}`,
      ),
    )
    t.ok(rows.every(({ actor }) => actor.startsWith('cli:')))
    t.match(JSON.parse(rows[1]?.detail ?? ''), {
      resource: REPORTS,
      fields: { Name: { from: 'Reports', to: 'All reports' } },
    })
  })
})
