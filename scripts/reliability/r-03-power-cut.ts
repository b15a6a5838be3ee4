import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { freePort } from '../../test/fixtures/instance/ports.ts'
import { defineCheck } from './lib/check.ts'
import { familiesWithTwoTips, integrityOf } from './lib/database.ts'
import { mountCopy, mountImage } from './lib/disk.ts'
import type { Family } from './lib/journal.ts'
import { createLoad, type Load } from './lib/load.ts'
import { type Node, startNode } from './lib/node.ts'
import { type Breaches, holdAgainst, noBreaches } from './lib/promises.ts'
import type { Run } from './lib/run.ts'
import { prepareSite, type Site, WEB } from './lib/site.ts'
import { whenStarted } from './lib/when-started.ts'

const MEBIBYTES = 96

interface Scene {
  readonly run: Run
  readonly site: Site
  readonly image: string
  readonly node: Node
  readonly load: Load
  readonly breaches: Breaches
  readonly damaged: string[]
}

/** What had reached the disk at one moment, and what apps had been told by then. */
async function cut({ run, site, image, node, load }: Scene): Promise<{ copy: string; families: Family[] }> {
  // Never told to reach the disk, so that it must be missing after a cut: a check of the check.
  writeFileSync(join(site.folder, 'canary'), 'not synchronised')
  node.kill('SIGSTOP')
  // Answers that were sent reach their apps.
  await delay(100)
  const families = load.journal.families.map((family) => ({ ...family, spent: [...family.spent] }))
  const copy = join(run.scratch(), 'image')
  copyFileSync(image, copy)
  node.kill('SIGCONT')
  return { copy, families }
}

/** Starts another server on what was on the disk, and asks it. @returns whether the canary was gone */
async function inspect(scene: Scene, copy: string, families: readonly Family[]): Promise<boolean> {
  const { run, site, breaches, damaged } = scene
  const { folder, unmount } = mountCopy(run, copy)
  const databaseUrl = `file:${folder}/tessera.db`
  const settings = { ...site.settings, TESSERA_DATA_DIR: folder, TESSERA_DATABASE_URL: databaseUrl }
  const canary = join(folder, 'canary')
  const gone = !existsSync(canary) || readFileSync(canary, 'utf8') !== 'not synchronised'
  const node = await startNode(run, { ...site, settings }, { port: await freePort() })
  const there = { origin: node.origin, issuer: `${node.origin}/id` }
  const party = createRelyingParty(there, { clientId: WEB, login: '' })
  const asked = families.map((family) => ({ ...family, party }))
  await holdAgainst(run, asked, breaches)
  const [integrity, twoTips] = [await integrityOf({ databaseUrl }), await familiesWithTwoTips({ databaseUrl })]
  if (integrity !== 'ok' || twoTips > 0) damaged.push(`integrity_check ${integrity}, ${twoTips} families with two tips`)
  node.kill('SIGKILL')
  await node.ended()
  unmount()
  rmSync(copy)
  return gone
}

export const check = defineCheck({
  id: 'R-03',
  what: 'power cuts: the bytes below the mounted file system are copied while apps are served, and another server starts on the copy',
  required: 'nothing acknowledged is missing, nothing revoked alive, integrity_check ok',
  async run(run, { cuts, people, longestRound }) {
    const { folder, image } = mountImage(run, MEBIBYTES)
    const site = await prepareSite(run, { people, folder })
    const node = await startNode(run, site)
    const load = createLoad(run, site)
    const scene: Scene = { run, site, image, node, load, breaches: noBreaches(), damaged: [] }
    const driven = load.drive()
    while (load.journal.families.length < people) await delay(20)
    let gone = 0
    for (let round = 0; round < cuts; round++) {
      await delay(run.random() * longestRound)
      const { copy, families } = await cut(scene)
      if (await inspect(scene, copy, families)) gone++
    }
    load.stop()
    await driven
    run.told('power cuts', cuts)
    run.told('acknowledged answers', load.journal.acknowledged)
    run.told('sign-ins looked at on the copies', scene.breaches.looked)
    run.none('acknowledged writes lost', scene.breaches.missing)
    run.none('revoked tokens active again', scene.breaches.revived)
    run.none('spent tokens active again', scene.breaches.unspent)
    run.none('damaged databases', scene.damaged.length)
    run.atLeast('cuts that lost a file which nobody synchronised, as they must', gone, 1)
  },
})

await whenStarted(import.meta.url, check)
