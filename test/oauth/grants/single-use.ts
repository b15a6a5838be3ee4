import t from 'tap'
import { openCore } from '../../../src/compose/core.ts'
import { buildServer } from '../../../src/compose/server.ts'
import { readConfig } from '../../../src/config/read-config.ts'
import { systemRandom } from '../../../src/lib/crypto/secrets.ts'
import { settingsOf } from '../../fixtures/cli/cli.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import type { Answer } from '../../fixtures/clients/http.ts'
import { ALIVE, createRelyingParty, DEAD, lifeOf, webApp } from '../../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../../fixtures/clients/tokens.ts'
import { PASSWORD, startInstance } from '../../fixtures/instance/instance.ts'
import { turnedByHand } from '../../fixtures/instance/time.ts'
import { WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'
import { liveTips } from '../../fixtures/store/database.ts'

const AT_ONCE = 50
const ROUNDS = 4
const APP = 'my.trusted.app/web'

const CODE_REUSED = '400 invalid_grant: the code has already been used; the tokens it was exchanged for are revoked'
const REFRESH_REUSED =
  '400 invalid_grant: the refresh token has already been used; all tokens from the same sign-in are revoked'
const REVOKED = '400 invalid_grant: the refresh token was revoked'

const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))

const succeeded = (answers: readonly Answer[]): Answer[] => answers.filter(({ status }) => status === 200)

/** How often each refusal occurs. */
function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    counts[refusalOf(answer)] = (counts[refusalOf(answer)] ?? 0) + 1
  }
  return counts
}

await t.test('what may be used once is used once, however many ask at the same time', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await instance.addUser({ login: 'david' })
  await instance.addApp(webApp(APP))
  await instance.addApp({ ...webApp('strict.app'), refreshReplayWindow: 0 })
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })

  const audited = (event: string): number =>
    instance.log.filter(({ audit }) => (audit as { event?: string } | undefined)?.event === event).length

  // RFC 6749 §4.1.2: a code used more than once MUST be denied, and the tokens issued for it SHOULD be revoked. Which of
  // two at the same time is the thief cannot be told, so the winner's tokens die as well and the person signs in again.
  await t.test('CO-02: 50 redemptions of one code', async (t) => {
    for (let round = 1; round <= ROUNDS; round++) {
      const bystander = await david.obtainTokens()
      const code = await david.obtainCode()
      const answers = await times(AT_ONCE, () => david.redeem(code))
      t.strictSame(tally(answers), { [CODE_REUSED]: AT_ONCE - 1 }, `round ${round}: all but one are refused`)
      for (const won of succeeded(answers)) {
        t.equal(await lifeOf(david, tokensOf(won)), DEAD, 'the reuse ended what the code was exchanged for')
        t.equal(refusalOf(await david.refresh(tokensOf(won).refresh_token)), REVOKED)
      }
      t.equal(await lifeOf(david, bystander), ALIVE, 'another sign-in of the same person goes on')
    }
    t.equal(audited('code_reuse'), ROUNDS, 'the one that ended something is on record')
  })

  await t.test('CO-02: wrong verifiers among the redemptions never win and never harm', async (t) => {
    const code = await david.obtainCode()
    const wrong = await times(AT_ONCE, () => david.redeem(code, { code_verifier: 'x'.repeat(43) }))
    t.strictSame(tally(wrong), { '400 invalid_grant: code_verifier does not match the code_challenge': AT_ONCE })
    t.equal(await lifeOf(david, tokensOf(await david.redeem(code))), ALIVE)
  })

  await t.test('CO-02: 200 codes, two requests each', async (t) => {
    const codes = []
    for (let made = 0; made < 20; made++) codes.push(...(await times(10, () => david.obtainCode())))
    t.equal(new Set(codes.map(({ code }) => code)).size, 200, 'no two codes are the same')
    const won: Answer[] = []
    for (let at = 0; at < codes.length; at += 10) {
      const pairs = codes.slice(at, at + 10).flatMap((code) => [code, code])
      won.push(...succeeded(await Promise.all(pairs.map((code) => david.redeem(code)))))
    }
    t.equal(won.length, 200, 'one success each')
    t.equal(new Set(won.map(({ json }) => json['refresh_token'])).size, 200)
  })

  await t.test('RT-02: 50 uses of one refresh token inside the replay window', async (t) => {
    for (let round = 1; round <= ROUNDS; round++) {
      const first = await david.obtainTokens()
      const answers = await times(AT_ONCE, () => david.refresh(first.refresh_token))
      t.equal(succeeded(answers).length, AT_ONCE, `round ${round}: every one is answered`)
      t.equal(new Set(answers.map(({ text }) => text)).size, 1, 'byte for byte the same')
      t.equal(await liveTips(instance, first.refresh_token), 1, 'one live successor')
      if (answers[0]) t.equal(await lifeOf(david, tokensOf(answers[0])), ALIVE)
    }
  })

  await t.test('RT-02: ten rotations in a row, each asked for five times at once', async (t) => {
    let tokens = await david.obtainTokens()
    for (let step = 0; step < 10; step++) {
      const answers = await times(5, () => david.refresh(tokens.refresh_token))
      t.equal(new Set(answers.map(({ text }) => text)).size, 1)
      if (answers[0]) tokens = tokensOf(answers[0])
    }
    t.equal(await liveTips(instance, tokens.refresh_token), 1)
    t.equal(await lifeOf(david, tokens), ALIVE)
  })

  await t.test('RT-01: 50 uses of a spent refresh token outside the window', async (t) => {
    const other = await david.obtainTokens()
    const first = await david.obtainTokens()
    const second = tokensOf(await david.refresh(first.refresh_token))
    instance.advance(10_000)
    const refusals = tally(await times(AT_ONCE, () => david.refresh(first.refresh_token)))
    t.ok((refusals[REFRESH_REUSED] ?? 0) >= 1, 'told as a reuse')
    t.equal((refusals[REFRESH_REUSED] ?? 0) + (refusals[REVOKED] ?? 0), AT_ONCE, 'or as revoked by then')
    t.equal(audited('refresh_reuse'), 1, 'and on record once')
    t.equal(await lifeOf(david, second), DEAD, 'the whole family is dead')
    t.equal(await lifeOf(david, other), ALIVE, 'other families of the person are untouched')
  })

  await t.test('RT-02: without a replay window one use wins, and the others end the family', async (t) => {
    const strict = createRelyingParty(instance, { clientId: 'strict.app', login: 'david' })
    for (let round = 1; round <= ROUNDS; round++) {
      const first = await strict.obtainTokens()
      const won = succeeded(await times(AT_ONCE, () => strict.refresh(first.refresh_token)))
      t.equal(won.length, 1, `round ${round}: one success`)
      if (won[0]) t.equal(await lifeOf(strict, tokensOf(won[0])), DEAD)
      t.equal(await liveTips(instance, first.refresh_token), 0)
    }
  })

  await t.test('a revocation and 50 refreshes at once leave nothing alive', async (t) => {
    const first = await david.obtainTokens()
    const [revoked, answers] = await Promise.all([
      david.revoke(first.refresh_token),
      times(AT_ONCE, () => david.refresh(first.refresh_token)),
    ])
    t.equal(revoked.status, 200)
    for (const answer of succeeded(answers)) t.equal(await lifeOf(david, tokensOf(answer)), DEAD)
    t.equal(await liveTips(instance, first.refresh_token), 0)
  })

  await t.test('RFC 7009 §2.1: 50 revocations of one token are one on record', async (t) => {
    const { access_token, refresh_token } = await david.obtainTokens()
    for (const token of [access_token, refresh_token]) {
      const before = audited('token_revoked')
      const answers = await times(AT_ONCE, () => david.revoke(token))
      t.equal(succeeded(answers).length, AT_ONCE)
      t.equal(audited('token_revoked') - before, 1)
    }
  })

  await t.test('one completed sign-in gives one code that can be redeemed', async (t) => {
    const { browser } = createRelyingParty(instance, { clientId: APP, login: 'david' })
    const url = authorizeUrl(instance, { client_id: APP, redirect_uri: WEB_REDIRECT, scope: 'openid read' })
    const done = await signInAndConsent(browser, await browser.open(url), 'david', PASSWORD)
    const views = await times(10, () => browser.open(done.url))
    const codes = new Set([done, ...views].map(({ leftTo }) => leftTo?.searchParams.get('code') ?? 'none'))
    const answers = await Promise.all(
      [...codes].map((code) =>
        david.requestToken({ grant_type: 'authorization_code', redirect_uri: WEB_REDIRECT, code }),
      ),
    )
    t.equal(succeeded(answers).length, 1, 'the last one, which took the place of the others')
    t.strictSame(tally(answers), { '400 invalid_grant: the code is unknown': codes.size - 1 })
    const late = await browser.open(done.url)
    t.equal(late.page.querySelector('#error-code')?.text.trim(), 'interaction_expired')
  })

  await t.test('R-02: two servers on one database', async (t) => {
    const config = readConfig({ ...settingsOf(instance), TESSERA_LOG_LEVEL: 'silent' }, undefined)
    const core = await openCore(config, turnedByHand(instance.now))
    const second = await buildServer(config, core, { random: systemRandom })
    t.teardown(async () => {
      await second.close()
      await core.store.close()
    })
    const origin = await second.listen({ host: '127.0.0.1', port: 0 })
    const there = createRelyingParty({ issuer: `${origin}/id`, origin }, { clientId: APP, login: 'david' })
    const eitherOne = (index: number) => (index % 2 === 0 ? david : there)

    for (let round = 1; round <= 2; round++) {
      const code = await david.obtainCode()
      const redeemed = await times(AT_ONCE, (index) => eitherOne(index).redeem(code))
      t.strictSame(tally(redeemed), { [CODE_REUSED]: AT_ONCE - 1 }, `round ${round}: all but one are refused`)

      const first = await david.obtainTokens()
      const refreshed = await times(AT_ONCE, (index) => eitherOne(index).refresh(first.refresh_token))
      t.equal(succeeded(refreshed).length, AT_ONCE)
      t.equal(new Set(refreshed.map(({ text }) => text)).size, 1, 'the same answer from both')
      t.equal(await liveTips(instance, first.refresh_token), 1)
    }
  })
})
