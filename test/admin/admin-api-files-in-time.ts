import t, { type Test } from 'tap'
import type { Passwords } from '../../src/lib/crypto/passwords.ts'
import type { Store } from '../../src/store/store.ts'
import { type AdminApi, isProblem, startAdminApi } from '../fixtures/admin/admin.ts'
import type { Answer } from '../fixtures/clients/http.ts'
import { startInstance } from '../fixtures/instance/instance.ts'
import { cheapPasswords } from '../fixtures/instance/passwords.ts'

const PASSWORD = 'correct horse battery staple'

/** Holds up what comes to it until it is opened. */
function gate() {
  let open: () => void = () => undefined
  let arrive: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const reached = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const pass = (): Promise<void> => {
    arrive()
    return opened
  }
  return { reached, open, pass }
}

const passwordsBehind = (pass: () => Promise<void>): Passwords => ({
  ...cheapPasswords,
  hash: async (password) => {
    await pass()
    return cheapPasswords.hash(password)
  },
})

const usersOf = (count: number, member: object) => ({
  document: { users: Array.from({ length: count }, (_, index) => ({ login: `person${index}`, ...member })) },
  variables: { PASSWORD },
})
const WITH_PASSWORD = usersOf(2, { password: `\${PASSWORD}` })
const SETTING = { document: { settings: { AuditRetention: '365d' } } }
const apply = (admin: AdminApi, body: object) => admin.call('POST', '/apply', body, { 'if-match': '*' })

function isBusy(t: Test, { status, json, headers, text }: Answer, what = ''): void {
  t.equal(status, 503, `${what} ${text}`)
  t.match(json, { status: 503, detail: /nothing was changed; try again/ }, what)
  t.match(headers.get('retry-after'), /^\d+$/, what)
}

await t.test('what was answered 503 is not applied afterwards', async (t) => {
  const hashing = gate()
  const instance = await startInstance({ timeouts: { handler: 1000 }, passwords: passwordsBehind(hashing.pass) })
  t.teardown(() => instance.close())
  const admin = await startAdminApi(instance)

  const first = apply(admin, WITH_PASSWORD)
  await hashing.reached
  isBusy(t, await apply(admin, SETTING), 'who waits in line is answered when their time is over')
  hashing.open()
  isBusy(t, await first, 'its time was over before')
  t.equal(await instance.core.store.read.users.findByIdentifier('person0'), undefined)
  t.equal((await apply(admin, SETTING)).status, 200, 'the next has its turn')
})

await t.test('the time is looked at last of all inside the transaction', async (t) => {
  const writing = gate()
  const through = (store: Store): Store => ({
    ...store,
    writeStagedInTurn: async (records, unit) => {
      await writing.pass()
      return store.writeStagedInTurn(records, unit)
    },
  })
  const instance = await startInstance({ timeouts: { handler: 1000 }, through })
  t.teardown(() => instance.close())
  const admin = await startAdminApi(instance)

  const first = apply(admin, WITH_PASSWORD)
  await writing.reached
  isBusy(t, await apply(admin, SETTING))
  writing.open()
  isBusy(t, await first)
  t.equal(await instance.core.store.read.users.findByIdentifier('person0'), undefined)
})

await t.test('a line that is full is not waited in', async (t) => {
  const hashing = gate()
  const instance = await startInstance({ passwords: passwordsBehind(hashing.pass) })
  t.teardown(() => instance.close())
  const admin = await startAdminApi(instance)

  const first = apply(admin, WITH_PASSWORD)
  await hashing.reached
  const others = Array.from({ length: 5 }, () => apply(admin, SETTING))
  isBusy(t, await Promise.race(others))
  hashing.open()
  t.equal((await first).status, 200)
  const answers = await Promise.all(others)
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 503])
})

await t.test('a request holds fifty passwords at most, and as many hashes as fit in', async (t) => {
  let hashed = 0
  const counting = passwordsBehind(async () => {
    hashed += 1
  })
  const instance = await startInstance({ passwords: counting })
  t.teardown(() => instance.close())
  const admin = await startAdminApi(instance)

  const tooMany = usersOf(51, { password: `\${PASSWORD}` })
  const expected = {
    status: 422,
    type: 'impossible-record',
    errors: [
      'files: hold 51 passwords, and one request may hold 50: give argon2id hashes as passwordHash, or use tessera apply',
    ],
  }
  isProblem(t, instance, await admin.post('/plan', tooMany), expected)
  isProblem(t, instance, await apply(admin, tooMany), expected)
  t.equal(hashed, 0, 'before any is hashed')
  const hashes = usersOf(51, { passwordHash: await cheapPasswords.hash(PASSWORD) })
  t.equal((await apply(admin, hashes)).status, 200)
})
