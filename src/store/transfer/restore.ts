import { copyFileSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { sql } from 'kysely'
import type { AuditedUnit } from '../../domain/instance/audit.ts'
import { TIME_REACHED } from '../../domain/instance/instance-settings.ts'
import type { KeyRing } from '../../lib/crypto/master-key.ts'
import { makeFolder } from '../../lib/files/make-folder.ts'
import { fileUrlOf, parseDatabaseUrl } from '../../lib/net/database-url.ts'
import { requireLocalDisk } from '../engine/local-disk.ts'
import { ForeignDatabase } from '../engine/migrations.ts'
import { auditEventsOn } from '../repositories/instance/audit-events.ts'
import { type Arrival, type BackupMark, moveStateOn } from '../repositories/instance/move-state.ts'
import { settingsOn } from '../repositories/instance/settings.ts'
import { tablesOf } from '../schema/tables.ts'
import { requireSound } from './backup.ts'
import { claim, requireOurs, whyNotFillable } from './claim.ts'
import { draftBeside, draftIn } from './draft.ts'
import { createPrivateFile } from './durable-file.ts'
import { type Ended, endGrants, latestTime } from './end-grants.ts'
import { type EndedUsed, endUsed, type LiveSecrets } from './end-used.ts'
import { holdDatabase } from './in-use.ts'
import { isSameFile } from './output-file.ts'
import { enterPlace, openPlace, type Place, shownPlace } from './place.ts'
import { planOf } from './plan.ts'
import { type Report, reconcile } from './reconcile.ts'
import { TransferRefused } from './refused.ts'
import { requireKeys } from './require-keys.ts'
import { goBack, isAheadOf, knownTimeOf } from './reset-clock.ts'
import { rowsOn } from './rows.ts'
import { exchange, publishNew, realPathOf } from './take-its-place.ts'
import { tellOf, toldPlace } from './told-place.ts'

/** What a backup turned out to be. */
export interface Restored {
  readonly file: string
  readonly to: string
  /** Its mark; absent in a file that was copied by other means. */
  readonly backup: BackupMark | undefined
  readonly ended: Ended & EndedUsed
  readonly tables: readonly { table: string; rows: number }[]
  /** How many app secrets open under none of the keys at hand. */
  readonly secretsWithoutKey: number
  /** Where the database that was there before is kept. */
  readonly aside: string | undefined
}

interface Restoring {
  readonly file: string
  readonly url: string
  /** Whether a SQLite database that is there may be put aside. */
  readonly replace: boolean
  readonly run: string
  /** The master keys at hand; the mark of the backup says which one is in force from now on. */
  readonly ring: KeyRing
  readonly clock: () => number
  /** Whether a backup that knows of later times than the clock is taken in all the same. */
  readonly acceptClock: boolean
  readonly report: Report
  /** Tells the audit log in the same transaction. */
  readonly record: (unit: AuditedUnit, ended: Ended & EndedUsed, backup: BackupMark | undefined) => Promise<void>
}

// What clocks may differ by, milliseconds.
const TOLERATED = 60_000

/**
 * Takes a backup in as a new instance: everything as it was, but nothing that was ever issued is good any more.
 * The copy is finished and checked before it takes its place.
 * @throws TransferRefused, NewerSchema
 */
export async function restoreDatabase(restoring: Restoring): Promise<Restored> {
  const { file, url, replace, run, report } = restoring
  if (!existsSync(file)) throw new TransferRefused(`there is no file ${resolve(file)}`)
  const address = parseDatabaseUrl(url)
  if (address.kind === 'postgres') return restoreInto(restoring)
  const path = realPathOf(resolve(address.path))
  if (isSameFile(file, path)) throw new TransferRefused('the backup is the database itself; copy it elsewhere first')
  requireLocalDisk(path)
  const isThere = existsSync(path)
  if (isThere && !replace)
    throw new TransferRefused(
      `${shownPlace(url)} already exists; --replace keeps it under another name and restores the backup in its place`,
    )
  // Held until the new file is ready, so that nobody begins to serve the old one meanwhile.
  const held = isThere ? holdDatabase(path) : undefined
  try {
    makeFolder(dirname(path))
    const draft = draftBeside(path, 'restoring')
    try {
      const prepared = await prepare(
        { ...restoring, liveSecrets: held?.liveSecrets(restoring.clock()) },
        draft.path,
        report,
      )
      const aside = isThere ? `${path}.before-restore-${run.slice(0, 8)}` : undefined
      if (aside === undefined) publishNew(draft.path, path)
      else {
        held?.putAside({ restored: resolve(file), in: shownPlace(url), at: restoring.clock() })
        exchange(draft.path, path, aside, () => held?.takeBack())
      }
      return { ...prepared, file: resolve(file), to: shownPlace(url), aside }
    } finally {
      draft.discard()
    }
  } catch (error) {
    throw tellOf(shownPlace(url), error)
  } finally {
    held?.release()
  }
}

type Prepared = Pick<Restored, 'backup' | 'ended' | 'tables' | 'secretsWithoutKey'>

interface Preparing extends Restoring {
  readonly liveSecrets?: LiveSecrets
}

/** Makes a copy of the backup that is up to date and in which no grant lives. */
async function prepare(restoring: Preparing, draft: string, report: Report): Promise<Prepared> {
  const { file, ring, clock, acceptClock, record, liveSecrets } = restoring
  createPrivateFile(draft)
  copyFileSync(file, draft)
  // Where the last writer could not clean up, the newest rows are still beside the file.
  if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${draft}-wal`)
  const place = openCopy(draft, resolve(file))
  try {
    await requireSound(place.db)
    await requireInstance(place, resolve(file))
    await place.migrations.migrate()
    const secretsWithoutKey = await requireKeys(place.db, ring)
    const state = moveStateOn(place.db)
    const [backup, arrival] = [await state.get('backup'), await state.get('arrival')]
    if (arrival)
      throw new TransferRefused(`${resolve(file)} is the target of an unfinished ${arrival.kind}, not a backup`)
    const now = clock()
    if (!acceptClock) await requireLaterThan(place, now)
    const ended = await place.transact(async (db) => {
      const known = await knownTimeOf(db)
      const grants = isAheadOf(known, now) ? await goBack(db, now, known) : await endGrants(db, now)
      const all = { ...grants, ...(await endUsed(db, now, liveSecrets)) }
      // Nothing issued is good any more, so however old the backup is, the clock counts.
      await settingsOn(db).set(TIME_REACHED, String(now))
      await record({ auditEvents: auditEventsOn(db) }, all, backup)
      await db.deleteFrom('move_state').execute()
      return all
    })
    const tables = await countAll(place, report)
    await sql`pragma journal_mode = delete`.execute(place.db)
    return { backup, ended, tables, secretsWithoutKey }
  } finally {
    await place.close()
  }
}

async function requireInstance({ migrations }: Place, file: string): Promise<void> {
  const { applied } = await migrations.status().catch((error: unknown) => {
    if (error instanceof ForeignDatabase) return { applied: [] }
    throw error
  })
  if (applied.length === 0) throw new TransferRefused(`${file} does not hold a Tessera instance`)
}

function openCopy(draft: string, file: string): Place {
  try {
    return openPlace(fileUrlOf(draft), 'make')
  } catch (error) {
    throw new TransferRefused(`${file} is not a readable backup: ${(error as Error).message}`)
  }
}

/** PostgreSQL is filled from a prepared copy, and marked until it is complete. */
async function restoreInto(restoring: Restoring): Promise<Restored> {
  const { file, url, run, report } = restoring
  const arrival: Arrival = { kind: 'restore', from: fileUrlOf(resolve(file)), run }
  const target = toldPlace(await enterPlace(url, 'make'))
  const draft = draftIn(tmpdir())
  try {
    const prepared = await prepare(restoring, draft.path, () => undefined)
    const source = openPlace(fileUrlOf(draft.path), 'write')
    try {
      const plan = await planOf((await source.migrations.status()).applied.at(-1) ?? '')
      const obstacle = await whyNotFillable(target, plan, arrival)
      if (obstacle !== undefined) throw new TransferRefused(obstacle)
      const filling = await claim(target, plan, arrival)
      await source.snapshot((db) => reconcile(plan, rowsOn(db), filling, new Map(), report))
    } finally {
      await source.close()
    }
    await target.transact(async (db) => {
      await requireOurs(db, arrival)
      await moveStateOn(db).remove('arrival')
    })
    return { ...prepared, file: resolve(file), to: target.shown, aside: undefined }
  } finally {
    await target.close()
    draft.discard()
  }
}

/** What follows the epochs is the clock, so it may not be behind. */
async function requireLaterThan({ db }: Place, now: number): Promise<void> {
  const latest = await latestTime(db)
  if (latest > now + TOLERATED)
    throw new TransferRefused(
      `the clock of this machine says ${new Date(now).toISOString()}, but the backup knows of ${new Date(latest).toISOString()}; set the clock first, or, if it is right, run this again with --accept-clock`,
    )
}

async function countAll(place: Place, report: Report): Promise<{ table: string; rows: number }[]> {
  const plan = await planOf((await place.migrations.status()).applied.at(-1) ?? '')
  const present = await tablesOf(place.db)
  const counted = []
  for (const { name } of plan.filter((table) => present.includes(table.name))) {
    const rows = await rowsOn(place.db).count({ name })
    report({ stage: 'restored', table: name, done: rows, of: rows })
    counted.push({ table: name, rows })
  }
  return counted
}
