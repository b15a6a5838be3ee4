import t from 'tap'
import { asserting, assertionClaims, jwksOf, makeKey, signAs } from '../../fixtures/clients/app-keys.ts'
import { authorizeUrl, requestToken } from '../../fixtures/clients/endpoints.ts'
import { send } from '../../fixtures/clients/http.ts'
import { createRelyingParty } from '../../fixtures/clients/relying-party.ts'
import { refusalOf } from '../../fixtures/clients/tokens.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { alter } from '../../fixtures/store/database.ts'

/** Turns a value of every app's record into what no command would write. */
const damage = (instance: Instance, name: string, value: string, damaged: string) =>
  alter(
    instance,
    `update trusted_applications set registration = replace(registration, '"${name}":"${value}"', '"${name}":"${damaged}"')`,
  )

await t.test('an app whose ClientType is damaged uses no flow, and sending nothing proves nothing', async (t) => {
  const { instance } = await startWorld(t)
  const david = createRelyingParty(instance, { clientId: WEB, login: 'david' })
  const code = await david.obtainCode()
  await damage(instance, 'clientType', 'Confidential', 'confidential')
  const refusal = '400 unauthorized_client: the app is registered as a note only and cannot use any flow'
  t.equal(refusalOf(await david.redeem(code, { client_secret: undefined })), refusal)
  t.equal(refusalOf(await david.redeem(code)), refusal)
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  t.equal((await send(url, { redirect: 'manual' })).status, 400)
})

await t.test('whose assertions may name is read strictly where it cannot be read', async (t) => {
  const { instance, service } = await startWorld(t)
  const key = await makeKey('ES256')
  const app = 'my.trusted.app/asserting'
  const onItsOwn = { systemUserAllowed: true, systemUser: service.id, scope: ['read'] }
  await instance.addApp({
    applicationUri: app,
    ...onItsOwn,
    tokenEndpointAuthMethod: 'private_key_jwt',
    jwks: jwksOf(key),
  })
  const statusFor = async (aud: string): Promise<number> => {
    const assertion = await signAs(key, assertionClaims(instance, app, { aud }))
    return (await requestToken(instance, { grant_type: 'client_credentials', ...asserting(assertion) })).status
  }
  t.equal(await statusFor(`${instance.issuer}/connect/token`), 200)
  await damage(instance, 'clientAssertionAudience', 'lenient', 'x')
  t.equal(await statusFor(`${instance.issuer}/connect/token`), 401)
  t.equal(await statusFor(instance.issuer), 200)
})

await t.test('a person of no known type signs in nowhere', async (t) => {
  const { instance } = await startWorld(t)
  const david = createRelyingParty(instance, { clientId: WEB, login: 'david' })
  const tokens = await david.obtainTokens()
  await alter(instance, `update users set type = 'Robot' where login = 'david'`)
  t.equal((await david.refresh(tokens.refresh_token)).status, 400)
})
