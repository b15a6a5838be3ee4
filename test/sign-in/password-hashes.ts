import { hash } from '@node-rs/argon2'
import t from 'tap'
import { createPasswords } from '../../src/lib/crypto/passwords.ts'
import { logHoldsNoSecret } from '../fixtures/answers/refusals.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { documentOf, tesseraOn } from '../fixtures/cli/cli.ts'
import { obtainTokens, refresh } from '../fixtures/clients/code-flow.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { atSignIn, isPastSignIn } from '../fixtures/sign-in/sign-in.ts'
import { query } from '../fixtures/store/database.ts'

const OWN_COST = '$argon2id$v=19$m=19456,t=2,p=1$'
const { instance } = await startWorld(t, {}, { passwords: createPasswords() })
noteSecret(PASSWORD)

const hashOf = async (login: string): Promise<string> => {
  const [row] = await query<{ password_hash: string }>(
    instance,
    'select password_hash from users where login = ?',
    login,
  )
  return row?.password_hash ?? ''
}
const signsIn = async (login: string, password: string, browser = createBrowser(instance.origin)) =>
  isPastSignIn(await (await atSignIn(instance, browser)).enter(login, password))

await t.test(
  'LG-10: a hash that came with another cost is made anew by the first sign-in, which ends nothing',
  async (t) => {
    for (const [login, cost] of [
      ['cheap', { memoryCost: 1024, timeCost: 1 }],
      ['dear', { memoryCost: 32_768, timeCost: 3 }],
    ] as const) {
      const passwordHash = await hash(PASSWORD, { ...cost, parallelism: 1, outputLen: 32 })
      const files = JSON.stringify({ users: [{ login, passwordHash }] })
      await documentOf(tesseraOn(instance)(['apply', '-', '--json'], files))
      t.equal(await hashOf(login), passwordHash, 'as it came')
      t.notOk(await signsIn(login, 'another password'))
      t.equal(await hashOf(login), passwordHash, 'a wrong password is no reason')

      const { refresh_token } = await obtainTokens(instance, {}, { login })
      const renewed = await hashOf(login)
      t.ok(renewed.startsWith(OWN_COST), renewed.slice(0, 40))
      t.equal((await refresh(instance, refresh_token)).status, 200, 'what the sign-in gave goes on')
      t.ok(await signsIn(login, PASSWORD))
      t.notOk(await signsIn(login, 'another password'))
      t.equal(await hashOf(login), renewed, 'once')
      const again = await tesseraOn(instance)(['apply', '-'], files)
      t.strictSame([again.code, again.stderr], [0, ''], 'the file is no other password')
      t.equal(await hashOf(login), renewed)
    }
  },
)

await t.test('a hash of our own stays as it is', async (t) => {
  const before = await hashOf('david')
  t.ok(before.startsWith(OWN_COST))
  t.ok(await signsIn('david', PASSWORD))
  t.equal(await hashOf('david'), before)
})

await t.test('a password that was set meanwhile wins', async (t) => {
  const before = await hashOf('anna')
  await instance.core.store.write(async ({ users }) => {
    const { user } = (await users.findByIdentifier('anna')) ?? {}
    await users.renewPasswordHash(user?.id ?? '', 'a hash from before', 'a hash of the old password')
  })
  t.equal(await hashOf('anna'), before)
  logHoldsNoSecret(t, instance)
})
