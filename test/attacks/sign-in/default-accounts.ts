import t from 'tap'
import { documentOf, tesseraOn, words } from '../../fixtures/cli/cli.ts'
import { PASSWORD, startInstance } from '../../fixtures/instance/instance.ts'
import { WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { atSignIn, isPastSignIn } from '../../fixtures/sign-in/sign-in.ts'

await t.test('LG-25: nobody is there by default, and who was removed stays away', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await instance.addApp({
    applicationUri: WEB,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [WEB_REDIRECT],
  })
  const tessera = tesseraOn(instance)
  const users = (): Promise<unknown> => documentOf(tessera(words('user list --json')))
  t.strictSame(await users(), [])
  for (const [username, password] of [
    ['admin', 'admin'],
    ['admin', 'password'],
    ['admin', 'tessera'],
    ['administrator', 'admin'],
    ['root', 'root'],
    ['tessera', 'tessera'],
    ['system', 'system'],
  ] as const)
    t.equal((await (await atSignIn(instance)).enter(username, password)).status, 401, username)

  const added = words('user add root --type InternalUser --admin --password-stdin --json')
  await documentOf(tessera(added, PASSWORD))
  t.ok(isPastSignIn(await (await atSignIn(instance)).enter('root', PASSWORD)))
  t.equal((await tessera(words('user remove root --yes --json'))).code, 0)
  const restarted = await instance.restart()
  t.strictSame(await users(), [])
  t.equal((await (await atSignIn(restarted)).enter('root', PASSWORD)).status, 401)
  await restarted.server.close()
})
