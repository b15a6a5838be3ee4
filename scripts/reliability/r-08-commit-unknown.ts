import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { tokensOf } from '../../test/fixtures/clients/tokens.ts'
import { defineCheck } from './lib/check.ts'
import { startCuttingProxy } from './lib/cutting-proxy.ts'
import { familiesWithTwoTips } from './lib/database.ts'
import { startNode } from './lib/node.ts'
import { startPostgres } from './lib/postgres.ts'
import { prepareSite, WEB } from './lib/site.ts'
import { whenStarted } from './lib/when-started.ts'

export const check = defineCheck({
  id: 'R-08',
  what: 'the connection to PostgreSQL is cut while a refresh or an exchange commits: before the commit arrives, or before its answer does',
  required: 'the app gets 503 and never tokens; asking again gives one successor, never two that live',
  async run(run, { cuts }) {
    const server = await startPostgres(run)
    const proxy = await startCuttingProxy(run, server.port)
    const site = await prepareSite(run, { people: 1, databaseUrl: await server.createDatabase(proxy.port) })
    await startNode(run, site)
    const party = createRelyingParty(site, { clientId: WEB, login: 'person0' })
    let tokens = await party.obtainTokens()
    let [unavailable, successes, odd, lost, regained, exchanged] = [0, 0, 0, 0, 0, 0]
    for (let round = 0; round < cuts; round++) {
      const code = round % 3 === 2 ? await party.obtainCode() : undefined
      const send = () => (code ? party.redeem(code) : party.refresh(tokens.refresh_token))
      proxy.cutNext(run.random() < 0.5 ? 'before' : 'after')
      const { status, text } = await send()
      if (status === 503) unavailable++
      else if (status === 200) successes++
      else odd++
      if (status !== 503) run.say(`${code ? 'exchange' : 'refresh'}: ${status} ${text.slice(0, 200)}`)
      const again = await send()
      if (again.status === 200) {
        tokens = tokensOf(again)
        regained++
      } else if (code) {
        // The code was used up for tokens that nobody saw; they are dead, and the person signs in again.
        lost++
        tokens = await party.obtainTokens()
      } else odd++
      if (code) exchanged++
      if ((await party.introspect(tokens.refresh_token)).json['active'] !== true) odd++
    }
    run.told('refreshes cut', cuts - exchanged)
    run.told('exchanges cut', exchanged)
    run.told('cut before the commit', proxy.cuts.before)
    run.told('cut after the commit', proxy.cuts.after)
    run.exactly('answered 503', unavailable, cuts)
    run.none('answered as a success', successes)
    run.none('answered otherwise', odd)
    run.told('asked again: tokens', regained)
    run.told('asked again: the code was used up, the person signs in anew', lost)
    run.none(
      'families with two live successors',
      await familiesWithTwoTips({ databaseUrl: directly(site.databaseUrl, server.port) }),
    )
  },
})

function directly(databaseUrl: string, port: number): string {
  const url = new URL(databaseUrl)
  url.port = String(port)
  return url.href
}

await whenStarted(import.meta.url, check)
