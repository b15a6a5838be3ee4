import t from 'tap'
import { digest } from '../../../src/lib/crypto/secrets.ts'
import { HOUR } from '../../../src/lib/time/clock.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { logHoldsNoSecret, refused } from '../../fixtures/answers/refusals.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { obtainCode, obtainTokens, redeem, refresh } from '../../fixtures/clients/code-flow.ts'
import { introspect, serviceToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic, postForm } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { enableApp, enableUser, OTHER, SYNC, startWorld, WEB } from '../../fixtures/instance/world.ts'
import { bytesAtRest, query, spellingsOf } from '../../fixtures/store/database.ts'
import { changeApp } from '../../fixtures/tokens/reference-tokens.ts'

const FORMAT = /^enat_[A-Za-z0-9_-]{43}$/
const DEAD = { active: false }

const { instance, david, service } = await startWorld(t)
const jwt = await obtainTokens(instance)
const signed = (await introspect(instance, jwt.access_token, basic(WEB))).json
const serviceJwt = (await introspect(instance, await serviceToken(instance), basic(SYNC))).json
for (const app of [WEB, SYNC]) await changeApp(instance, app, { accessTokenFormat: 'reference' })

await t.test(
  'AccessTokenFormat reference: code, refresh and client_credentials give tokens that say nothing',
  async (t) => {
    const first = await obtainTokens(instance)
    const second = tokensOf(await refresh(instance, first.refresh_token))
    const system = await serviceToken(instance)
    for (const value of [first.access_token, second.access_token, system]) t.match(value, FORMAT)
    t.not(first.access_token, second.access_token)
    t.match(first, { token_type: 'Bearer', expires_in: 3600, scope: 'openid profile email offline_access read' })
    t.match(claimsOf(first.id_token), { at_hash: String }, 'the ID token speaks of it as of any other')

    await t.test('introspection tells of them what it tells of signed ones', async (t) => {
      const told = (await introspect(instance, first.access_token, basic(WEB))).json
      t.strictSame(Object.keys(told).sort(), Object.keys(signed).sort())
      const own = ['jti', 'sid', 'auth_time', 'iat', 'nbf', 'exp']
      const common = (claims: object) =>
        Object.fromEntries(Object.entries(claims).filter(([name]) => !own.includes(name)))
      t.strictSame(common(told), common(signed))
      const ofService = (await introspect(instance, system, basic(SYNC))).json
      t.strictSame(common(ofService), common(serviceJwt))
      t.match(ofService, { client_system_user_id: service.id })
      t.strictSame(
        (await introspect(instance, first.access_token, basic(OTHER))).json,
        DEAD,
        'another app learns nothing',
      )
    })

    await t.test('userinfo takes them', async (t) => {
      const answer = await userinfo(instance, second.access_token)
      matchesWhole(t, [answer.status, answer.json], [200, { sub: david.id, email: 'david@example.com' }])
      t.equal((await userinfo(instance, system)).status, 403, 'a service speaks for no person')
    })

    await t.test('only digests are at rest, and what is on the log tells them by their jti', async (t) => {
      const atRest = await bytesAtRest(instance)
      for (const value of [first.access_token, second.access_token, system]) {
        t.ok(atRest.includes(digest(value)))
        const clear = [...spellingsOf(value), ...spellingsOf(value.slice(5))]
        t.notOk(clear.some((spelling) => atRest.includes(spelling)))
      }
      const told = (await introspect(instance, system, basic(SYNC))).json
      const events = await instance.core.store.read.auditEvents.latest({ app: SYNC }, 1)
      matchesWhole(t, events, [{ event: 'token_issued', detail: { token: told['jti'] } }])
      logHoldsNoSecret(t, instance)
    })
  },
)

await t.test('a lost answer comes again with the very same token', async (t) => {
  const { refresh_token } = await obtainTokens(instance)
  const [first, again] = [await refresh(instance, refresh_token), await refresh(instance, refresh_token)]
  t.equal(again.text, first.text)
})

await t.test('a code that is used twice takes the token with it', async (t) => {
  const code = await obtainCode(instance, { scope: 'openid read' })
  const { access_token } = tokensOf(await redeem(instance, code))
  t.equal((await redeem(instance, code)).status, 400)
  t.equal((await userinfo(instance, access_token)).status, 401)
})

await t.test('they die with their app, their user, their family, by revocation and by time', async (t) => {
  const revoke = (token: string, app = WEB) => postForm(`${instance.issuer}/connect/revocation`, { token }, basic(app))

  await t.test('RFC 7009', async (t) => {
    const { access_token, refresh_token } = await obtainTokens(instance)
    t.equal((await revoke(access_token, OTHER)).status, 400, 'not by another app')
    t.equal((await userinfo(instance, access_token)).status, 200)
    t.equal((await revoke(access_token)).status, 200)
    refused(t, instance, await userinfo(instance, access_token), {
      status: 401,
      error: 'invalid_token',
      description: 'the access token is unknown, expired or revoked',
      cause: { rule: 'access-token-revoked' },
    })
    const next = tokensOf(await refresh(instance, refresh_token))
    t.equal((await userinfo(instance, next.access_token)).status, 200, 'the family lives on')
    await revoke(next.refresh_token)
    t.strictSame((await introspect(instance, next.access_token, basic(WEB))).json, DEAD, 'until it is revoked')
  })

  await t.test('kill switches', async (t) => {
    for (const [end, undo] of [
      [() => enableApp(instance, WEB, false), () => enableApp(instance, WEB, true)],
      [() => enableUser(instance, david, false), () => enableUser(instance, david, true)],
    ] as const) {
      const { access_token } = await obtainTokens(instance)
      await end()
      t.equal((await userinfo(instance, access_token)).status, 401)
      await undo()
      t.strictSame((await introspect(instance, access_token, basic(WEB))).json, DEAD, 'and enabling revives nothing')
    }
    for (const [end, undo] of [
      [() => enableApp(instance, SYNC, false), () => enableApp(instance, SYNC, true)],
      [() => enableUser(instance, service, false), () => enableUser(instance, service, true)],
    ] as const) {
      const system = await serviceToken(instance)
      await end()
      await undo()
      t.strictSame((await introspect(instance, system, basic(SYNC))).json, DEAD)
    }
  })

  await t.test('time', async (t) => {
    const { access_token } = await obtainTokens(instance)
    instance.advance(HOUR - 1000)
    t.equal((await userinfo(instance, access_token)).status, 200)
    instance.advance(1000)
    refused(t, instance, await userinfo(instance, access_token), {
      status: 401,
      error: 'invalid_token',
      description: 'the access token is unknown, expired or revoked',
      cause: { rule: 'access-token-expired' },
    })
    t.strictSame((await introspect(instance, access_token, basic(WEB))).json, DEAD)
  })

  await t.test('what nobody was given', async (t) => {
    for (const token of [`enat_${'A'.repeat(43)}`, 'enat_', `enat_${'A'.repeat(44)}`]) {
      t.equal((await userinfo(instance, token)).status, 401)
      t.strictSame((await introspect(instance, token, basic(WEB))).json, DEAD)
    }
  })
})

await t.test('the format counts for tokens issued from then on', async (t) => {
  const opaque = await obtainTokens(instance)
  await changeApp(instance, WEB, { accessTokenFormat: 'jwt' })
  const signedAgain = tokensOf(await refresh(instance, opaque.refresh_token))
  t.match(claimsOf(signedAgain.access_token), { sub: david.id })
  for (const token of [opaque.access_token, signedAgain.access_token])
    t.equal((await userinfo(instance, token)).status, 200)
  await changeApp(instance, WEB, { accessTokenFormat: 'reference' })
  const [row] = await query<{ rows: number }>(instance, 'select count(*) as rows from opaque_access_tokens')
  t.ok(Number(row?.rows) > 0)
})

await t.test('tessera explain tells that the token says nothing by itself', async (t) => {
  const tessera = tesseraOn(instance)
  const line = ['explain', 'token', '--grant', 'client_credentials', '--client', SYNC]
  t.match(await tessera(line), {
    code: 0,
    stdout: /AccessTokenFormat .*opaque: introspection answers with these claims/,
  })
  t.match(await tessera(['app', 'update', SYNC, '--set', 'AccessTokenFormat=jwt']), { code: 0 })
  t.notMatch((await tessera(line)).stdout, /AccessTokenFormat/)
  t.match(await tessera(['app', 'update', SYNC, '--set', 'AccessTokenFormat=saml']), {
    code: 2,
    stderr: /AccessTokenFormat: expects one of jwt, reference/,
  })
})
