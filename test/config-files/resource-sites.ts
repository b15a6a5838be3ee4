import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { documentOf, words } from '../fixtures/cli/cli.ts'
import { placeOf } from '../fixtures/instance/place.ts'
import { onPostgres } from '../fixtures/store/postgres.ts'

const SITE = {
  SiteType: 'ERP',
  SiteUrl: 'https://erp.example.com/api',
  SiteProperties: { ODataServiceRoot: 'https://erp.example.com/api/odata', Version: 'a=b' },
}

await t.test('where an API is: commands and files say the same', async (t) => {
  const place = placeOf(t)
  const { tessera } = place
  const run = (line: string) => tessera(words(line))
  const shown = () => documentOf(run('resource show DomainAPI --json'))

  t.match(
    await documentOf(
      run(
        `resource update DomainAPI --site-type ERP --site-url ${SITE.SiteUrl} --site-property Version=a=b --site-property ODataServiceRoot=${SITE.SiteProperties.ODataServiceRoot} --json`,
      ),
    ),
    SITE,
  )
  t.match((await run('resource show DomainAPI')).stdout, /SiteUrl +https:\/\/erp\.example\.com\/api$/m)
  await documentOf(run('resource add https://bi.example.com --scope bi --site-url https://bi.example.com/v1 --json'))
  t.match(await documentOf(run('resource show https://bi.example.com --json')), {
    SiteType: 'API',
    SiteUrl: 'https://bi.example.com/v1',
    SiteProperties: undefined,
  })
  if (!onPostgres) t.equal((await run('db check')).code, 0)

  const { stdout } = await run('export --json')
  const other = placeOf(t)
  const file = join(other.folder, 'exported.json')
  writeFileSync(file, stdout)
  t.equal((await other.tessera(['apply', file])).code, 0)
  t.equal((await other.tessera(words('export --json'))).stdout, stdout, 'elsewhere it makes the same')

  await documentOf(run('resource update DomainAPI --remove-site-property Version --json'))
  t.strictSame((await shown())['SiteProperties'], { ODataServiceRoot: SITE.SiteProperties.ODataServiceRoot })
  await documentOf(run('resource update DomainAPI --scope "read=See orders" --json'))
  t.equal((await shown())['SiteUrl'], SITE.SiteUrl, 'other changes leave it')
  await documentOf(run('resource update DomainAPI --remove-site --json'))
  t.equal((await shown())['SiteUrl'], undefined)
  t.match((await run('audit list --json')).stdout, /"SiteUrl":\s*\{\s*"from":\s*"https:\/\/erp/)
})

await t.test('doctor names the APIs that auto-discovery does not list', async (t) => {
  const { tessera } = placeOf(t)
  const run = (line: string) => tessera(words(line))
  const line = async () =>
    (await run('doctor --no-online')).stdout.split('\n').find((one) => / auto-discovery /.test(one))
  t.match(
    await line(),
    /^ok +auto-discovery +does not list DomainAPI: no SiteUrl says where it is \(tessera resource update DomainAPI --site-url URL\)$/,
  )
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await run(`resource add urn:${name} --scope ${name}`)
  await run('resource add https://bi.example.com --scope bi')
  t.match(await line(), /does not list DomainAPI, urn:a, urn:b, urn:c, urn:d, 2 more: no SiteUrl says where they are/)
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await run(`resource remove urn:${name} --yes`)
  await run('resource update DomainAPI --site-url https://erp.example.com')
  t.equal(await line(), undefined, 'an identifier that is an address needs no other')
})

await t.test('what cannot be told to everybody is refused with the reason', async (t) => {
  const place = placeOf(t)
  for (const [flags, reason] of [
    ['--site-url ftp://erp.example.com', /SiteUrl: must be an http or https URL/],
    ['--site-url https://david:secret@erp.example.com', /SiteUrl: must not contain a user name or password/],
    ['--site-url https://erp.example.com/#x', /SiteUrl: must not have a fragment/],
    ['--site-url https://erp.example.com --site-type "<b>"', /SiteType: must be 1 to 64 letters/],
    ['--site-url https://erp.example.com --site-property Scope=x', /SiteProperties: must not name Scope/],
    ['--site-url https://erp.example.com --site-property 1=x', /SiteProperties: must have names/],
    ['--site-url https://erp.example.com --site-property ODataServiceRoot', /--site-property: .* write NAME=VALUE/],
    ['--site-type ERP', /--site-url: says where it is/],
    ['--site-url https://erp.example.com --remove-site', /--remove-site: takes no other flag/],
  ] as const) {
    const { code, stderr } = await place.tessera(words(`resource update DomainAPI ${flags}`))
    t.equal(code, 2, flags)
    t.match(stderr, reason)
  }
  const file = join(place.folder, 'faults.json')
  const resource = { Identifier: 'https://bi.example.com', Scopes: ['bi'] }
  for (const [fields, reason] of [
    [{ SiteType: 'ERP' }, /SiteType.*needs a SiteUrl beside it/],
    [{ SiteUrl: 1 }, /SiteUrl.*expects a text/],
    [{ SiteUrl: 'https://bi.example.com', SiteProperties: ['x'] }, /SiteProperties.*expects texts by name/],
    [{ SiteUrl: 'ftp://bi.example.com' }, /SiteUrl.*must be an http or https URL/],
  ] as const) {
    writeFileSync(file, JSON.stringify({ resources: [{ ...resource, ...fields }] }))
    const { code, stderr, stdout } = await place.tessera(['apply', file])
    t.not(code, 0)
    t.match(stderr + stdout, reason)
  }
})
