import { request as httpRequest } from 'node:http'
import t from 'tap'
import type { Answer } from '../../fixtures/clients/http.ts'
import { type Code, createRelyingParty } from '../../fixtures/clients/relying-party.ts'
import { refusalOf } from '../../fixtures/clients/tokens.ts'
import { eventually } from '../../fixtures/instance/eventually.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { addApp, addPerson, prepareSite, serve } from '../../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { query } from '../../fixtures/store/database.ts'

const WEB = 'my.trusted.app/web'
const CODES = 16
const AT_ONCE = 4
const USED = '400 invalid_grant: the code has already been used; the tokens it was exchanged for are revoked'

// Starting processes takes its time on a busy machine.
t.setTimeout(120_000)

await t.test('CO-18: kill -9 while codes are redeemed', async (t) => {
  const site = await prepareSite(t)
  await addPerson(site, 'david', PASSWORD)
  const secret = await addApp(site, WEB, '--web', '--redirect-uri', WEB_REDIRECT)
  const party = createRelyingParty(site, { clientId: WEB, login: 'david', secret })
  const liveFamilies = async (): Promise<number> =>
    (await query(site, 'select family from token_families where revoked_at is null')).length
  let server = await serve(t, site)

  for (const killedAfter of [1, 4, 8]) {
    const codes: Code[] = []
    for (let made = 0; made < CODES; made++) codes.push(await party.obtainCode())
    const before = await liveFamilies()
    let answered = 0
    /** The answer, or nothing where the connection was cut off. */
    const redeem = async (code: Code): Promise<Answer | undefined> => {
      try {
        const answer = await party.redeem(code)
        if (++answered === killedAfter) server.kill('SIGKILL')
        return answer
      } catch (error) {
        if (error instanceof TypeError) return undefined
        throw error
      }
    }
    const firsts: (Answer | undefined)[] = []
    const waiting = codes.keys()
    const redeemSome = async (): Promise<void> => {
      for (const index of waiting) firsts[index] = await redeem(codes[index] as Code)
    }
    // Those that are sent at once are answered at once, and none of them would be cut off.
    await Promise.all(Array.from({ length: AT_ONCE }, redeemSome))
    t.strictSame(await server.ended(), { code: null, signal: 'SIGKILL' }, 'killed in the middle')
    server = await serve(t, site)

    const lost = codes.filter((_, index) => firsts[index] === undefined)
    for (const [index, code] of codes.entries()) {
      const first = firsts[index]
      if (first) t.equal(first.status, 200)
      const second = await party.redeem(code)
      if (first || second.status !== 200) t.equal(refusalOf(second), USED, 'what was redeemed stays redeemed')
      if (second.status === 200) t.equal(refusalOf(await party.redeem(code)), USED, 'never two sets of tokens')
    }
    t.ok(lost.length > 0, `${lost.length} of ${CODES} got no answer`)
    t.equal(await liveFamilies(), before, 'and nothing lives that was given for a code sent twice')
  }

  const before = await liveFamilies()
  const { code, verifier } = await party.obtainCode()
  const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: WEB_REDIRECT }
  // Its answer is never read, as when the network fails in between.
  const request = httpRequest(`${site.issuer}/connect/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  request.on('error', () => undefined)
  request.end(new URLSearchParams({ ...fields, client_id: WEB, client_secret: secret }).toString())
  t.equal(await eventually(liveFamilies, (count) => count === before + 1), before + 1, 'committed')
  server.kill('SIGKILL')
  await server.ended()
  await serve(t, site)
  for (const time of ['first', 'second'])
    t.equal(refusalOf(await party.redeem({ code, verifier, nonce: '' })), USED, `the ${time} retry`)
  t.equal(await liveFamilies(), before, 'what nobody got is revoked')
})
