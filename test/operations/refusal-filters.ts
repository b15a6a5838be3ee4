import t from 'tap'
import { addTool, createAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { serviceToken } from '../fixtures/clients/endpoints.ts'
import { startWorld, WEB } from '../fixtures/instance/world.ts'

const { instance } = await startWorld(t)
await addTool(instance)
const START = instance.now()
const ENDPOINTS = ['/id/connect/token', '/id/connect/introspect', '/id/login', '/other/connect/token']

/** Ids tell what is refused: how many, by which error, at which endpoint; each a second after the one before. */
async function fill(): Promise<void> {
  const many = Array.from({ length: 2400 }, (_, index) => {
    const [error, status] = index % 3 === 0 ? (['invalid_client', 401] as const) : (['invalid_grant', 400] as const)
    const endpoint = ENDPOINTS[index % 4] ?? ''
    return {
      ...{ id: `r${index}`, at: START + index * 1000, endpoint, method: 'POST', status, error, description: 'x' },
      ...{ parameters: {}, detail: {}, app: index % 5 === 0 ? WEB : undefined, address: '192.0.2.1' },
    }
  })
  await instance.core.store.write(({ refusals }) => refusals.add(many))
}
await fill()
instance.advance(2400 * 1000)
const api = createAdminApi(instance, await serviceToken(instance, TOOL))

/** Of all, from the latest. */
const idsWhere = (matches: (index: number) => boolean): string[] =>
  Array.from({ length: 2400 }, (_, index) => 2399 - index)
    .filter(matches)
    .map((index) => `r${index}`)

const since = new Date(START + 2390 * 1000).toISOString()
const CASES: readonly (readonly [
  flags: string,
  query: Readonly<Record<string, string>>,
  matches: (index: number) => boolean,
])[] = [
  ['--error invalid_client', { error: 'invalid_client' }, (index) => index % 3 === 0],
  ['--status 400', { status: '400' }, (index) => index % 3 !== 0],
  ['--endpoint /id/login', { endpoint: '/id/login' }, (index) => index % 4 === 2],
  ['--endpoint /connect/token', { endpoint: '/connect/token' }, (index) => index % 4 === 0 || index % 4 === 3],
  [`--since ${since}`, { since }, (index) => index >= 2390],
  [
    `--app ${WEB} --error invalid_client --endpoint token`,
    { app: WEB, error: 'invalid_client', endpoint: 'token' },
    (index) => index % 5 === 0 && index % 3 === 0 && (index % 4 === 0 || index % 4 === 3),
  ],
  ['--error no_such', { error: 'no_such' }, () => false],
  ['--endpoint %', { endpoint: '%' }, () => false],
]

for (const [flags, query, matches] of CASES)
  await t.test(`refusals by ${flags}, in the command and in the API, page by page`, async (t) => {
    const expected = idsWhere(matches)
    const listed = (await documentOf(
      tesseraOn(instance)(words(`refusal list ${flags} --limit 10000 --json`)),
    )) as unknown
    t.strictSame(
      (listed as { id: string }[]).map(({ id }) => id),
      expected,
    )
    const ids: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const parameters = new URLSearchParams({ ...query, limit: '200', ...(cursor === '' ? {} : { cursor }) })
      const { status, json } = await api.get(`/refusals?${parameters}`)
      t.equal(status, 200)
      ids.push(...(json['items'] as { id: string }[]).map(({ id }) => id))
      cursor = json['next'] as string | null
    }
    t.strictSame(ids, expected)
  })

await t.test('what is no filter is refused', async (t) => {
  for (const [query, attribute] of [
    ['status=200', 'status'],
    ['status=4xx', 'status'],
    ['since=yesterday', 'since'],
  ] as const) {
    const { status, json } = await api.get(`/refusals?${query}`)
    t.equal(status, 400, query)
    t.strictSame(
      (json['errors'] as { attribute: string }[]).map((fault) => fault.attribute),
      [attribute],
    )
  }
  const tessera = tesseraOn(instance)
  for (const flags of ['--status 200', '--since yesterday']) {
    const { code, stderr } = await tessera(words(`refusal list ${flags}`))
    t.equal(code, 2, flags)
    t.match(stderr, /Expected a (number from 400 to 599|time such as)/)
  }
  const { stdout } = await tessera(words('refusal list --error no_such'))
  t.equal(stdout.trim(), 'No such request was refused.')
})
