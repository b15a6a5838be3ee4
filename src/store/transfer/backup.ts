import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { fileUrlOf } from '../../lib/net/database-url.ts'
import { isoTime } from '../../lib/time/clock.ts'
import { moveStateOn, OutOfService } from '../repositories/instance/move-state.ts'
import type { Schema } from '../schema/schema.ts'
import { tablesOf } from '../schema/tables.ts'
import { withoutAnswers } from './answers.ts'
import { shownChecksum } from './digest.ts'
import { type Draft, draftBeside } from './draft.ts'
import type { Moved } from './move.ts'
import { type Guarded, type Output, publishOutput, requireFree } from './output-file.ts'
import { enterPlace, openPlace, type Place } from './place.ts'
import { planOf } from './plan.ts'
import { type Report, reconcile, totalOf } from './reconcile.ts'
import { TransferRefused } from './refused.ts'
import { keyOf, rowsOn } from './rows.ts'
import { tellOf, toldPlace } from './told-place.ts'

export interface BackupOutcome {
  readonly of: string
  readonly file: string
  /** The moment that it holds, milliseconds since 1970. */
  readonly at: number
  readonly bytes: number
  readonly tables: readonly Moved[]
}

interface BackingUp {
  readonly url: string
  readonly file: string
  /** Whether an earlier backup of that name may be replaced. */
  readonly force: boolean
  /** What is never written over. */
  readonly guarded: readonly Guarded[]
  readonly report: Report
  readonly clock: () => number
}

/**
 * Copies one moment of a database, SQLite or PostgreSQL, into a SQLite file of its own while everybody goes on writing.
 * The schema stays as old as it is, so that a backup can be made before an upgrade.
 * @throws TransferRefused, OutputRefused
 */
export async function backUpDatabase(wanted: BackingUp): Promise<BackupOutcome> {
  const { url, file, force, guarded, report, clock } = wanted
  const path = resolve(file)
  const output: Output = { path, guarded, over: force ? 'backup' : 'nothing' }
  requireFree(output)
  const source = await enterPlace(url, 'read')
  try {
    const { applied } = await source.migrations.status()
    const level = applied.at(-1)
    if (level === undefined)
      throw new TransferRefused(`${source.shown} does not hold an instance, so there is nothing to back up`)
    await requireWhole(source)
    const draft = makeDraft(path)
    try {
      const at = clock()
      const tables = await fill({ draft: draft.path, path }, source, level, at, report)
      publish(draft.path, output)
      return { of: source.shown, file: path, at, bytes: statSync(path).size, tables }
    } finally {
      draft.discard()
    }
  } finally {
    await source.close()
  }
}

/** @param path what the draft is to become, which people know */
function openTarget(draft: string, path: string): Place {
  try {
    return toldPlace({ ...openPlace(fileUrlOf(draft), 'make'), shown: path })
  } catch (error) {
    throw tellOf(path, error)
  }
}

function publish(draft: string, output: Output): void {
  try {
    publishOutput(draft, output)
  } catch (error) {
    throw tellOf(output.path, error)
  }
}

function makeDraft(path: string): Draft {
  try {
    return draftBeside(path, 'part')
  } catch (error) {
    throw new TransferRefused(`${(error as Error).message}; choose a folder that exists and is writable`)
  }
}

async function fill(
  { draft, path }: { readonly draft: string; readonly path: string },
  source: Place,
  level: string,
  at: number,
  report: Report,
): Promise<Moved[]> {
  const plan = await planOf(level)
  const target = openTarget(draft, path)
  try {
    await target.migrations.migrate(level)
    const rows = rowsOn(target.db)
    const filling = { rows, transact: (unit: Parameters<typeof transact>[1]) => transact(target, unit) }
    await target.transact(async (db) => {
      for (const table of plan)
        await rowsOn(db).remove(
          table,
          table.given.map((row) => keyOf(table, row)),
        )
    })
    const { proof } = await source.snapshot((db) =>
      reconcile(plan, withoutAnswers(rowsOn(db)), filling, new Map(), report),
    )
    await target.transact(async (db) => {
      await db.schema
        .createTable('move_state')
        .ifNotExists()
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute()
      await moveStateOn(db).set('backup', { of: source.shown, at })
    })
    await requireSound(target.db)
    // One file and nothing beside it.
    await sql`pragma journal_mode = delete`.execute(target.db).catch((error: unknown) => {
      throw tellOf(path, error)
    })
    return plan.map((table) => {
      const total = totalOf(proof, table)
      return { table: table.name, rows: total.rows, checksum: shownChecksum(total) }
    })
  } finally {
    await target.close()
  }
}

const transact = (place: Place, unit: (rows: ReturnType<typeof rowsOn>) => Promise<void>): Promise<void> =>
  place.transact((db) => unit(rowsOn(db)))

/** @throws TransferRefused with the first thing SQLite finds wrong */
export async function requireSound(db: Kysely<Schema>): Promise<void> {
  const faults = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(db)
  const [fault] = faults.rows.map((row) => row.integrity_check).filter((text) => text !== 'ok')
  if (fault !== undefined) throw new TransferRefused(`the file is damaged: ${fault.split('\n')[0]}`)
  const orphans = await sql<{ table: string; parent: string }>`pragma foreign_key_check`.execute(db)
  const [orphan] = orphans.rows
  if (orphan)
    throw new TransferRefused(
      `the file is damaged: a row of ${orphan.table} refers to a missing row of ${orphan.parent}`,
    )
}

/** Half an instance is nothing to keep, and one that lives elsewhere by now would look like a backup of that. */
async function requireWhole({ db, shown }: Place): Promise<void> {
  if (!(await tablesOf(db)).includes('move_state')) return
  const state = moveStateOn(db)
  const arrival = await state.get('arrival')
  if (arrival) throw new OutOfService(`${shown} is the target of an unfinished ${arrival.kind} from ${arrival.from}`)
  if (await state.get('backup')) throw new OutOfService(`${shown} is a backup itself; copy the file`)
  const departure = await state.get('departure')
  if (departure)
    throw new OutOfService(
      `${shown} was moved to ${departure.to} at ${isoTime(departure.at)} and has nothing of what happened since; back that one up (TESSERA_DATABASE_URL)`,
    )
  const aside = await state.get('aside')
  if (aside)
    throw new OutOfService(
      `${shown} was put aside at ${isoTime(aside.at)}, when ${aside.restored} was restored in its place; back up ${aside.in}, or copy the file`,
    )
}
