import t, { type Test } from 'tap'
import { MOST_TOKENS_OF_A_USER } from '../../../src/domain/tokens/reference-token.ts'
import { digest } from '../../../src/lib/crypto/secrets.ts'
import { DAY, inSeconds, MINUTE, SECOND } from '../../../src/lib/time/clock.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { logHoldsNoSecret, refused } from '../../fixtures/answers/refusals.ts'
import { introspect, revoke, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { eventually } from '../../fixtures/instance/eventually.ts'
import {
  enableApp,
  enableUser,
  HYBRID,
  NOTE,
  OTHER,
  SYNC,
  startWorld,
  WEB,
  type World,
} from '../../fixtures/instance/world.ts'
import { bytesAtRest, query, spellingsOf } from '../../fixtures/store/database.ts'
import { changeApp, issue, revokeByHand, whyRefused } from '../../fixtures/tokens/reference-tokens.ts'

const FORMAT = /^enrt_[0-9A-F]{64}$/
const DEAD = { active: false }

/** Everybody and every app, of which two take reference tokens. */
async function start(t: Test): Promise<World> {
  const world = await startWorld(t)
  for (const app of [WEB, SYNC, HYBRID]) await changeApp(world.instance, app, { accessTokens: 'AuthenticatedUsers' })
  return world
}

const pat = (app = WEB) => ({ kind: 'PAT', app, user: 'david' }) as const
const sat = (app = SYNC) => ({ kind: 'SAT', app }) as const

await t.test('a PAT acts as its user and a SAT as the System User, in the words of a signed token', async (t) => {
  const { instance, david, service } = await start(t)
  const expires = instance.now() + 30 * DAY
  const { value, token } = await issue(instance, { ...pat(), scope: 'read', expires: '30d' })
  t.match(value, FORMAT)
  t.strictSame((await introspect(instance, value)).json, {
    active: true,
    token_type: 'Bearer',
    token_kind: 'PAT',
    iss: instance.issuer,
    aud: 'DomainAPI',
    iat: inSeconds(instance.now()),
    nbf: inSeconds(instance.now()) - 60,
    exp: inSeconds(expires),
    scope: 'read',
    client_id: WEB,
    jti: `r.${token.id}`,
    sub: david.id,
    id: david.id,
    user_type: 'InternalUser',
    db: (await introspect(instance, value)).json['db'],
    username: 'david',
  })
  const system = await issue(instance, sat())
  t.match((await introspect(instance, system.value, basic(SYNC))).json, {
    active: true,
    token_kind: 'SAT',
    scope: 'read update',
    sub: SYNC,
    client_system_user: 'svc.sync',
    client_system_user_id: service.id,
    exp: inSeconds(instance.now() + 90 * DAY),
  })
  t.strictSame((await introspect(instance, value, basic(OTHER))).json, DEAD, 'another app learns nothing')
  t.match(system.token, { description: `SAT of ${new Date(instance.now()).toISOString().slice(0, 10)}` })
  logHoldsNoSecret(t, instance)
})

await t.test('only the digest is at rest', async (t) => {
  const { instance } = await start(t)
  const { value } = await issue(instance, pat())
  await introspect(instance, value, basic(WEB))
  const atRest = await bytesAtRest(instance)
  t.ok(atRest.includes(digest(value)))
  const clear = [...spellingsOf(value), ...spellingsOf(value.slice(5)), Buffer.from(value.slice(5), 'hex')]
  t.notOk(clear.some((spelling) => atRest.includes(spelling)))
})

await t.test('a typo or a missing part is refused without a look at the database', async (t) => {
  const { instance } = await start(t)
  const { value } = await issue(instance, pat())
  const { referenceTokens } = instance.core.store.read
  const { find } = referenceTokens
  let reads = 0
  referenceTokens.find = (wanted) => {
    reads += 1
    return find(wanted)
  }
  const last = value.endsWith('0') ? '1' : '0'
  const typos = [`${value.slice(0, -1)}${last}`, value.slice(0, -1), value.toLowerCase(), `${value}0`, 'enrt_']
  for (const typo of typos) {
    t.strictSame((await introspect(instance, typo)).json, DEAD, 'introspection')
    const answer = await userinfo(instance, typo)
    refused(t, instance, answer, {
      status: 401,
      error: 'invalid_token',
      description: 'the access token is unknown, expired or revoked',
      cause: { rule: 'reference-token-malformed' },
    })
  }
  t.equal(reads, 0)
  t.match((await introspect(instance, value)).json, { active: true })
  t.equal(reads, 1)
})

await t.test('the last use is noted at most once a minute', async (t) => {
  const { instance } = await start(t)
  const { value, token } = await issue(instance, pat())
  const lastUse = async () => (await instance.core.store.read.referenceTokens.findById(token.id))?.lastUsedAt
  t.equal(await lastUse(), undefined)
  const first = instance.now()
  await introspect(instance, value, basic(WEB))
  t.equal(await eventually(lastUse, (at) => at === first), first)
  instance.advance(MINUTE - SECOND)
  for (let times = 0; times < 5; times++) await introspect(instance, value, basic(WEB))
  instance.advance(SECOND)
  await introspect(instance, value, basic(WEB))
  // A use noted a second ago would have kept this one from being noted.
  t.equal(await eventually(lastUse, (at) => at === first + MINUTE), first + MINUTE)

  await revokeByHand(instance, { token })
  instance.advance(MINUTE)
  const other = await issue(instance, pat())
  for (const each of [value, other.value]) await introspect(instance, each, basic(WEB))
  const usesOf = async ({ id }: { id: string }) =>
    (await instance.core.store.read.referenceTokens.findById(id))?.lastUsedAt
  t.equal(await eventually(() => usesOf(other.token), Number.isFinite), first + 2 * MINUTE)
  t.equal(await lastUse(), first + MINUTE, 'to be refused is no use')
})

await t.test('what ends a token does so at once, everywhere', async (t) => {
  const world = await start(t)
  const { instance, david, service } = world

  type Change = readonly [what: string, rule: string, end: () => Promise<unknown>, undo: () => Promise<unknown>]
  const record = (changes: object, back: object, app: string) =>
    [() => changeApp(instance, app, changes), () => changeApp(instance, app, back)] as const
  const user = (who: { id: string }) =>
    [() => enableUser(instance, who, false), () => enableUser(instance, who, true)] as const
  const app = (uri: string) => [() => enableApp(instance, uri, false), () => enableApp(instance, uri, true)] as const

  /** Live before, dead after; enabling again revives nothing that a kill switch ended. */
  async function dies(t: Test, uri: string, wanted: Parameters<typeof issue>[1], changes: readonly Change[]) {
    for (const [what, rule, end, undo] of changes) {
      const { value } = await issue(instance, wanted)
      t.match((await introspect(instance, value, basic(uri))).json, { active: true }, what)
      t.equal((await userinfo(instance, value)).status, 403, 'known, though userinfo is not for it')
      await end()
      t.equal((await userinfo(instance, value)).status, 401, what)
      t.match(
        instance.log.findLast((entry) => 'refusal' in entry),
        { cause: { rule } },
        what,
      )
      await undo()
      const after = (await introspect(instance, value, basic(uri))).json
      if (rule === 'access-token-ended') t.strictSame(after, DEAD, `${what}, undone`)
      else t.match(after, { active: true }, `${what}, undone`)
    }
  }

  await t.test('a PAT', async (t) => {
    await dies(t, WEB, pat(), [
      ['the user is disabled', 'access-token-ended', ...user(david)],
      ['the app is disabled', 'access-token-ended', ...app(WEB)],
      [
        'None',
        'reference-token-not-permitted',
        ...record({ accessTokens: 'None' }, { accessTokens: 'AuthenticatedUsers' }, WEB),
      ],
      [
        'the password is changed',
        'access-token-ended',
        () => instance.core.store.write(({ users }) => users.setPassword(david.id, 'hash', instance.now())),
        async () => undefined,
      ],
    ])
  })

  await t.test(
    'AdministratorsOnly ends what people made for themselves, and leaves what was made for them',
    async (t) => {
      const own = await issue(instance, pat(), `user:${david.id}`)
      const given = await issue(instance, pat(), 'user:an-administrator')
      await changeApp(instance, WEB, { accessTokens: 'AdministratorsOnly' })
      t.strictSame((await introspect(instance, own.value)).json, DEAD)
      t.match((await introspect(instance, given.value)).json, { active: true, username: 'david' })
      matchesWhole(t, await whyRefused(instance, pat(), `user:${david.id}`), [
        'conflict',
        /the user is not an administrator; let an administrator create one, or change that with/,
      ])
      await changeApp(instance, WEB, { accessTokens: 'AuthenticatedUsers' })
      t.match((await introspect(instance, own.value)).json, { active: true }, 'the policy may be restored')
    },
  )

  await t.test('a PAT needs no app that people sign in to', async (t) => {
    const { value } = await issue(instance, pat())
    await changeApp(instance, WEB, { impersonateAsInternalUserAllowed: false })
    const later = await issue(instance, pat())
    for (const token of [value, later.value])
      t.match((await introspect(instance, token)).json, { active: true, username: 'david' })
    await changeApp(instance, WEB, { impersonateAsInternalUserAllowed: true })
  })

  await t.test('a SAT', async (t) => {
    await dies(t, SYNC, sat(), [
      ['the System User is disabled', 'access-token-ended', ...user(service)],
      ['the app is disabled', 'access-token-ended', ...app(SYNC)],
      [
        'the policy',
        'reference-token-not-permitted',
        ...record({ accessTokens: 'None' }, { accessTokens: 'AuthenticatedUsers' }, SYNC),
      ],
    ])
    for (const [what, changes] of [
      ['the flag is removed', { systemUserAllowed: false }],
      ['another System User', { systemUser: david.id }],
    ] as const) {
      const { value } = await issue(instance, sat())
      await changeApp(instance, SYNC, changes)
      t.strictSame((await introspect(instance, value, basic(SYNC))).json, DEAD, what)
      t.equal((await userinfo(instance, value)).status, 401)
      await changeApp(instance, SYNC, { systemUserAllowed: true, systemUser: service.id })
    }
  })

  await t.test('a narrowed scope', async (t) => {
    const { value } = await issue(instance, { ...sat(HYBRID), scope: 'read update' })
    await changeApp(instance, HYBRID, { scope: ['update'] })
    t.match((await introspect(instance, value, basic(HYBRID))).json, { active: true, scope: 'update' })
  })

  await t.test('revocation by an administrator', async (t) => {
    const issued = await issue(instance, pat())
    t.equal(await revokeByHand(instance, issued), true)
    t.equal(await revokeByHand(instance, issued), false, 'once')
    t.strictSame((await introspect(instance, issued.value)).json, DEAD)
    t.equal((await userinfo(instance, issued.value)).status, 401)
    const events = await instance.core.store.read.auditEvents.latest({ app: WEB }, 2)
    matchesWhole(t, events, [
      {
        event: 'reference_token_issued',
        user: david.id,
        detail: { token: issued.token.id, kind: 'PAT', scope: 'read update' },
      },
      { event: 'reference_token_revoked', actor: 'cli:test', user: david.id, detail: { token: issued.token.id } },
    ])
    t.notOk(JSON.stringify(events).includes(issued.value))
  })

  await t.test('RFC 7009: revocation by the app itself', async (t) => {
    const { value } = await issue(instance, pat())
    refused(t, instance, await revoke(instance, value, basic(OTHER)), {
      status: 400,
      error: 'invalid_grant',
      description: 'the token was issued to another app',
    })
    t.match((await introspect(instance, value)).json, { active: true })
    t.equal((await revoke(instance, value)).status, 200)
    t.strictSame((await introspect(instance, value)).json, DEAD)
    t.equal((await revoke(instance, value)).status, 200, 'again')
  })

  await t.test('its expiry, to the millisecond', async (t) => {
    const { value } = await issue(instance, { ...pat(), expires: '30d' })
    instance.advance(30 * DAY - 1)
    t.match((await introspect(instance, value)).json, { active: true })
    instance.advance(1)
    t.strictSame((await introspect(instance, value)).json, DEAD)
    t.equal((await userinfo(instance, value)).status, 401)
    t.match(
      instance.log.findLast((entry) => 'refusal' in entry),
      { cause: { rule: 'access-token-expired' } },
    )
  })
})

await t.test('what cannot be made is refused with the reason and what mends it', async (t) => {
  const { instance, david, anna, carla, service } = await start(t)
  const uri = 'tessera app update my.trusted.app'
  const is = async (wanted: Parameters<typeof issue>[1], ...expected: string[]) =>
    t.strictSame(await whyRefused(instance, wanted), expected)

  await t.test('wishes, all of them at once', async (t) => {
    t.strictSame(
      await whyRefused(instance, { ...pat(), scope: 'openid read stock', expires: '366d', description: 'a\u202eb' }),
      [
        'invalid',
        'scope: openid belongs to a sign-in, and a reference token is only for APIs; omit it',
        `scope: stock is not in the Scope of ${WEB}, which lists read update; add it with: ${uri}/web --set 'Scope=read update stock'`,
        `expires_at: is later than 365d from now, ${new Date(instance.now() + 365 * DAY).toISOString()}; to allow more: tessera settings set ReferenceTokenMaxLifetime LENGTH`,
        'description: must not contain control characters, line breaks, or characters that are invisible or change the text direction',
      ],
    )
    await is({ ...pat(), description: 'x'.repeat(201) }, 'invalid', 'description: must have at most 200 characters')
    await is({ ...pat(), scope: ' ' }, 'invalid', 'scope: names no scope; omit it for all of read update')
    const expected = 'expires_at: expects a length of time such as 30d, or a time such as 2030-01-31T00:00:00Z'
    for (const expires of ['soon', '', '1', '2030-13-01', '-1d', '99999999d'])
      await is({ ...pat(), expires }, 'invalid', expected)
    for (const expires of ['0', '0d', '2020-01-01'])
      await is({ ...pat(), expires }, 'invalid', 'expires_at: is not in the future')
  })

  await t.test('the longest lifetime is for the operator to say', async (t) => {
    const { token } = await issue(instance, { ...pat(), expires: '365d' })
    t.equal(token.expiresAt, instance.now() + 365 * DAY)
    const set = (value: string) =>
      instance.core.store.write(({ settings }) => settings.set('instance/ReferenceTokenMaxLifetime', value))
    await set('730d')
    const until = new Date(instance.now() + 700 * DAY).toISOString()
    t.equal((await issue(instance, { ...pat(), expires: until })).token.expiresAt, instance.now() + 700 * DAY)
    await set('7d')
    t.equal((await issue(instance, pat())).token.expiresAt, instance.now() + 7 * DAY, 'and the default follows')
    matchesWhole(t, await whyRefused(instance, { ...pat(), expires: '8d' }), [
      'invalid',
      /^expires_at: is later than 7d from now/,
    ])
    await set('365d')
  })

  await t.test('the record and the switches', async (t) => {
    await is({ ...pat('nobody') }, 'not found', 'ApplicationUri: no app has the ApplicationUri "nobody"')
    await is({ ...pat(), user: 'dvid' }, 'not found', 'login: no user has the login, e-mail or id "dvid"')
    await is(
      pat(OTHER),
      'conflict',
      `app: ${OTHER} does not accept reference tokens (AccessTokens None); change that with: ${uri}/other --set AccessTokens=AuthenticatedUsers`,
    )
    await changeApp(instance, NOTE, { accessTokens: 'AuthenticatedUsers' })
    await is(
      pat(NOTE),
      'conflict',
      `app: ${NOTE} is registered as a note only (ClientType None); change that with: ${uri}/note --set ClientType=Confidential`,
    )
    await is(
      sat(WEB),
      'conflict',
      `app: ${WEB} may not act as a System User, and a SAT does; change that with: ${uri}/web --set SystemUserAllowed=true --set SystemUser=LOGIN`,
    )
    await is(
      { ...pat(), user: 'carla' },
      'conflict',
      'user: only internal users have access to APIs; create one for an internal user',
    )
    await is(
      { ...pat(), user: 'svc.sync' },
      'conflict',
      `user: only internal users have access to APIs; a System User has a SAT: tessera token issue-sat --app ${WEB}`,
    )
    t.ok(carla.isEnabled)
    await enableApp(instance, WEB, false)
    await is(pat(), 'conflict', `app: ${WEB} is disabled; enable it with: tessera app enable ${WEB}`)
    await enableApp(instance, WEB, true)
    for (const [who, wanted] of [
      [anna, { ...pat(), user: 'anna' }],
      [service, sat()],
    ] as const) {
      await enableUser(instance, who, false)
      await is(
        wanted,
        'conflict',
        `user: ${who.login} is disabled; enable the account with: tessera user enable ${who.login}`,
      )
      await enableUser(instance, who, true)
    }
    await changeApp(instance, HYBRID, { scope: [] })
    await is(
      sat(HYBRID),
      'conflict',
      `scope: ${HYBRID} has no scopes, so the token would open no API; add one with: ${uri}/hybrid --set Scope=read`,
    )
  })

  await t.test('AdministratorsOnly', async (t) => {
    for (const app of [WEB, SYNC]) await changeApp(instance, app, { accessTokens: 'AdministratorsOnly' })
    const himself = `user:${david.id}`
    t.strictSame(await whyRefused(instance, pat(), himself), [
      'conflict',
      `app: the app has AccessTokens AdministratorsOnly, and the user is not an administrator; let an administrator create one, or change that with: ${uri}/web --set AccessTokens=AuthenticatedUsers`,
    ])
    await instance.core.store.write(({ users }) => users.update({ ...david, isAdmin: true }, instance.now()))
    const { value } = await issue(instance, pat(), himself)
    t.match((await introspect(instance, value)).json, { active: true })
    t.match((await introspect(instance, (await issue(instance, sat())).value, basic(SYNC))).json, { active: true })
    await instance.core.store.write(({ users }) => users.update({ ...david, isAdmin: false }, instance.now()))
    t.strictSame((await introspect(instance, value)).json, DEAD, 'no administrator any more')
  })
})

await t.test('a user has at most 50 live PATs, however many ask at once', async (t) => {
  const { instance, david } = await start(t)
  const told = `this user already has ${MOST_TOKENS_OF_A_USER} valid PATs, the maximum; revoke one that is no longer used`
  const full = ['conflict', `kind: ${told}`]
  const made = await Promise.allSettled(Array.from({ length: 55 }, () => issue(instance, pat())))
  const live = made.filter((one) => one.status === 'fulfilled').map(({ value }) => value)
  t.equal(live.length, MOST_TOKENS_OF_A_USER)
  t.strictSame(await whyRefused(instance, pat(HYBRID)), full, 'whichever app')
  t.strictSame(await whyRefused(instance, { ...pat(), user: 'anna' }), [], 'each user for themselves')
  t.strictSame(await whyRefused(instance, sat()), [], 'SATs are not counted')
  const [first] = live
  if (first) await revokeByHand(instance, first)
  t.strictSame(await whyRefused(instance, pat()), [])
  t.strictSame(await whyRefused(instance, pat()), full)
  await enableApp(instance, WEB, false)
  await enableApp(instance, WEB, true)
  t.strictSame(await whyRefused(instance, pat()), [], 'what a kill switch ended is not counted')
  const [row] = await query<{ rows: number }>(
    instance,
    'select count(*) as rows from reference_tokens where user_id = ?',
    david.id,
  )
  t.equal(Number(row?.rows), MOST_TOKENS_OF_A_USER + 2)
})
