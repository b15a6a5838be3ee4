// SQLite alone: it asks no database.
import t from 'tap'
import { createRarely } from '../../src/lib/flow/rarely.ts'
import { createAppKeys } from '../../src/oauth/client-auth/app-keys.ts'

const KEY = {
  kty: 'EC',
  crv: 'P-256',
  alg: 'ES256',
  use: 'sig',
  // RFC 7517 A.1
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
}

await t.test('of names that are noted, ten thousand are kept; the one noted longest ago goes first', async (t) => {
  const isTime = createRarely(() => 0, 1)
  const names = Array.from({ length: 10_000 }, (_, at) => `name ${at}`)
  t.ok(names.every((name) => isTime(name)))
  t.notOk(isTime('name 0'), 'asked about, which does not make it newer')
  t.ok(isTime('one more'))
  t.notOk(isTime('name 1'))
  t.ok(isTime('name 0'), 'was forgotten')
})

await t.test(
  'of apps whose keys are fetched, a thousand are kept; the one unused for longest goes first',
  async (t) => {
    const fetched: string[] = []
    const keys = createAppKeys({
      fetchText: async (uri) => {
        fetched.push(uri)
        return JSON.stringify({ keys: [KEY] })
      },
      whileOutside: (_source, work) => work(),
      clock: () => 0,
    })
    const find = (at: number) => {
      const uri = `https://app${at}.example/jwks`
      return keys.find({ applicationUri: `app${at}`, jwks: undefined, jwksUri: uri })
    }
    for (let at = 0; at < 1000; at++) await find(at)
    await find(0)
    t.equal(fetched.length, 1000)
    await find(1000)
    await find(0)
    t.equal(fetched.length, 1001, 'the first is kept, for it was used')
    await find(1)
    t.equal(fetched.at(-1), 'https://app1.example/jwks', 'the second was forgotten')
    t.equal(fetched.length, 1002)
  },
)
