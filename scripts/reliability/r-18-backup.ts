import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { defineCheck } from './lib/check.ts'
import { startCommand } from './lib/command.ts'
import { integrityOf } from './lib/database.ts'
import type { Family } from './lib/journal.ts'
import { countOf, createLoad, driveFor } from './lib/load.ts'
import { startNode } from './lib/node.ts'
import { newest } from './lib/promises.ts'
import type { Run } from './lib/run.ts'
import { prepareSite, type Site, WEB } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'
import type { Result } from './lib/worker.ts'

const p99Of = (results: readonly Result[]): number =>
  quantile(
    results.filter(({ action }) => action === 'refresh').map(({ took }) => took),
    0.99,
  )

/** Runs a command that must succeed. */
async function succeed(site: Site, args: readonly string[]): Promise<void> {
  const { code, stderr } = await startCommand(args, site.settings).ended
  if (code !== 0) throw new Error(`tessera ${args.join(' ')}: exit code ${code}: ${stderr}`)
}

/** Makes an instance out of a backup in an empty folder, and tries to use what was issued before. @returns how much of it works */
async function usableAfterRestore(run: Run, site: Site, backup: string, families: readonly Family[]): Promise<number> {
  const folder = join(run.scratch(), 'data')
  mkdirSync(folder, { mode: 0o700 })
  copyFileSync(join(site.folder, 'master.key'), join(folder, 'master.key'))
  const databaseUrl = `file:${folder}/tessera.db`
  const settings = { ...site.settings, TESSERA_DATA_DIR: folder, TESSERA_DATABASE_URL: databaseUrl }
  const restored: Site = { ...site, folder, databaseUrl, settings }
  await succeed(restored, ['db', 'restore', backup])
  const node = await startNode(run, restored)
  const party = createRelyingParty(restored, { clientId: WEB, login: 'person0' })
  let usable = 0
  for (const { tokens, spent, code } of families) {
    const answers = [await party.refresh(tokens.refresh_token), await party.redeem(code)]
    for (const token of spent.slice(-1)) answers.push(await party.refresh(token))
    usable += answers.filter(({ status }) => status !== 400).length
    if ((await party.introspect(tokens.access_token)).json['active'] !== false) usable++
  }
  const works = await party.obtainTokens()
  if ((await party.introspect(works.access_token)).json['active'] !== true)
    throw new Error('nobody can sign in any more')
  if ((await integrityOf(restored)) !== 'ok') throw new Error('the restored database is damaged')
  node.kill('SIGKILL')
  await node.ended()
  return usable
}

export const check = defineCheck({
  id: 'R-18',
  what: 'tessera db backup while apps are served, and each backup restored into an empty folder',
  required:
    'every backup can be restored and is sound, answers take twice as long at most (p99), no code and no token issued before works after the restore; the recovery point is the last backup',
  timed: true,
  async run(run, { backups, before, every, perSecond, people, slower }) {
    const site = await prepareSite(run, { people })
    const node = await startNode(run, site)
    const load = createLoad(run, site)
    await driveFor(load, before, { perSecond })
    const idle = p99Of(load.results.slice(Math.floor(load.results.length / 2)))

    const from = load.results.length
    const driven = load.drive({ perSecond })
    const folder = run.scratch()
    const files: string[] = []
    for (let made = 0; made < backups; made++) {
      const file = join(folder, `backup-${made}.db`)
      await succeed(site, ['db', 'backup', file])
      files.push(file)
      await delay(every)
    }
    load.stop()
    await driven
    const results = load.results.slice(from)
    run.told('backups', backups)
    run.told('p99 of a refresh without backups', idle, 'ms')
    run.atMost('p99 with backups, times that', p99Of(results) / idle, slower)
    run.none('answers that were not 200', results.length - countOf(results, 'ok'))
    node.kill('SIGTERM')
    await node.ended()
    let usable = 0
    for (const file of files) usable += await usableAfterRestore(run, site, file, newest(load.journal.families, 20))
    run.told('backups restored, signed in to and sound', files.length)
    run.none('codes and tokens from before that work after a restore', usable)
  },
})

await whenStarted(import.meta.url, check)
