import t, { type Test } from 'tap'
import { digest } from '../../../src/lib/crypto/secrets.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { documentOf, type Tessera, tesseraOn, words } from '../../fixtures/cli/cli.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import { eventually, until } from '../../fixtures/instance/eventually.ts'
import { type Instance, SECRET, startInstance } from '../../fixtures/instance/instance.ts'
import { query } from '../../fixtures/store/database.ts'

const APP = 'my.trusted.app/sync'
const HOUR = 3_600_000
const DAY = 24 * HOUR

interface ShownSecret {
  readonly Id: string
  readonly Label: string | null
  readonly ExpiresAt: string | null
  readonly LastUsedAt: string | null
}

async function start(t: Test): Promise<{ instance: Instance; tessera: Tessera }> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const svc = await instance.addUser({ login: 'svc', type: 'SystemUserNoLogin' })
  await instance.addApp({ applicationUri: APP, systemUserAllowed: true, systemUser: svc.id, scope: ['read'] })
  return { instance, tessera: tesseraOn(instance) }
}

const statusWith = async ({ issuer }: Instance, secret: string): Promise<number> =>
  (
    await requestToken(
      { issuer },
      {
        grant_type: 'client_credentials',
        client_id: APP,
        client_secret: secret,
      },
    )
  ).status

const secretsOf = async (tessera: Tessera): Promise<ShownSecret[]> =>
  (await documentOf(tessera(['app', 'show', APP, '--json'])))['Secrets'] as ShownSecret[]

const rotate = (tessera: Tessera, flags: string) =>
  documentOf(tessera(words(`app rotate-secret ${APP} ${flags} --json`)))

await t.test('a rotation with overlap refuses nobody', async (t) => {
  const { instance, tessera } = await start(t)
  const answers: number[] = []
  let current = SECRET
  let going = true
  const service = (async () => {
    while (going) answers.push(await statusWith(instance, current))
  })()
  const next = await rotate(tessera, '--overlap 7d --label "autumn 2026" --expires 90d')
  t.match(next, { client_id: APP, secret_label: 'autumn 2026' })
  t.match(Buffer.from(String(next['client_secret']), 'base64url').length, 32, '256 bits')
  const before = answers.length
  await until(() => answers.length >= before + 20)
  current = String(next['client_secret'])
  const changed = answers.length
  await until(() => answers.length >= changed + 20)
  going = false
  await service
  t.strictSame([...new Set(answers)], [200], `${answers.length} requests`)

  t.equal(await statusWith(instance, SECRET), 200, 'the old one is good during the overlap')
  // The command line has the time of day, the instance a clock of its own.
  instance.advance(7 * DAY + HOUR)
  t.equal(await statusWith(instance, SECRET), 401, 'and refused after it')
  t.equal(await statusWith(instance, current), 200)
  instance.advance(83 * DAY)
  t.equal(await statusWith(instance, current), 401, 'the new one ends when it was told to')
})

await t.test('two valid secrets at most, and only for a Confidential app', async (t) => {
  const { instance, tessera } = await start(t)
  await instance.addApp({ applicationUri: 'spa', clientType: 'Public' })
  const second = await rotate(tessera, '--overlap 1d')
  matchesWhole(t, await tessera(words(`app rotate-secret ${APP} --overlap 1d`)), {
    code: 1,
    stdout: '',
    stderr: /already has two valid secrets; wait until .*Z, remove one, or end both at once with: .* --overlap 0/,
  })
  t.equal(await statusWith(instance, String(second['client_secret'])), 200, 'nothing happened')
  const third = String((await rotate(tessera, ''))['client_secret'])
  t.equal(await statusWith(instance, SECRET), 401)
  t.equal(await statusWith(instance, String(second['client_secret'])), 401)
  t.equal(await statusWith(instance, third), 200)
  t.match(await tessera(words('app rotate-secret spa')), { code: 1, stderr: /only a Confidential app has a secret/ })
})

await t.test('a hash made elsewhere is pasted in, and nothing secret is printed', async (t) => {
  const { instance, tessera } = await start(t)
  const secret = 'made-in-the-vault-of-the-app-0123456789'
  const outcome = await tessera(words(`app rotate-secret ${APP} --overlap 1h --hash ${digest(secret)} --label vault`))
  t.match(outcome, { code: 0, stdout: /only its hash is stored here/ })
  t.notMatch(`${outcome.stdout}${outcome.stderr}`, /client_secret|shown only this once/)
  t.equal(await statusWith(instance, secret), 200)
  t.equal(await statusWith(instance, SECRET), 200)
  const refused: [string, number, RegExp][] = [
    ['abc', 2, /^--hash: is not a base64 SHA-256; create one with: printf/],
    [digest(secret).replace('=', ''), 2, /^--hash: is not a base64 SHA-256/],
    [digest(''), 2, /^--hash: is the hash of an empty secret/],
    [digest(secret), 1, /^my\S+ already has this secret/],
  ]
  for (const [hash, code, stderr] of refused)
    matchesWhole(t, await tessera(['app', 'rotate-secret', APP, '--hash', hash]), { code, stdout: '', stderr }, hash)
  t.match(await tessera(words(`app rotate-secret ${APP} --expires 0`)), {
    code: 2,
    stderr: /^--expires: is not in the future$/m,
  })
  t.match(await tessera([...words(`app rotate-secret ${APP} --label`), 'a\u0007b']), { code: 2, stderr: /^--label: / })
  t.match(await tessera(words(`app rotate-secret ${APP} --overlap 1h`)), {
    code: 1,
    stderr: /^my\S+ already has two valid secrets/,
  })
})

await t.test('when a secret was last used is noted, now and then', async (t) => {
  const { instance, tessera } = await start(t)
  const noted = async () => {
    const [row] = await query<{ last_used_at: number | null }>(instance, 'select last_used_at from app_secrets')
    return row?.last_used_at
  }
  const used = (wanted?: number) => eventually(noted, (at) => wanted === undefined || at === wanted)
  t.equal(await statusWith(instance, 'wrong'), 401)
  t.equal(await used(), null, 'never by a wrong one')
  await Promise.all(Array.from({ length: 20 }, () => statusWith(instance, SECRET)))
  const first = instance.now()
  t.equal(await used(first), first)
  instance.advance(5 * 60_000 - 1)
  await statusWith(instance, SECRET)
  t.equal(await used(), first, 'not again within five minutes')
  instance.advance(1)
  await statusWith(instance, SECRET)
  t.equal(await used(instance.now()), instance.now())
  const [shown] = await secretsOf(tessera)
  t.equal(shown?.LastUsedAt, new Date(instance.now()).toISOString())

  await t.test('and a database that cannot take it delays and fails nobody', async (t) => {
    const { store } = instance.core
    const trouble = store.write
    instance.advance(10 * 60_000)
    Object.assign(store, { write: () => Promise.reject(new Error('no room')) })
    t.equal(await statusWith(instance, SECRET), 200)
    Object.assign(store, { write: trouble })
    const warned = instance.log.filter(({ msg }) => msg === 'the last use of secrets could not be recorded')
    t.equal(warned.length, 1)
  })
})

await t.test('secrets are listed and removed one by one, and the audit log tells of each', async (t) => {
  const { instance, tessera } = await start(t)
  await rotate(tessera, '--overlap 1d --label next --expires 30d')
  const [next, old] = await secretsOf(tessera)
  matchesWhole(t, next, { Label: 'next', ExpiresAt: /Z$/, LastUsedAt: null })
  t.match((await tessera(['app', 'show', APP])).stdout, /\(next\): created .*Z, ends .*Z, never used$/m)
  t.match(await tessera(['app', 'remove-secret', APP, 'nope']), {
    code: 1,
    stderr: /does not have exactly one secret called "nope"/,
  })
  t.match(await documentOf(tessera(['app', 'remove-secret', APP, old?.Id.slice(0, 8) ?? '', '--json'])), {
    SecretId: old?.Id,
    removed: true,
  })
  t.equal(await statusWith(instance, SECRET), 401)
  t.match(await tessera(['app', 'remove-secret', APP, 'next']), { code: 2, stderr: /the only valid secret.*add --yes/ })
  t.match(await tessera(['app', 'remove-secret', APP, 'next', '--yes']), { code: 0 })
  t.strictSame(await secretsOf(tessera), [])
  const rows = await query<{ event: string; detail: string }>(
    instance,
    "select event, detail from audit_events where event like 'app_secret%' order by happened_at",
  )
  t.strictSame(
    rows.map(({ event, detail }) => [event, (JSON.parse(detail) as { secret: string }).secret]),
    [
      ['app_secret_added', next?.Id],
      ['app_secret_removed', old?.Id],
      ['app_secret_removed', next?.Id],
    ],
  )
})
