// SQLite alone: nothing of it is decided by the database
import t from 'tap'
import { isoTime } from '../../../src/lib/time/clock.ts'
import { introspect } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { createRelyingParty, webApp } from '../../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../../fixtures/clients/tokens.ts'
import { SECRET, startInstance } from '../../fixtures/instance/instance.ts'

const WEB = 'my.trusted.app/web'
const SYNC = 'my.trusted.app/sync'
const SECOND = 1000

const instance = await startInstance()
t.teardown(() => instance.close())
await instance.addUser({ login: 'david' })
const system = await instance.addUser({ login: 'svc.sync', type: 'SystemUserNoLogin' })
await instance.addApp(webApp(WEB))
await instance.addApp({ applicationUri: SYNC, systemUserAllowed: true, systemUser: system.id, scope: ['read'] })
const david = createRelyingParty(instance, { clientId: WEB, login: 'david' })
const sync = createRelyingParty(instance, { clientId: SYNC, login: '' })
const isActive = async (token: string, clientId: string): Promise<unknown> =>
  (await introspect(instance, token, basic(clientId, SECRET))).json['active']
/** What the operator is told of a refusal. */
function causeOf({ json }: Answer): Record<string, unknown> {
  const record = instance.log.find((line) => line['refusal'] === json['refusal_id'])
  return (record?.['cause'] ?? {}) as Record<string, unknown>
}

await t.test('RFC 7519 §4.1.5: an access token counts from a minute before it was made, and says so', async (t) => {
  const { access_token: ofPerson } = await david.obtainTokens()
  const { access_token: ofService } = tokensOf(await sync.requestToken({ grant_type: 'client_credentials' }))
  for (const token of [ofPerson, ofService]) {
    const { iat, nbf, exp } = claimsOf(token) as Record<string, number>
    t.equal(iat, instance.now() / SECOND)
    t.equal(nbf, instance.now() / SECOND - 60)
    t.equal(exp, instance.now() / SECOND + 3600)
  }
})

await t.test(
  'RFC 7519 §4.1.6: a node whose clock is up to a minute behind takes what another one has just signed',
  async (t) => {
    const { access_token: ofPerson } = await david.obtainTokens()
    const { access_token: ofService } = tokensOf(await sync.requestToken({ grant_type: 'client_credentials' }))
    for (const behind of [100, 60 * SECOND]) {
      instance.advance(-behind)
      t.equal((await david.userinfo(ofPerson)).status, 200, `${behind} ms behind`)
      t.equal(await isActive(ofPerson, WEB), true)
      t.equal(await isActive(ofService, SYNC), true)
      instance.advance(behind)
    }
    const signedAt = instance.now()
    // From two minutes on nbf, which is dated back by one, is ahead as well.
    for (const behind of [61, 121]) {
      instance.advance(-behind * SECOND)
      const answer = await david.userinfo(ofPerson)
      t.equal(refusalOf(answer), '401 invalid_token: the access token is unknown, expired or revoked')
      const { rule, cause } = causeOf(answer)
      const from = isoTime(behind > 120 ? signedAt - 60 * SECOND : signedAt)
      t.strictSame(
        { rule, cause },
        {
          rule: 'access-token-not-yet-valid',
          cause: `the token is valid from ${from} on, and this server's clock says ${isoTime(instance.now())}: a clock is wrong`,
        },
        `${behind} seconds behind`,
      )
      t.equal(await isActive(ofService, SYNC), false)
      instance.advance(behind * SECOND)
    }
  },
)

await t.test('RFC 7519 §4.1.4: nothing counts beyond its end', async (t) => {
  const { access_token: token } = tokensOf(await sync.requestToken({ grant_type: 'client_credentials' }))
  instance.advance(3600 * SECOND - 1)
  t.equal(await isActive(token, SYNC), true)
  instance.advance(1)
  t.equal(await isActive(token, SYNC), false)
  const at = isoTime(instance.now())
  const answer = await sync.userinfo(token)
  t.equal(
    causeOf(answer)['cause'],
    `the token expired at ${at}, and this server's clock says ${at}`,
    'to the millisecond',
  )
})
