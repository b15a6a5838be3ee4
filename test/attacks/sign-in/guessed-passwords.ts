import t from 'tap'
import { attackGroup, canary } from '../../fixtures/attacks/attacks.ts'
import { authorizeUrl, requestServiceToken } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import { SYNC, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { atSignIn } from '../../fixtures/sign-in/sign-in.ts'

const WRONG = canary('guessed-password')
// Fewer than usual: each that is let through costs a hash.
const MOST = 5
const FEW = { TESSERA_LIMIT_SIGN_IN: String(MOST) }
const failed = (times: number): number[] => Array.from({ length: times }, () => 401)

type HeaderAt = (turn: number) => Readonly<Record<string, string>>

/** What a client says of where it comes from, another thing each time. */
const MADE_UP: Readonly<Record<string, HeaderAt>> = {
  'X-Forwarded-For': (turn) => ({ 'x-forwarded-for': `198.51.100.${turn}` }),
  Forwarded: (turn) => ({ forwarded: `for=198.51.100.${turn};proto=https;host=evil.test` }),
  'X-Real-IP': (turn) => ({ 'x-real-ip': `198.51.100.${turn}` }),
  'headers of content networks': (turn) => ({
    'cf-connecting-ip': `198.51.100.${turn}`,
    'true-client-ip': `198.51.100.${turn}`,
    'x-client-ip': `198.51.100.${turn}`,
    'x-cluster-client-ip': `198.51.100.${turn}`,
    'x-originating-ip': `198.51.100.${turn}`,
  }),
  'the value a': () => ({ 'x-forwarded-for': 'a', forwarded: 'a', 'x-real-ip': 'a' }),
  'this machine': (turn) => ({ 'x-forwarded-for': `127.0.0.${turn}`, 'x-real-ip': '::1' }),
  'a thousand hops': (turn) => ({ 'x-forwarded-for': Array.from({ length: 1000 }, () => `10.0.0.${turn}`).join() }),
}

/** Signs in from an address, or from another one each time, as if it were at the other end of the connection. */
async function fromAddress(instance: Instance, address: string) {
  const { browser, action, post } = await atSignIn(instance)
  const cookie = await browser.jar.getCookieString(instance.origin)
  return async (
    username: string,
    headers: Readonly<Record<string, string>> = {},
    remoteAddress = address,
  ): Promise<number> => {
    const { method, headers: own, body } = post(username, WRONG, headers)
    const { host, pathname, search } = new URL(action)
    const sent = { ...own, host, cookie }
    const answer = await instance.server.inject({
      method: method as 'POST',
      url: `${pathname}${search}`,
      headers: sent,
      payload: body,
      remoteAddress,
    })
    return answer.statusCode
  }
}

const addressesOf = (instance: Instance): Set<unknown> =>
  new Set(
    instance.log
      .map(({ audit }) => audit as { event?: string; address?: string } | undefined)
      .filter((audit) => audit?.event?.startsWith('sign_in_'))
      .map((audit) => audit?.address),
  )

await attackGroup(
  t,
  'G. Sign-in: guessing, no proxy declared',
  async ({ instance, attack }) => {
    await attack(
      'LG-12',
      '200 guesses at once: at most 10 are checked, the rest refused',
      async (t) => {
        const { enter } = await atSignIn(instance)
        const before = instance.log.length
        const views = await Promise.all(Array.from({ length: 200 }, () => enter('david', WRONG)))
        const count = (wanted: number): number => views.filter(({ status }) => status === wanted).length
        t.equal(count(401), 10, 'checked')
        t.equal(count(429) + count(503), 190, 'refused')
        const checked = instance.log.slice(before).filter(({ audit }) => {
          return (audit as { event?: string } | undefined)?.event === 'sign_in_failed'
        })
        t.equal(checked.length, 10)
        for (const { status, headers } of views)
          if (status === 429 || status === 503) t.ok(Number(headers.get('retry-after')) > 0)
      },
      { slow: true, unavailable: true },
    )

    for (const [at, [name, headerAt]] of Object.entries(MADE_UP).entries()) {
      await attack('LG-16', `${name}: one name has ten attempts all the same`, async (t) => {
        const enter = await fromAddress(instance, '203.0.113.1')
        const statuses = []
        for (let turn = 0; turn < 11; turn++)
          statuses.push(await enter(`somebody-${at}`, headerAt(turn), `203.0.113.${20 * at + turn}`))
        t.strictSame(statuses, [...failed(10), 429])
      })
      await attack('LG-16', `${name}: one address has its few attempts all the same`, async (t) => {
        const enter = await fromAddress(instance, `192.0.2.${at + 1}`)
        const statuses = []
        for (let turn = 0; turn <= MOST; turn++) statuses.push(await enter(`anybody-${at}-${turn}`, headerAt(turn)))
        t.strictSame(statuses, [...failed(MOST), 429])
      })
    }
    await attack('LG-16', 'a proxy on this machine is one address, whatever it says', async (t) => {
      const { enter } = await atSignIn(instance)
      const statuses = []
      for (let turn = 0; turn <= MOST; turn++)
        statuses.push((await enter(`behind-${turn}`, WRONG, { 'x-forwarded-for': `198.51.100.${turn}` })).status)
      t.strictSame(statuses, [...failed(MOST), 429])
    })
    await attack('LG-16', 'what is written down of an attempt is the address of the connection', async (t) => {
      await (await fromAddress(instance, '192.0.2.99'))('anybody', MADE_UP['X-Forwarded-For']?.(1))
      const told = [...addressesOf(instance)].map(String)
      t.ok(told.includes('192.0.2.99'))
      t.strictSame(
        told.filter((address) => /^(198\.51\.100|10\.0\.0)\./.test(address) || address === 'a'),
        [],
      )
    })
    await attack(
      'LG-16',
      '10,000 hops are more than a request may have',
      async (t) => {
        const enter = await fromAddress(instance, '192.0.2.100')
        const hops = Array.from({ length: 10_000 }, () => '10.0.0.1').join()
        t.equal(await enter('anybody-else', { 'x-forwarded-for': hops }), 401, 'past the parser they are ignored')
        const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
        t.equal((await fetch(url, { headers: { 'x-forwarded-for': hops } })).status, 431)
      },
      { unparsed: true },
    )
  },
  FEW,
)

const PROXY = { ...FEW, TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' }

await attackGroup(
  t,
  'G. Sign-in: guessing through a proxy',
  async ({ instance, attack }) => {
    // The proxy adds the address it sees; all before it is what the client made up.
    let network = 0
    for (const [name, headerAt] of Object.entries(MADE_UP)) {
      const seen = `2001:db8:0:${++network}::`
      await attack('LG-16', `${name}: made up before the proxy adds the address it sees`, async (t) => {
        const { enter } = await atSignIn(instance)
        const statuses = []
        for (let turn = 0; turn <= MOST; turn++) {
          const made = headerAt(turn)
          const hops = [made['x-forwarded-for'], `${seen}${turn}`].filter((hop) => hop !== undefined).join(', ')
          const view = await enter(`name-${network}-${turn}`, WRONG, { ...made, 'x-forwarded-for': hops })
          statuses.push(view.status)
        }
        t.strictSame(statuses, [...failed(MOST), 429])
      })
    }
    await attack('LG-16', 'an address that is no proxy of ours speaks for itself alone', async (t) => {
      const enter = await fromAddress(instance, '192.0.2.7')
      const statuses = []
      for (let turn = 0; turn <= MOST; turn++)
        statuses.push(await enter(`stranger-${turn}`, { 'x-forwarded-for': `198.51.100.${turn}` }))
      t.strictSame(statuses, [...failed(MOST), 429])
    })
    await attack(
      'LG-15',
      'one guess each at 200 names from one network: its few are looked at, and others go on',
      async (t) => {
        const { enter } = await atSignIn(instance)
        const from = (address: string, username: string) => enter(username, WRONG, { 'x-forwarded-for': address })
        const statuses = []
        for (let turn = 0; turn < 200; turn++) statuses.push((await from('203.0.113.5', `stuffed-${turn}`)).status)
        t.strictSame(
          [statuses.filter((status) => status === 401).length, statuses.slice(MOST).every((status) => status === 429)],
          [MOST, true],
        )
        t.equal((await from('203.0.113.6', 'stuffed-31')).status, 401, 'a name that was not looked at is not locked')
        const service = await requestServiceToken(instance, {
          ...basic(SYNC),
          'x-forwarded-for': '203.0.113.5',
        })
        t.equal(service.status, 200, 'nor is an app in that network')
      },
    )
  },
  PROXY,
)
