import type { Answer } from '../../test/fixtures/clients/http.ts'
import { createRelyingParty, type RelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { freePort } from '../../test/fixtures/instance/ports.ts'
import { defineCheck } from './lib/check.ts'
import { familiesWithTwoTips } from './lib/database.ts'
import { startNode } from './lib/node.ts'
import { startPostgres } from './lib/postgres.ts'
import type { Run } from './lib/run.ts'
import { prepareSite, type Site, WEB } from './lib/site.ts'
import { whenStarted } from './lib/when-started.ts'

interface Race {
  readonly name: string
  readonly site: Site
  /** The same person at the app, through each of the nodes. */
  readonly parties: readonly RelyingParty[]
  readonly rounds: number
  readonly together: number
}

const succeeded = (answers: readonly Answer[]): Answer[] => answers.filter(({ status }) => status === 200)
const unexpected = (answers: readonly Answer[]): number =>
  answers.filter(({ status, json }) => status !== 200 && json['error'] !== 'invalid_grant').length

/** As many requests at once, spread over the nodes. */
const atOnce = ({ parties, together }: Race, send: (party: RelyingParty) => Promise<Answer>): Promise<Answer[]> =>
  Promise.all(Array.from({ length: together }, (_, index) => send(parties[index % parties.length] as RelyingParty)))

async function raceCodes(run: Run, race: Race): Promise<void> {
  const [first] = race.parties as [RelyingParty]
  let [twice, none, odd] = [0, 0, 0]
  for (let round = 0; round < race.rounds; round++) {
    const code = await first.obtainCode()
    const answers = await atOnce(race, (party) => party.redeem(code))
    const won = succeeded(answers).length
    if (won > 1) twice++
    if (won === 0) none++
    odd += unexpected(answers)
  }
  run.told(`${race.name}: codes, each sent ${race.together} times at once`, race.rounds)
  run.none(`${race.name}: codes exchanged more than once`, twice)
  run.told(`${race.name}: codes that nobody got`, none)
  run.none(`${race.name}: other answers than success and invalid_grant`, odd)
}

async function raceRefreshTokens(run: Run, race: Race): Promise<void> {
  const [first] = race.parties as [RelyingParty]
  let [different, refused] = [0, 0]
  for (let round = 0; round < race.rounds; round++) {
    const { refresh_token: refresh } = await first.obtainTokens()
    const answers = await atOnce(race, (party) => party.refresh(refresh))
    if (new Set(succeeded(answers).map(({ text }) => text)).size !== 1) different++
    refused += answers.length - succeeded(answers).length
  }
  run.told(`${race.name}: refresh tokens, each sent ${race.together} times at once`, race.rounds)
  run.none(`${race.name}: tokens with more than one answer`, different)
  run.none(`${race.name}: uses inside the replay window refused`, refused)
  run.none(`${race.name}: families with two live successors`, await familiesWithTwoTips(race.site))
}

/** Makes every UPDATE of what may be used once slow, so that transactions overlap for certain. */
const slowUpdates = (milliseconds: number): string => `
  create function slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(${milliseconds / 1000}); return new; end $$;
  create trigger slow_codes before update on authorization_codes for each row execute function slowly();
  create trigger slow_tokens before update on refresh_tokens for each row execute function slowly();`

export const check = defineCheck({
  id: 'R-02',
  what: 'the same code, and the same refresh token, sent 50 times at once: one node on SQLite; two nodes on PostgreSQL, also with slow statements',
  required: 'a code is exchanged once at most; a refresh token has one successor, and every answer is the same',
  async run(run, { rounds, together, delay }) {
    const sqlite = await prepareSite(run, { people: 1 })
    await startNode(run, sqlite)
    const alone = createRelyingParty(sqlite, { clientId: WEB, login: 'person0' })
    const one: Race = { name: 'one node on SQLite', site: sqlite, parties: [alone], rounds, together }
    await raceCodes(run, one)
    await raceRefreshTokens(run, one)

    const server = await startPostgres(run)
    const site = await prepareSite(run, { people: 1, databaseUrl: await server.createDatabase() })
    await startNode(run, site)
    const second = await startNode(run, site, { port: await freePort() })
    const there = { origin: second.origin, issuer: `${second.origin}/id` }
    const parties = [site, there].map((at) => createRelyingParty(at, { clientId: WEB, login: 'person0' }))
    const two: Race = { name: 'two nodes on PostgreSQL', site, parties, rounds, together }
    await raceCodes(run, two)
    await raceRefreshTokens(run, two)

    await server.query(slowUpdates(delay), site.databaseUrl)
    const slow: Race = { ...two, name: `the same, each UPDATE ${delay} ms slower` }
    await raceCodes(run, slow)
    await raceRefreshTokens(run, slow)
  },
})

await whenStarted(import.meta.url, check)
