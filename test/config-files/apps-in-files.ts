import t from 'tap'
import { parse } from 'yaml'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { commandLine } from '../fixtures/cli/tessera-command.ts'

const SHOP = 'my.trusted.app/shop'
const [ONE, COMMA] = ['https://a.example/cb', 'https://a.example/cb?ids=1,2']
const PEOPLE = { ClientType: 'Public', ImpersonateAsInternalUserAllowed: true }
const DROPPED = `${SHOP}: Scope lists openid, offline_access: protocol scopes need no listing, and were left out of the record`

interface Shown {
  readonly apps: readonly Record<string, unknown>[]
}

await t.test('addresses with commas make the round trip, as lists and as text', async (t) => {
  const line = commandLine(t)
  for (const ImpersonateLoginUrl of [[COMMA, ONE], `${COMMA},${ONE}`, `${COMMA}, ${ONE}`]) {
    const app = { ApplicationUri: SHOP, ...PEOPLE, ImpersonateLoginUrl, ImpersonateLogoutUrl: [COMMA] }
    await line.run('apply', line.file('shop.json', { apps: [app] }))
    const { stdout: exported } = await line.run('export')
    const [shown] = (parse(exported) as Shown).apps
    matchesWhole(t, shown, { ImpersonateLoginUrl: [COMMA, ONE], ImpersonateLogoutUrl: [COMMA] })
    t.match((await line.run('plan', line.file('again.yaml', exported))).stdout, /^Nothing to change/)
    const elsewhere = commandLine(t)
    await elsewhere.run('apply', elsewhere.file('exported.yaml', exported))
    t.strictSame((parse((await elsewhere.run('export')).stdout) as Shown).apps, (parse(exported) as Shown).apps)
  }
  const wrong = { ApplicationUri: SHOP, ...PEOPLE, ImpersonateLoginUrl: ['https://a.example/,https://b.example/'] }
  const refused = await line.run('plan', line.file('wrong.json', { apps: [wrong] }))
  t.match(refused, { stderr: /ImpersonateLoginUrl: .* nor have one before what reads as another URI/ })
})

await t.test(
  'protocol scopes are dropped with a warning: by plan and apply, each time, and change nothing',
  async (t) => {
    const line = commandLine(t)
    const app = { ApplicationUri: SHOP, ...PEOPLE, ImpersonateLoginUrl: ONE, Scope: 'openid read offline_access' }
    const file = line.file('shop.json', { apps: [app] })
    const planned = await line.run('plan', file, '--json')
    matchesWhole(t, JSON.parse(planned.stdout), {
      warnings: [DROPPED],
      changes: [{ fields: { Scope: { to: 'read' } } }],
    })
    t.match((await line.run('apply', file)).stderr, `warning: ${DROPPED}\n`)
    const again = await line.run('apply', file, '--json')
    t.strictSame(JSON.parse(again.stdout), { changes: [], warnings: [DROPPED] })
  },
)

await t.test('RequirePkce: true for a new app; a file that does not say it leaves it as it is', async (t) => {
  const line = commandLine(t)
  const app = { ApplicationUri: SHOP, ...PEOPLE, ClientType: 'Confidential', ImpersonateLoginUrl: ONE }
  const apply = (more: object) => line.run('apply', line.file('shop.json', { apps: [{ ...app, ...more }] }))
  const required = async () => (parse((await line.run('export')).stdout) as Shown).apps[0]?.['RequirePkce']
  await apply({})
  t.equal(await required(), true)
  await apply({ RequirePkce: false })
  t.equal(await required(), false)
  const plan = await line.run('plan', line.file('shop.json', { apps: [app] }))
  t.match(plan.stdout, /^Nothing to change/)
  await apply({ Name: 'Renamed' })
  t.equal(await required(), false, 'an existing app is not changed silently')
})
