// SQLite alone: is about signatures and claims, which are judged before a database is asked
import t from 'tap'
import { noteSecret } from '../../fixtures/answers/secrets.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { ownKeys, signRs256 } from '../../fixtures/attacks/forge.ts'
import { type Forge, jwtPlaces, prepareForgery } from '../../fixtures/attacks/jwt-places.ts'
import { obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { introspect, requestServiceToken } from '../../fixtures/clients/endpoints.ts'
import { basic, bearer, encode } from '../../fixtures/clients/http.ts'
import { claimsOf, headerOf } from '../../fixtures/clients/jwt.ts'
import { startNotifiedApp } from '../../fixtures/clients/notified-app.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { cpuOf } from '../../fixtures/instance/cpu-of.ts'
import { startWorld, WEB, WEB_BYE } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { changeApp } from '../../fixtures/tokens/reference-tokens.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

await attackGroup(t, 'F. JWT: misused', async ({ instance, attack }) => {
  const { tokens, kid, atUserinfo, atIntrospection, atAdminApi, asHint, asAssertion, isRefusedEverywhere, resigned } =
    await prepareForgery(instance)

  const introspection = await fetch(`${instance.issuer}/connect/introspect`, {
    method: 'POST',
    headers: { ...basic(WEB), accept: 'application/token-introspection+jwt' },
    body: encode({ token: tokens.access_token }),
  })
  const signedAnswer = await introspection.text()
  for (const [name, token] of [
    ['ID token', tokens.id_token],
    ['introspection answer', signedAnswer],
    ['typ missing', resigned({ typ: undefined })(tokens.access_token)],
    ['typ of a logout token', resigned({ typ: 'logout+jwt' })(tokens.access_token)],
  ] as const)
    await attack('JW-08', `${name} as an access token`, async (t) => {
      for (const at of [atUserinfo, atIntrospection, atAdminApi]) await at(t, token)
    })
  for (const [name, token] of [
    ['access token', tokens.access_token],
    ['introspection answer', signedAnswer],
    ['typ missing', resigned({ typ: undefined })(tokens.id_token)],
    ['typ of a logout token', resigned({ typ: 'logout+jwt' })(tokens.id_token)],
  ] as const)
    await attack('JW-08', `${name} as id_token_hint and as client_assertion`, async (t) => {
      await asHint(t, token)
      await asAssertion(t, token)
    })
  for (const [name, token] of [
    ['15,000 dots', '.'.repeat(15_000)],
    ['a header of 15,000 characters', `${'e'.repeat(15_000)}.e30.x`],
  ] as const)
    await attack('JW-11', name, async (t) => {
      const cpu = await cpuOf(async () => {
        await atUserinfo(t, token)
        await atIntrospection(t, token)
      })
      t.ok(cpu < 1000, `${cpu} ms of CPU`)
    })
  for (const [name, token] of [
    ['1,000,000 dots', '.'.repeat(1_000_000)],
    ['a header of 8 MiB', `${'e'.repeat(8 * 2 ** 20)}.e30.x`],
  ] as const)
    await attack('JW-11', `${name}: too large to be read`, async (t) => {
      const answer = await introspect(instance, token).catch(() => undefined)
      t.ok(answer === undefined || answer.status === 413, 'refused or cut off before it was all sent')
    })

  await attack(
    'JW-09',
    'a key that is published for later, and one that was retired beyond the grace',
    async (t) => {
      const order = { algorithm: 'RS256', publishFor: HOUR, anew: true } as const
      const next = (await instance.core.keys.rotate(order, async () => undefined)).key.kid
      const keys = await ownKeys(instance)
      const signedBy =
        (kid: string): Forge =>
        (jwt) => {
          const key = keys.get(kid)
          if (key === undefined) throw new Error('no key')
          const exp = Math.floor(instance.now() / 1000) + 3000
          return signRs256(key, { ...headerOf(jwt), kid }, { ...claimsOf(jwt), exp })
        }
      const statusOf = async (forge: Forge): Promise<number> => {
        const headers = bearer(forge(tokens.access_token))
        return (await fetch(`${instance.issuer}/connect/userinfo`, { headers })).status
      }
      t.strictSame([await statusOf(signedBy(next)), await statusOf(signedBy(kid))], [401, 200], 'published for later')
      instance.advance(HOUR)
      t.strictSame([await statusOf(signedBy(next)), await statusOf(signedBy(kid))], [200, 200], 'its hour has come')
      instance.advance(2 * DAY)
      await isRefusedEverywhere(t, signedBy(kid))
      t.not(tokensOf(await requestServiceToken(instance)), '')
    },
    { changes: true },
  )
})

await t.test('JW-08: a genuine logout token at each place', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1' })
  const site = await startNotifiedApp(t)
  await changeApp(instance, WEB, { backchannelLogoutUri: site.uri })
  const browser = createBrowser(instance.origin)
  const { id_token } = await obtainTokens(instance, {}, { browser })
  const endSession = `${instance.issuer}/connect/endsession`
  await browser.open(`${endSession}?${encode({ id_token_hint: id_token })}`)
  const [notice] = await site.told(1)
  const token = notice?.token ?? ''
  noteSecret(token)
  t.match(headerOf(token), { typ: 'logout+jwt' })
  const { atUserinfo, atIntrospection, atAdminApi, asHint, asAssertion } = jwtPlaces(instance)
  for (const at of [atUserinfo, atIntrospection, atAdminApi, asHint, asAssertion]) await at(t, token)
  await obtainTokens(instance, {}, { browser })
  const asked = { id_token_hint: token, post_logout_redirect_uri: WEB_BYE }
  const view = await browser.open(`${endSession}?${encode(asked)}`)
  t.strictSame([view.status, view.leftTo], [400, undefined], 'nor does it vouch for a sign-out')
})
