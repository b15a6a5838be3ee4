import t from 'tap'
import { startAdminApi } from '../fixtures/admin/admin.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { authorizeUrl } from '../fixtures/clients/endpoints.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { alter } from '../fixtures/store/database.ts'

const { instance } = await startWorld(t)
const api = await startAdminApi(instance)
const tessera = tesseraOn(instance)

/** One host in its spellings. @see RFC 5890 §2.3.2.1 */
const HOSTS: readonly (readonly [letters: string, ascii: string, ...mixed: string[]])[] = [
  ['bücher.example', 'xn--bcher-kva.example'],
  ['bücher.пример', 'xn--bcher-kva.xn--e1afmkfd', 'bücher.xn--e1afmkfd', 'xn--bcher-kva.пример'],
]
const pairsOf = (spellings: readonly string[]) =>
  spellings.flatMap((own) => spellings.filter((other) => other !== own).map((other) => [own, other] as const))

let people = 0

async function status(username: string, password: string): Promise<number> {
  const browser = createBrowser(instance.origin)
  const page = await browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
  return (await browser.submit(page, 'login-submit', { username, password })).status
}

for (const spellings of HOSTS)
  for (const [own, other] of pairsOf(spellings))
    await t.test(`an address at ${own} is that at ${other}`, async (t) => {
      people += 1
      const login = `owner${people}`
      const [email, same] = [`${login}@${own}`, `${login}@${other}`]
      const { id } = await instance.addUser({ login, email })
      const taken = `is taken by ${login}`
      for (const spelling of [same, same.toUpperCase(), email]) {
        const made = await api.post('/users', { login: 'second', type: 'InternalUser', email: spelling })
        t.ok(made.status === 409 && made.text.includes(taken), `API: ${made.text}`)
        const line = await tessera(['user', 'add', 'second', '--email', spelling])
        t.ok(line.code !== 0 && line.stderr.includes(taken), `command line: ${line.stderr}`)
        const named = await tessera(['user', 'add', spelling])
        t.ok(named.code !== 0 && named.stderr.includes(taken), `as a login: ${named.stderr}`)
        const file = await tessera(['apply', '-'], JSON.stringify({ users: [{ login: 'second', email: spelling }] }))
        t.ok(file.code !== 0 && file.stderr.includes(taken), `file: ${file.stderr}`)
        const shown = await tessera(['user', 'show', spelling, '--json'])
        t.equal((JSON.parse(shown.stdout) as { id: string }).id, id)
        t.equal(await status(spelling, PASSWORD), 200, `${spelling} signs in`)
      }
      t.match(JSON.parse((await tessera(['user', 'show', login, '--json'])).stdout), { email }, 'as it was written')
    })

await t.test('guesses under all spellings count together', async (t) => {
  const spellings = HOSTS[1] ?? ['', '']
  const statuses = []
  for (let turn = 0; turn < 11; turn++)
    statuses.push(await status(`nobody@${spellings[turn % spellings.length]}`, 'a wrong password'))
  t.strictSame(statuses, [...Array<number>(10).fill(401), 429])
})

await t.test('two accounts of before, one for each spelling, are found by the very one', async (t) => {
  const [letters, ascii] = HOSTS[0] ?? ['', '']
  const [first, second] = [`old@${letters}`, `old@${ascii}`]
  const one = await instance.addUser({ login: 'old-one', email: first })
  const two = await instance.core.store.write(({ users }) =>
    users.add({ login: 'old-two', type: 'InternalUser', email: second }, undefined, instance.now()),
  )
  for (const [email, { id }] of [
    [first, one],
    [second, two],
  ] as const) {
    t.equal((JSON.parse((await tessera(['user', 'show', email, '--json'])).stdout) as { id: string }).id, id)
    t.equal((await tessera(['user', 'update', email, '--given-name', 'Old'])).code, 0, 'and can be changed')
  }
})

await t.test('an account that an earlier version found by a mixture alone is found by all again', async (t) => {
  const [letters, ascii, mixed] = HOSTS[1] ?? []
  const { id } = await instance.addUser({ login: 'mixed', email: `before@${mixed}` })
  await alter(instance, `update user_identifiers set identifier = 'before@${mixed}' where identifier like 'before@%'`)
  const check = await tessera(['db', 'check'])
  t.match(
    check.stdout,
    /failed +identifiers +1 user is not found by their login or e-mail, among them [\s\S]*db migrate/,
  )
  t.equal((await tessera(['db', 'migrate'])).code, 0)
  for (const host of [letters, ascii, mixed]) {
    const { stdout } = await tessera(['user', 'show', `before@${host}`, '--json'])
    t.equal((JSON.parse(stdout) as { id: string }).id, id)
  }
})

await t.test('two records of a file are one account', async (t) => {
  for (const pair of pairsOf(HOSTS[1] ?? [])) {
    const users = pair.map((host) => ({ login: `x@${host}` }))
    const plan = await tessera(['plan', '-'], JSON.stringify({ users }))
    t.not(plan.code, 0, plan.stdout)
  }
})

await t.test(
  'what is no host name after @ is another account, whatever a parser of URLs would make of it',
  async (t) => {
    const logins = [
      'till@7',
      'till@07',
      'till@0.0.0.7',
      'ops@realm',
      'ops@realm/b',
      'ops@realm?x',
      'ops@realm#2',
      'ops@r%65alm',
    ]
    for (const login of logins) {
      const answer = await api.post('/users', { login, type: 'InternalUser' })
      t.equal(answer.status, 201, `${login}: ${answer.text}`)
    }
    for (const login of logins) {
      const { stdout } = await tessera(['user', 'show', login, '--json'])
      t.equal((JSON.parse(stdout) as { login: string }).login, login)
    }
  },
)
