import t from 'tap'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import { basic, type HeaderFields } from '../../fixtures/clients/http.ts'
import { OTHER, SYNC } from '../../fixtures/instance/world.ts'

const SERVICE = { grant_type: 'client_credentials' } as const
const GUESSES = 1000
/** Wrong secrets of one app from one network that are looked at in a minute, unless the operator says otherwise. */
const LOOKED_AT = 60
const from = (address: string): HeaderFields => ({ 'x-forwarded-for': address })

await attackGroup(
  t,
  'D. Token endpoint: guessing',
  async ({ instance, attack }) => {
    const ask = async (headers: HeaderFields): Promise<number> =>
      (await requestToken(instance, SERVICE, headers)).status
    await attack(
      'TE-16',
      `${GUESSES} wrong secrets from one address: a minute's allowance is looked at, and the rest is turned away`,
      async (t) => {
        const statuses: number[] = []
        for (let sent = 0; sent < GUESSES; sent += 10) {
          const guesses = Array.from({ length: 10 }, (_, n) =>
            ask({ ...basic(SYNC, `a-guess-of-the-secret-number-${sent + n}`), ...from('192.0.2.1') }),
          )
          statuses.push(...(await Promise.all(guesses)))
        }
        const [looked, turned] = [401, 429].map((wanted) => statuses.filter((status) => status === wanted).length)
        t.equal((looked ?? 0) + (turned ?? 0), GUESSES, 'nothing else')
        // A minute may end in between, and ten are on their way at once.
        t.ok((looked ?? 0) >= LOOKED_AT && (looked ?? 0) <= 2 * (LOOKED_AT + 10), `${looked} were looked at`)
      },
      { slow: true },
    )
    await attack('TE-16', 'from there the right secret is turned away as well: it might be a guess', async (t) =>
      t.equal(await ask({ ...basic(SYNC), ...from('192.0.2.1') }), 429),
    )
    for (const address of ['192.0.2.2', '203.0.113.9', '2001:db8::1'])
      await attack(
        'TE-16',
        `the right secret from ${address} still works`,
        async (t) => t.equal(await ask({ ...basic(SYNC), ...from(address) }), 200),
        { changes: true, unrefused: true },
      )
    await attack('TE-16', 'other apps there are asked for their own secrets', async (t) =>
      t.equal(await ask({ ...basic(OTHER, 'a-wrong-secret-0123456789abcdefghij'), ...from('192.0.2.1') }), 401),
    )
  },
  { TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' },
)
