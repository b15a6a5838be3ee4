import t from 'tap'
import type { Answer } from '../fixtures/clients/http.ts'
import { ALIVE, createRelyingParty, DEAD, lifeOf, webApp } from '../fixtures/clients/relying-party.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { startInstance } from '../fixtures/instance/instance.ts'
import { callsOf, FAULTS, type Fault, withFault, wrapDriver } from '../fixtures/store/faulty-driver.ts'

// Every fault of the database, at every single call of its driver while a request is answered, rollback and commit included. The
// request is answered or gets 503; nothing is done by half, nobody else waits for it, and the same request is answered later.

t.teardown(wrapDriver())
const instance = await startInstance()
t.teardown(() => instance.close())
const APP = 'my.trusted.app/web'
await instance.addUser({ login: 'david' })
await instance.addApp({ ...webApp(APP), accessTokens: 'AuthenticatedUsers' })
const david = createRelyingParty(instance, { clientId: APP, login: 'david' })

// Each that lasts takes the two seconds on PostgreSQL for which a write is tried again.
const LASTING_AT = 4

/** Something that an app asks for, as often as one likes. */
interface Flow {
  readonly name: string
  /** Makes what is needed, and hands out the request and what is true once it is answered with 200. */
  readonly prepare: () => Promise<{ send: () => Promise<Answer>; proves: (answer: Answer) => Promise<string> }>
  readonly expected: string
}

const FLOWS: readonly Flow[] = [
  {
    name: 'a code is redeemed',
    async prepare() {
      const code = await david.obtainCode()
      return { send: () => david.redeem(code), proves: (answer) => lifeOf(david, tokensOf(answer)) }
    },
    expected: ALIVE,
  },
  {
    name: 'a refresh token is rotated',
    async prepare() {
      const { refresh_token: token } = await david.obtainTokens()
      return { send: () => david.refresh(token), proves: (answer) => lifeOf(david, tokensOf(answer)) }
    },
    expected: ALIVE,
  },
  {
    name: 'a token is revoked',
    async prepare() {
      const tokens = await david.obtainTokens()
      return { send: () => david.revoke(tokens.refresh_token), proves: () => lifeOf(david, tokens) }
    },
    expected: DEAD,
  },
  {
    name: 'a token is introspected',
    async prepare() {
      const { access_token: token } = await david.obtainTokens()
      return {
        send: () => david.introspect(token),
        proves: async ({ json }) => `active: ${json['active']}`,
      }
    },
    expected: 'active: true',
  },
]

/** What went wrong with one request that met a fault; nothing where all went as promised. */
async function failuresOf(flow: Flow, at: number, fault: Fault) {
  const { send, proves } = await flow.prepare()
  const { result, happened } = await withFault(at, fault, send)
  if (!happened) return { status: result.status, failures: [] }
  const where = `${flow.name}, ${fault.name} at call ${at}`
  if (![200, 503].includes(result.status)) return { status: result.status, failures: [`${where}: ${result.text}`] }
  const answer = result.status === 200 ? result : await send()
  const proved = answer.status === 200 ? await proves(answer) : answer.text
  return { status: result.status, failures: proved === flow.expected ? [] : [`${where}: ${proved}`] }
}

for (const flow of FLOWS)
  await t.test(`R-06: ${flow.name}, whichever call of the database fails`, async (t) => {
    // What is looked up once is looked up.
    await (await flow.prepare()).send()
    const { send } = await flow.prepare()
    const calls = await callsOf(send)
    t.ok(calls > 2, `${calls} calls`)
    const failures: string[] = []
    const statuses = new Map<string, number>()
    for (const fault of FAULTS)
      for (let at = 1; at <= calls; at += fault.lasts ? LASTING_AT : 1) {
        const outcome = await failuresOf(flow, at, fault)
        failures.push(...outcome.failures)
        if (outcome.status === 503) statuses.set(fault.name, (statuses.get(fault.name) ?? 0) + 1)
      }
    t.strictSame(failures, [])
    for (const { name } of FAULTS.filter(({ lasts }) => lasts))
      t.equal(statuses.get(name), Math.ceil(calls / LASTING_AT), `${name}: nothing is answered but 503`)
  })
