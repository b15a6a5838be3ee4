import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { appPath } from '../../test/fixtures/admin/admin.ts'
import { tesseraOn, words } from '../../test/fixtures/cli/cli.ts'
import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import type { Route } from '../../test/fixtures/instance/routes.ts'
import { OTHER, OTHER_REDIRECT, WEB } from '../../test/fixtures/instance/world.ts'
import { cleanUpOf } from '../../test/fixtures/store/clean-up.ts'
import { type Crowd, fillWith } from '../../test/fixtures/store/crowd.ts'
import { alter, query } from '../../test/fixtures/store/database.ts'
import { type EachRoute, startEachRoute } from '../../test/fixtures/store/each-route.ts'
import { LISTS, MOST_ROWS, whatIsWide } from '../../test/fixtures/store/row-budget.ts'
import { type Asked, longestStall, rowsGoneThrough, statementsOf } from '../../test/fixtures/store/statements.ts'
import { defineCheck } from './lib/check.ts'
import { startPostgres } from './lib/postgres.ts'
import type { Run } from './lib/run.ts'
import { whenStarted } from './lib/when-started.ts'

const NOT_ALLOWED = 405

interface Limits {
  /** Milliseconds. */
  readonly longest: number
  /** How often each is asked, as the machine may be busy with something else once or twice. */
  readonly rounds: number
}

interface Endings {
  /** Milliseconds for which the event loop may be held. */
  readonly ending: number
  /** Milliseconds until the clean-up is stopped. */
  readonly patience: number
  /** Sign-ins; any number of them where nothing is said. */
  readonly mayBeLeft: number | undefined
}

interface Measured {
  /** How long the event loop was held, and how long the database took for one statement, at the longest; milliseconds. */
  readonly stall: number
  readonly statement: number
  readonly asked: readonly Asked[]
}

async function measure(work: () => Promise<unknown>): Promise<Measured> {
  let stall = 0
  const asked = await statementsOf(async () => {
    stall = await longestStall(work)
  })
  return { stall, statement: Math.max(0, ...asked.map(({ took }) => took)), asked }
}

/** The quietest of some rounds that were answered like the first. */
async function measureRoute(each: EachRoute, route: Route, most: number): Promise<Measured & { status: number }> {
  const rounds: Measured[] = []
  let first: number | undefined
  for (let round = 0; round < most && first !== NOT_ALLOWED; round++) {
    let status = 0
    const measured = await measure(async () => {
      status = (await each.ask(route)).status
    })
    first ??= status
    if (status === first) rounds.push(measured)
  }
  const asked = rounds[0]?.asked ?? []
  const least = (of: (one: Measured) => number): number => Math.min(...rounds.map(of))
  return {
    stall: least(({ stall }) => stall),
    statement: least(({ statement }) => statement),
    asked,
    status: first ?? 0,
  }
}

const isFile = ({ instance }: EachRoute): boolean => instance.databaseUrl.startsWith('file:')

/** How far the statements of a route go; each is looked at once, as most belong to every request. */
function createLook(each: EachRoute) {
  const known = new Map<string, { readonly rows: number; readonly steps: readonly string[] }>()

  async function lookAt(one: Asked) {
    const key = isFile(each) ? one.sql : JSON.stringify([one.sql, one.parameters])
    const rows = isFile(each) ? 0 : (known.get(key)?.rows ?? (await rowsGoneThrough(each.instance, one)))
    const steps = isFile(each) ? (known.get(key)?.steps ?? (await whatIsWide(each.instance, [one], false))) : []
    known.set(key, { rows, steps })
    return { rows: Math.max(rows, one.rows), steps }
  }

  return async (asked: readonly Asked[]) => {
    let widest = 0
    const wide: string[] = []
    for (const one of asked) {
      const { rows, steps } = await lookAt(one)
      widest = Math.max(widest, rows)
      wide.push(...(rows > MOST_ROWS ? [`${rows} rows: ${one.sql}`] : []), ...steps)
    }
    return { widest, wide }
  }
}

async function askEachRoute(run: Run, on: string, each: EachRoute, limits: Limits): Promise<void> {
  const { longest, rounds } = limits
  const [held, wide] = [[] as string[], [] as string[]]
  let [stall, rows, statement, asked] = [0, 0, 0, 0]
  const look = createLook(each)
  for (const route of each.routes) {
    const name = route.join(' ')
    const measured = await measureRoute(each, route, rounds)
    if (measured.status === NOT_ALLOWED) continue
    asked += 1
    const isList = LISTS.test(name)
    if (Math.max(measured.stall, measured.statement) > longest)
      held.push(`${name} ${Math.round(measured.stall)} ms, ${Math.round(measured.statement)} ms`)
    if (isList) continue
    stall = Math.max(stall, measured.stall)
    statement = Math.max(statement, measured.statement)
    const found = await look(measured.asked)
    rows = Math.max(rows, found.widest)
    wide.push(...found.wide.map((step) => `${name}: ${step}`))
  }
  for (const line of [...held, ...wide]) run.say(line)
  run.told(`${on}: routes`, asked)
  run.atMost(`${on}: longest hold of the event loop by a route, lists apart`, stall, longest, 'ms')
  run.told(`${on}: longest statement of a route, lists apart`, statement, 'ms')
  run.atMost(`${on}: rows that a route reads for a statement, lists apart`, rows, MOST_ROWS)
  run.none(`${on}: statements of a route that read all of a table that grows, or too many rows`, wide.length)
}

/** What ends a lot at once: who waits for it, and for how long. */
async function endALot(run: Run, on: string, each: EachRoute, { ending, patience, mayBeLeft }: Endings): Promise<void> {
  const { instance, admin } = each
  const told = ({ stall, statement }: Measured, what: string): void => {
    run.atMost(`${on}: ${what}: longest hold of the event loop`, stall, ending, 'ms')
    run.told(`${on}: ${what}: longest statement`, statement, 'ms')
  }
  const tessera = tesseraOn(instance)
  told(await measure(() => tessera(words('session end --user person1 --with-tokens'))), 'all that a person has ended')
  const status = async (work: Promise<{ readonly status: number }>): Promise<void> =>
    run.exactly(`${on}: answer to that`, (await work).status, 204)
  told(await measure(() => status(admin.remove('/users/person2'))), 'a person removed')
  told(await measure(() => status(admin.remove(appPath(WEB)))), 'the app of all tokens removed')
  const party = createRelyingParty(instance, { clientId: OTHER, redirectUri: OTHER_REDIRECT, login: 'david' })
  const cleanUp = cleanUpOf(instance)
  const timer = setTimeout(() => void cleanUp.stop(), patience)
  const [began, before] = [performance.now(), await rowsLeft(each)]
  const cleaned = await measure(async () => {
    const clean = cleanUp.run()
    await party.obtainTokens()
    await clean
  })
  clearTimeout(timer)
  const [seconds, left] = [(performance.now() - began) / 1000, await rowsLeft(each)]
  told(cleaned, 'clean-up of its sign-ins beside one at another app')
  run.told(`${on}: sign-ins of it that were cleaned up`, Math.round((before - left) / seconds), 'per second')
  run.atMost(`${on}: its sign-ins that are left after ${Math.round(seconds)} s`, left, mayBeLeft)
}

async function rowsLeft({ instance }: EachRoute): Promise<number> {
  const [row] = await query<{ left: number }>(
    instance,
    'select count(*) as left from token_families where application_uri = ?',
    WEB,
  )
  return Number(row?.left)
}

export const check = defineCheck({
  id: 'R-25',
  what: 'every route is asked beside many people, apps and tokens, and then the app of all tokens is removed',
  required:
    'nothing but a list reads more than 1,000 rows for a statement, or holds the event loop for more than 20 ms; an app of any size is removed at once',
  timed: true,
  // The gate asks every route of fewer records (test/store/each-route-reads-little.ts).
  nightly: true,
  async run(run, { longest, rounds, ending, patience, mayBeLeft, ...crowd }) {
    const databases = {
      SQLite: {},
      PostgreSQL: { TESSERA_DATABASE_URL: await (await startPostgres(run)).createDatabase() },
    }
    run.told('people', crowd.people)
    run.told('apps', crowd.apps)
    run.told('tokens', crowd.tokens)
    for (const [on, settings] of Object.entries(databases)) {
      const each = await startAmong(run, on, settings, crowd, rounds)
      await askEachRoute(run, on, each, { longest, rounds })
      await endALot(run, on, each, { ending, patience, mayBeLeft })
    }
  },
})

async function startAmong(run: Run, on: string, settings: object, crowd: Crowd, rounds: number): Promise<EachRoute> {
  const each = await startEachRoute({ teardown: run.defer } as Pick<Test, 'teardown'>, { ...settings }, rounds)
  const began = performance.now()
  await fillWith(each.instance, WEB, crowd)
  // PostgreSQL does so by itself, after a while.
  if (!isFile(each)) await alter(each.instance, 'analyze')
  // Connections that were idle for so long are closed by now, and whoever would use one is told so.
  await delay(1000)
  run.told(`${on}: filled after`, (performance.now() - began) / 1000, 's')
  return each
}

await whenStarted(import.meta.url, check)
