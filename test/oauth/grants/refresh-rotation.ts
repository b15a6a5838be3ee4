import t, { type Test } from 'tap'
import { APP_DEFAULTS } from '../../../src/domain/apps/trusted-application.ts'
import { digest, newId } from '../../../src/lib/crypto/secrets.ts'
import { refusalsOf } from '../../fixtures/answers/refusals.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { ALIVE, createRelyingParty, DEAD, lifeOf, webApp } from '../../fixtures/clients/relying-party.ts'
import { refusalOf, type Tokens, tokensOf } from '../../fixtures/clients/tokens.ts'
import { type Instance, SECRET, startInstance } from '../../fixtures/instance/instance.ts'
import { cleanUpOf } from '../../fixtures/store/clean-up.ts'
import { liveTips, query } from '../../fixtures/store/database.ts'

const APP = 'my.trusted.app/web'
const OTHER = 'my.trusted.app/other'
const DAY = 86_400_000

const REUSED =
  '400 invalid_grant: the refresh token has already been used; all tokens from the same sign-in are revoked'
const OTHER_REQUEST = '400 invalid_grant: the refresh token has already been used by a different request'
const REVOKED = '400 invalid_grant: the refresh token was revoked'
const EXPIRED = '400 invalid_grant: the refresh token has expired'

/** An instance with David and the apps he uses. */
async function start(t: Test): Promise<Instance> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await instance.addUser({ login: 'david' })
  await instance.addApp(webApp(APP))
  await instance.addApp(webApp(OTHER))
  await instance.addApp({ ...webApp('spa.app'), clientType: 'Public' })
  return instance
}

const asDavid = (instance: Instance, clientId = APP) =>
  createRelyingParty(instance, { clientId, login: 'david', scope: 'openid profile offline_access read update' })

await t.test('the replay window', async (t) => {
  const instance = await start(t)
  const david = asDavid(instance)

  await t.test('RT-09: an answer that got lost is given again, byte for byte, for ten seconds', async (t) => {
    const first = await david.obtainTokens()
    const answer = await david.refresh(first.refresh_token)
    for (const moment of [0, 1000, 5000, 3999]) {
      instance.advance(moment)
      const again = await david.refresh(first.refresh_token)
      t.equal(again.text, answer.text, `after ${moment} ms more`)
      t.equal(again.status, 200)
      t.equal(again.headers.get('cache-control'), 'no-store')
    }
    t.equal(await liveTips(instance, first.refresh_token), 1)
    t.equal(await lifeOf(david, tokensOf(answer)), ALIVE, 'the answer is good to use')
  })

  await t.test('RT-01: at ten seconds to the millisecond it is a reuse', async (t) => {
    const first = await david.obtainTokens()
    const second = tokensOf(await david.refresh(first.refresh_token))
    instance.advance(9999)
    t.equal((await david.refresh(first.refresh_token)).status, 200)
    instance.advance(1)
    t.equal(refusalOf(await david.refresh(first.refresh_token)), REUSED)
    t.equal(await lifeOf(david, first), DEAD)
    t.equal(await lifeOf(david, second), DEAD)
    t.equal(refusalOf(await david.refresh(second.refresh_token)), REVOKED)
    t.equal(refusalOf(await david.refresh(first.refresh_token)), REVOKED)
  })

  await t.test('RT-01: an ancestor of many generations ends the family too', async (t) => {
    const bystander = await david.obtainTokens()
    const first = await david.obtainTokens()
    let tokens = first
    for (let generation = 0; generation < 5; generation++) {
      instance.advance(60_000)
      tokens = tokensOf(await david.refresh(tokens.refresh_token))
    }
    t.equal(refusalOf(await david.refresh(first.refresh_token)), REUSED)
    t.equal(await lifeOf(david, tokens), DEAD)
    t.equal(await lifeOf(david, bystander), ALIVE)
    t.match(
      instance.log.find(({ audit }) => (audit as { event?: string } | undefined)?.event === 'refresh_reuse'),
      { audit: { app: APP, user: claimsOf(first.access_token).sub } },
    )
  })

  await t.test('RT-09: a stranger who retries the token is refused and does no harm', async (t) => {
    const strangers: [string, (token: string) => ReturnType<typeof david.refresh>, string][] = [
      [
        'another app',
        (token) => asDavid(instance, OTHER).refresh(token),
        '400 invalid_grant: the refresh token was issued to another app',
      ],
      [
        'a Public app',
        (token) =>
          createRelyingParty(instance, { clientId: 'spa.app', secret: undefined, login: 'david' }).refresh(token),
        '400 invalid_grant: the refresh token was issued to another app',
      ],
      [
        'a wrong secret',
        (token) => david.refresh(token, { client_secret: 'wrong' }),
        '401 invalid_client: the app is unknown, or its authentication is wrong or missing',
      ],
      [
        'the other secret of the app',
        (token) => david.refresh(token, { client_secret: 'the-other-secret' }),
        OTHER_REQUEST,
      ],
      [
        'the same secret in the header',
        (token) =>
          requestToken(
            instance,
            { grant_type: 'refresh_token', refresh_token: token },
            { authorization: `Basic ${btoa(`${encodeURIComponent(APP)}:${SECRET}`)}` },
          ),
        OTHER_REQUEST,
      ],
      ['a narrower scope', (token) => david.refresh(token, { scope: 'openid read' }), OTHER_REQUEST],
    ]
    await instance.core.store.write(({ apps }) =>
      apps.addSecret(APP, {
        id: newId(),
        hash: digest('the-other-secret'),
        createdAt: instance.now(),
        expiresAt: undefined,
      }),
    )
    for (const [stranger, retry, refusal] of strangers) {
      await t.test(stranger, async (t) => {
        const first = await david.obtainTokens()
        const answer = await david.refresh(first.refresh_token)
        instance.advance(2000)
        t.equal(refusalOf(await retry(first.refresh_token)), refusal)
        t.equal((await david.refresh(first.refresh_token)).text, answer.text, 'the app itself still gets its answer')
        t.equal(await lifeOf(david, tokensOf(answer)), ALIVE)
      })
    }
  })

  await t.test('RT-09: what the app asked for narrower is replayed to the same narrow request only', async (t) => {
    const first = await david.obtainTokens()
    const narrow = await david.refresh(first.refresh_token, { scope: 'openid read' })
    t.equal((await david.refresh(first.refresh_token, { scope: 'openid read' })).text, narrow.text)
    t.equal(refusalOf(await david.refresh(first.refresh_token)), OTHER_REQUEST)
    t.equal(await lifeOf(david, tokensOf(narrow)), ALIVE)
  })

  await t.test('an app may have a window of its own, or none', async (t) => {
    await instance.addApp({ ...webApp('patient.app'), refreshReplayWindow: 60 })
    await instance.addApp({ ...webApp('strict.app'), refreshReplayWindow: 0 })
    const patient = asDavid(instance, 'patient.app')
    const strict = asDavid(instance, 'strict.app')

    const first = await patient.obtainTokens()
    const answer = await patient.refresh(first.refresh_token)
    instance.advance(59_999)
    t.equal((await patient.refresh(first.refresh_token)).text, answer.text)
    instance.advance(1)
    t.equal(refusalOf(await patient.refresh(first.refresh_token)), REUSED)

    const once = await strict.obtainTokens()
    const second = tokensOf(await strict.refresh(once.refresh_token))
    t.equal(refusalOf(await strict.refresh(once.refresh_token)), REUSED, 'a window of 0 is off')
    t.equal(await lifeOf(strict, second), DEAD)
  })

  await t.test('a token that was rotated and then revoked is not answered again', async (t) => {
    const first = await david.obtainTokens()
    const second = tokensOf(await david.refresh(first.refresh_token))
    t.equal((await david.revoke(second.refresh_token)).status, 200)
    t.equal(refusalOf(await david.refresh(first.refresh_token)), REVOKED)
  })

  await t.test('revoking the rotated token ends its successor', async (t) => {
    const first = await david.obtainTokens()
    const second = tokensOf(await david.refresh(first.refresh_token))
    t.strictSame((await david.introspect(first.refresh_token)).json, { active: false }, 'a rotated token is not active')
    t.equal((await david.revoke(first.refresh_token)).status, 200)
    t.equal(await lifeOf(david, second), DEAD)
  })
})

await t.test('RT-04: a restart changes nothing', async (t) => {
  const before = await startInstance()
  await before.addUser({ login: 'david' })
  await before.addApp(webApp(APP))
  const party = createRelyingParty(before, { clientId: APP, login: 'david', scope: 'openid offline_access read' })
  const inside = await party.obtainTokens()
  const outside = await party.obtainTokens()
  const fresh = await party.obtainTokens()
  const unused = await party.obtainCode()
  const used = await party.obtainCode()
  const usedFor = tokensOf(await party.redeem(used))
  const outsideSecond = tokensOf(await party.refresh(outside.refresh_token))
  before.advance(11_000)
  const answer = await party.refresh(inside.refresh_token)

  const instance = await before.restart()
  t.teardown(() => instance.close())
  t.equal((await party.refresh(inside.refresh_token)).text, answer.text, 'inside the window: the answer of before')
  t.equal(refusalOf(await party.refresh(outside.refresh_token)), REUSED, 'outside of it: refused')
  t.equal(await lifeOf(party, outsideSecond), DEAD, 'and the family dead')
  t.equal(await lifeOf(party, fresh), ALIVE, 'tokens of before are good')
  t.equal((await party.redeem(unused)).status, 200, 'CO-15: a code of before is redeemed')
  t.equal((await party.redeem(used)).json['error'], 'invalid_grant', 'but not one that was')
  t.equal(await lifeOf(party, usedFor), DEAD)
  instance.advance(10_000)
  t.equal(refusalOf(await party.refresh(inside.refresh_token)), REUSED)
})

await t.test('RT-01: an old refresh token opens no later answer', async (t) => {
  const instance = await start(t)
  const david = asDavid(instance)
  const sealed = async (...refresh: string[]) => {
    const kept = 'select sealed_answer is not null as sealed from refresh_tokens where digest = ?'
    const rows = await Promise.all(refresh.map((token) => query<{ sealed: unknown }>(instance, kept, digest(token))))
    return rows.map(([row]) => Boolean(row?.sealed))
  }

  await t.test('the answer is forgotten as soon as the token in it is used', async (t) => {
    const first = (await david.obtainTokens()).refresh_token
    const second = tokensOf(await david.refresh(first)).refresh_token
    t.strictSame(await sealed(first, second), [true, false])
    t.equal((await david.refresh(first)).status, 200, 'it may have got lost')
    const third = tokensOf(await david.refresh(second)).refresh_token
    t.strictSame(await sealed(first, second, third), [false, true, false])
    t.equal(tokensOf(await david.refresh(second)).refresh_token, third, 'as may the next one')
    t.strictSame(await sealed(first, second, third), [false, true, false], 'whatever is asked for again')
  })

  await t.test('the clean-up forgets it when no app may give it again', async (t) => {
    await instance.addApp({ ...webApp('patient.app'), refreshReplayWindow: 60 })
    const patient = asDavid(instance, 'patient.app')
    const first = (await patient.obtainTokens()).refresh_token
    const answer = await patient.refresh(first)
    instance.advance(59_999)
    t.strictSame(await cleanUpOf(instance).run(), {})
    t.equal((await patient.refresh(first)).text, answer.text)
    t.strictSame(await sealed(first), [true])
    instance.advance(2)
    t.strictSame(await cleanUpOf(instance).run(), { refresh_answers: 2 }, 'and the one of before')
    t.strictSame(await sealed(first), [false])
    t.strictSame(await cleanUpOf(instance).run(), {})
    t.equal((await patient.refresh(tokensOf(answer).refresh_token)).status, 200, 'the token in it is good')
  })

  await t.test('an app without a window has none', async (t) => {
    await instance.addApp({ ...webApp('strict.app'), refreshReplayWindow: 0 })
    const strict = asDavid(instance, 'strict.app')
    const first = (await strict.obtainTokens()).refresh_token
    await strict.refresh(first)
    t.strictSame(await sealed(first), [false])
  })
})

await t.test('RT-01, RFC 9700 §4.14.2: inside the window, once the next token was used, it is a reuse', async (t) => {
  const instance = await start(t)
  const david = asDavid(instance)
  const bystander = await david.obtainTokens()
  const answer = await david.refresh(bystander.refresh_token)
  const reuses = () =>
    instance.log.map(({ audit }) => audit).filter((audit) => (audit as { event?: string })?.event === 'refresh_reuse')
  let generation = 0
  for (const retry of [
    (token: string) => david.refresh(token),
    (token: string) => david.refresh(token, { scope: 'openid read' }),
  ]) {
    const first = await david.obtainTokens()
    const second = tokensOf(await david.refresh(first.refresh_token))
    const third = tokensOf(await david.refresh(second.refresh_token))
    t.equal(await lifeOf(david, third), ALIVE)
    t.strictSame(reuses().length, generation)
    const refused = await retry(first.refresh_token)
    t.equal(refusalOf(refused), REUSED)
    t.match(refusalsOf(instance).at(-1), {
      cause: {
        rule: 'refresh-token-used',
        cause: /^the token was rotated 0 s ago, and the refresh token of that answer has been used since: /,
      },
    })
    for (const tokens of [first, second, third]) t.equal(await lifeOf(david, tokens), DEAD)
    generation += 1
    t.match(reuses().at(-1), { app: APP, user: claimsOf(third.access_token).sub, detail: { family: /./ } })
    t.equal(refusalOf(await david.refresh(second.refresh_token)), REVOKED, 'nor is the latest answer given again')
    t.strictSame(reuses().length, generation, 'audited once')
  }
  t.equal((await david.refresh(bystander.refresh_token)).text, answer.text, 'another family keeps its answers')
})

await t.test('RT-06: scope', async (t) => {
  const instance = await start(t)
  const david = asDavid(instance)
  const all = 'openid profile offline_access read update'
  let tokens: Tokens = await david.obtainTokens()
  t.equal(tokens.scope, all)

  const ask = async (scope?: string) => {
    const answer = await david.refresh(tokens.refresh_token, { scope })
    if (answer.status === 200) tokens = tokensOf(answer)
    return answer
  }

  t.equal((await ask(all)).json['scope'], all, 'equal is allowed')
  const narrow = await ask('read')
  t.equal(narrow.json['scope'], 'read', 'narrower is allowed')
  t.equal(claimsOf(tokens.access_token)['scope'], 'read')
  t.notOk('id_token' in narrow.json, 'no openid, no ID token')
  t.equal((await david.userinfo(tokens.access_token)).status, 403, 'and no UserInfo')
  t.equal((await ask()).json['scope'], all, 'the next refresh may have all of the original grant again')
  t.equal((await ask('openid update')).json['scope'], 'openid update', 'or another part of it')

  const refused = 'scope was not granted at sign-in, or is no longer registered for the app'
  t.equal(refusalOf(await ask('openid email')), `400 invalid_scope: ${refused}: email`)
  t.equal(refusalOf(await ask(`${all} admin`)), `400 invalid_scope: ${refused}: admin`)
  t.equal((await ask('read read')).json['scope'], 'read', 'named twice is named once')
  t.equal((await ask()).json['scope'], all, 'a refused request uses nothing up')

  await instance.core.store.write(({ apps }) =>
    apps.update(
      { ...APP_DEFAULTS, ...webApp(APP), name: APP, clientType: 'Confidential', scope: ['read'] },
      instance.now(),
    ),
  )
  t.equal((await ask()).json['scope'], 'openid profile offline_access read', 'what the record lost, the app loses')
  t.equal(refusalOf(await ask('update')), `400 invalid_scope: ${refused}: update`)
})

await t.test('RT-07: a family ends on its day, though it rotates daily', async (t) => {
  const shapes = [
    { name: 'Confidential', clientId: APP, days: 30, secret: SECRET },
    { name: 'Public', clientId: 'spa.app', days: 1, secret: undefined },
    { name: 'by the record', clientId: 'short.app', days: 3, secret: SECRET },
  ]
  const instance = await start(t)
  await instance.addApp({ ...webApp('short.app'), refreshTokenLifetime: (3 * DAY) / 1000 })
  for (const { name, clientId, days, secret } of shapes) {
    await t.test(`${name}: ${days} days`, async (t) => {
      const party = createRelyingParty(instance, { clientId, secret, login: 'david' })
      let tokens = await party.obtainTokens()
      for (let day = 1; day < days; day++) {
        instance.advance(DAY)
        tokens = tokensOf(await party.refresh(tokens.refresh_token))
      }
      instance.advance(DAY - 1000)
      tokens = tokensOf(await party.refresh(tokens.refresh_token))
      t.equal(claimsOf(tokens.access_token)['client_id'], clientId)
      instance.advance(1000)
      t.equal(refusalOf(await party.refresh(tokens.refresh_token)), EXPIRED)
    })
  }
})

await t.test('RT-15: the ID token of a refresh tells of the same sign-in', async (t) => {
  const instance = await start(t)
  const party = asDavid(instance)
  const code = await party.obtainCode()
  instance.advance(2000)
  const first = tokensOf(await party.redeem(code))
  instance.advance(45 * 60_000)
  const answer = await party.refresh(first.refresh_token)
  const second = tokensOf(answer)
  const [before, after] = [claimsOf(first.id_token), claimsOf(second.id_token)]
  t.equal(before['nonce'], code.nonce)
  t.notOk('nonce' in after, 'OIDC Core §12.2: it should not have a nonce')
  for (const claim of ['iss', 'sub', 'aud', 'auth_time', 'sid', 'amr', 'acr', 'idp'])
    t.same(after[claim], before[claim], claim)
  t.equal(after.iat, Number(before.iat) + 45 * 60)
  t.equal(after.exp, Number(after.iat) + 300)
  t.not(after['at_hash'], before['at_hash'])
  t.equal(claimsOf(second.access_token)['auth_time'], before['auth_time'])
  t.equal(claimsOf(second.access_token)['sid'], before['sid'])
  t.not(claimsOf(second.access_token).jti, claimsOf(first.access_token).jti)
  t.strictSame(
    Object.keys(answer.json).sort(),
    ['access_token', 'expires_in', 'id_token', 'refresh_token', 'scope', 'token_type'].sort(),
  )
})

await t.test('who gets a refresh token at all', async (t) => {
  const instance = await start(t)
  const party = createRelyingParty(instance, { clientId: APP, login: 'david', scope: 'openid read' })
  const tokens = await party.redeem(await party.obtainCode())
  t.notOk('refresh_token' in tokens.json, 'nobody who did not ask for offline_access')
  t.equal(refusalOf(await party.refresh('garbage')), '400 invalid_grant: the refresh token is unknown')
  t.equal(refusalOf(await party.refresh('x'.repeat(8192))), '400 invalid_grant: the refresh token is unknown')
  t.equal((await party.refresh('x'.repeat(8193))).json['error'], 'invalid_request')
  const whole = await asDavid(instance).obtainTokens()
  const spoilt = [
    whole.refresh_token.slice(0, -1),
    `${whole.refresh_token}A`,
    `${whole.refresh_token}=`,
    ` ${whole.refresh_token}`,
    `${whole.refresh_token} `,
    whole.refresh_token.toUpperCase(),
    `${whole.refresh_token}\0`,
    whole.access_token,
  ]
  for (const token of spoilt) {
    const { status } = await party.refresh(token)
    t.equal(status, 400, JSON.stringify(token).slice(0, 60))
  }
  t.equal(await liveTips(instance, whole.refresh_token), 1, 'RT-12: none of them did anything')
})
