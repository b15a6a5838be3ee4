import { setTimeout as delay } from 'node:timers/promises'
import { createRelyingParty, type RelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { defineCheck } from './lib/check.ts'
import { ask } from './lib/database.ts'
import { createFakeClock, type FakeClock } from './lib/fake-clock.ts'
import { type Node, startNode } from './lib/node.ts'
import type { Run } from './lib/run.ts'
import { prepareSite, type Site, WEB } from './lib/site.ts'
import { whenStarted } from './lib/when-started.ts'

// Seconds; what must have expired by the second start, and what a step forward makes expire.
const ACCESS = 60
const REFRESH = 1800
const SECOND_START = 300

interface Scene {
  readonly run: Run
  readonly site: Site
  readonly clock: FakeClock
  readonly party: RelyingParty
  node: Node
}

/** Each tells whether something that is over is still refused. */
type Refused = Readonly<Record<string, () => Promise<boolean>>>

/** Something expired, something revoked, something used. */
async function bringToAnEnd({ party }: Scene): Promise<Refused> {
  const expired = await party.obtainTokens()
  const expiredCode = await party.obtainCode()
  const revoked = await party.obtainTokens()
  await party.revoke(revoked.refresh_token)
  const first = await party.obtainTokens()
  await party.refresh(first.refresh_token)
  const inactive = async (token: string) => (await party.introspect(token)).json['active'] === false
  return {
    'the expired access token': () => inactive(expired.access_token),
    'the expired code': async () => (await party.redeem(expiredCode)).status === 400,
    'the revoked access token': () => inactive(revoked.access_token),
    'the revoked refresh token': async () => (await party.refresh(revoked.refresh_token)).status === 400,
    'the used refresh token': () => inactive(first.refresh_token),
  }
}

async function countRevived(run: Run, refused: Refused): Promise<number> {
  let revived = 0
  for (const [name, stillRefused] of Object.entries(refused)) {
    if (await stillRefused()) continue
    revived++
    run.say(`${name} is usable again`)
  }
  return revived
}

/** Whether people can sign in, and apps refresh and use what they get. */
async function works({ party }: Scene): Promise<boolean> {
  const tokens = await party.obtainTokens()
  const next = await party.refresh(tokens.refresh_token)
  return next.status === 200 && (await party.introspect(String(next.json['access_token']))).json['active'] === true
}

async function hasWarned({ node }: Scene, since: number, patience: number): Promise<boolean> {
  const until = performance.now() + patience
  while (performance.now() < until) {
    if (node.records.slice(since).some((record) => 'clock' in record)) return true
    await delay(100)
  }
  return false
}

async function countSteps({ site }: Scene): Promise<number> {
  const events = await ask(site, `select count(*) as events from audit_events where event = 'clock_stepped'`)
  return Number(events[0]?.['events'])
}

/** The log tells of a step just before it is written down, and a node that is killed in between is no fault. */
async function untilAudited(scene: Scene, before: number): Promise<void> {
  const until = performance.now() + 5000
  while ((await countSteps(scene)) === before && performance.now() < until) await delay(100)
}

async function stepBack(scene: Scene, refused: Refused, seconds: number): Promise<void> {
  const { run, clock } = scene
  const name = `${seconds} s`
  const since = scene.node.records.length
  const steps = await countSteps(scene)
  clock.set(SECOND_START + seconds)
  run.none(`${name}: over before, and usable again`, await countRevived(run, refused))
  run.that(`${name}: sign-in and refresh work`, await works(scene))
  run.that(`${name}: warned`, await hasWarned(scene, since, 12_000))
  await untilAudited(scene, steps)
  scene.node.kill('SIGKILL')
  await scene.node.ended()
  scene.node = await startNode(run, scene.site, { env: clock.env })
  run.none(`${name}, and a restart: over before, and usable again`, await countRevived(run, refused))
  clock.set(SECOND_START)
}

async function stepForward(scene: Scene, seconds: number, stay: number): Promise<void> {
  const { run, clock, party } = scene
  const name = `+${seconds} s`
  const { refresh_token: refresh } = await party.obtainTokens()
  const isActive = async () => (await party.introspect(refresh)).json['active'] === true
  clock.set(SECOND_START + seconds)
  run.that(`${name}: what expires by then is refused`, !(await isActive()))
  await delay(stay)
  clock.set(SECOND_START)
  const corrected = performance.now()
  while (!(await isActive()) && performance.now() - corrected < 60_000) await delay(100)
  run.atMost(`${name}, then corrected: usable again after`, performance.now() - corrected, 60_000, 'ms')
  run.that(`${name}, then corrected: the refresh token works`, (await party.refresh(refresh)).status === 200)
  run.that(`${name}, then corrected: sign-in and refresh work`, await works(scene))
}

export const check = defineCheck({
  id: 'R-09',
  what: 'the clock of the machine is set back and forth while the server runs',
  required:
    'set back: what was expired, used or revoked stays refused, also after a restart; set forward and corrected: usable again within 60 s; a warning and an audit event',
  async run(run, { back, forward, stay }) {
    const clock = createFakeClock(run.scratch())
    const app = { AccessTokenLifetime: ACCESS, RefreshTokenLifetime: REFRESH }
    const site = await prepareSite(run, { people: 1, app })
    // An instance that has run for a while knows the time; a new one would learn it in an hour.
    await site.tessera(['db', 'clock', '--reset'])
    const party = createRelyingParty(site, { clientId: WEB, login: 'person0' })
    const scene: Scene = { run, site, clock, party, node: await startNode(run, site, { env: clock.env }) }
    const refused = await bringToAnEnd(scene)
    scene.node.kill('SIGTERM')
    await scene.node.ended()
    // Time has passed while it was stopped, as far as anybody can know.
    clock.set(SECOND_START)
    scene.node = await startNode(run, site, { env: clock.env })
    run.none('over after a while, and usable', await countRevived(run, refused))
    for (const seconds of back) await stepBack(scene, refused, seconds)
    for (const seconds of forward) await stepForward(scene, seconds, stay)
    run.atLeast('audit events clock_stepped', await countSteps(scene), back.length)
  },
})

await whenStarted(import.meta.url, check)
