import t from 'tap'
import { newSecret, systemRandom } from '../../../src/lib/crypto/secrets.ts'
import { obtainCode } from '../../fixtures/clients/code-flow.ts'
import { startWorld } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'

/** How many bits of each byte are set. */
const ONES = Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length)

await t.test('CO-14: codes are 256 random bits: none twice, and no bit or byte favoured', async (t) => {
  const count = 100_000
  const values = new Set<string>()
  const bytes = new Array<number>(256).fill(0)
  let ones = 0
  for (let made = 0; made < count; made++) {
    const value = newSecret(systemRandom)
    values.add(value)
    for (const byte of Buffer.from(value, 'base64url')) {
      bytes[byte] = (bytes[byte] ?? 0) + 1
      ones += ONES[byte] ?? 0
    }
  }
  t.equal(values.size, count)
  t.ok([...values].every((value) => /^[\w-]{43}$/.test(value)))
  const [bits, each] = [count * 256, (count * 32) / 256]
  t.ok(Math.abs(ones - bits / 2) < 5 * (Math.sqrt(bits) / 2), `monobit: ${ones} of ${bits}`)
  const chi = bytes.reduce((sum, seen) => sum + (seen - each) ** 2 / each, 0)
  // 255 degrees of freedom: mean 255, standard deviation 22.6.
  t.ok(chi > 255 - 5 * 22.6 && chi < 255 + 5 * 22.6, `chi squared: ${chi}`)
  t.strictSame([...new Set([...values].map((value) => Buffer.from(value, 'base64url').length))], [32])
})

await t.test('CO-14: and codes through the front door are of that kind', async (t) => {
  const { instance } = await startWorld(t)
  const browser = createBrowser(instance.origin)
  const codes = new Set<string>()
  for (let made = 0; made < 200; made++) codes.add(await obtainCode(instance, {}, { browser }))
  t.equal(codes.size, 200)
  t.ok([...codes].every((value) => Buffer.from(value, 'base64url').length === 32))
})
