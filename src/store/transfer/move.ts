import type { AuditedUnit } from '../../domain/instance/audit.ts'
import { TIME_REACHED } from '../../domain/instance/instance-settings.ts'
import { codeOf, isOutOfReach, messageOf } from '../engine/postgres-pool.ts'
import { auditEventsOn } from '../repositories/instance/audit-events.ts'
import { type Arrival, type Departure, moveStateOn, OutOfService } from '../repositories/instance/move-state.ts'
import { settingsOn } from '../repositories/instance/settings.ts'
import { forgetAnswers } from './answers.ts'
import { claim, requireOurs, whyNotFillable } from './claim.ts'
import { shownChecksum } from './digest.ts'
import { type Ended, endGrants } from './end-grants.ts'
import { freeze, thaw } from './freeze.ts'
import { enterPlace, isMissing, type Place, shownPlace } from './place.ts'
import { planOf, type Table } from './plan.ts'
import { NotTheSame, type Proof, type Report, reconcile, totalOf } from './reconcile.ts'
import { TransferRefused } from './refused.ts'
import { rowsOn } from './rows.ts'
import { toldPlace } from './told-place.ts'

/** What is in a table, on both sides. */
export interface Moved {
  readonly table: string
  readonly rows: number
  readonly checksum: string
}

interface Moving {
  readonly from: string
  readonly to: string
  /** Names this run. */
  readonly run: string
  readonly report: Report
  readonly clock: () => number
  /** Tells the audit log of the target in the transaction that finishes the move. */
  readonly record: (unit: AuditedUnit, tables: readonly Moved[], from: string) => Promise<void>
}

/** How the move went: how long the source took no writes (milliseconds), and what is in the target. */
export interface MoveOutcome {
  readonly from: string
  readonly to: string
  readonly tables: readonly Moved[]
  readonly writersWaited: number
}

// So many stretches are brought in line in a blink; with more, another pass is made while the writers still write.
const FEW = 20
const MOST_PASSES = 5

/**
 * Moves the instance to another database while it is served. Only the last pass keeps writers waiting; in the same transaction
 * the source is closed for good, so that nothing is ever acknowledged by both.
 * @throws TransferRefused, OutOfService
 */
export async function moveDatabase({ from, to, run, report, clock, record }: Moving): Promise<MoveOutcome> {
  const source = await enterPlace(from, 'write')
  const places = [source]
  // Whether the source is closed already, by this run or one before it.
  let isClosed = false
  try {
    await source.migrations.migrate()
    const plan = await planOfSource(source)
    const arrival: Arrival = { kind: 'move', from: source.shown, run }
    await requireMovable(source, to)
    await requireOwn(to)
    const target = toldPlace(await enterPlace(to, 'make'))
    places.push(target)
    isClosed = (await moveStateOn(source.db).get('departure')) !== undefined
    if (isClosed) await requireUnfinished(target, arrival)
    const filling = await claim(target, plan, arrival)
    const staged =
      (stage: string): Report =>
      (progress) =>
        report({ ...progress, stage: `${stage}${progress.stage}` })

    const pass = (proof: Proof, stage: string) =>
      source.snapshot((db) => reconcile(plan, rowsOn(db), filling, proof, staged(stage)))
    let { proof, touched } = await pass(new Map(), '')
    for (let passes = 1; touched > FEW && passes < MOST_PASSES; passes++)
      ({ proof, touched } = await pass(proof, 'changes '))

    const started = performance.now()
    const tables = await source.alone(plan, async (db) => {
      const departure = await moveStateOn(db).get('departure')
      if (departure && departure.to !== target.shown) throw alreadyMoved(source, departure)
      const last = await reconcile(plan, rowsOn(db), filling, proof, staged('last changes '))
      const moved = await compareTotals(plan, source, db, target, last.proof)
      if (departure) await thaw(db)
      else await moveStateOn(db).set('departure', { to: target.shown, at: clock() })
      // They are given again by the target alone, which forgets them in time.
      await forgetAnswers(db)
      await freeze(db, plan)
      return moved
    })
    isClosed = true
    const writersWaited = Math.round(performance.now() - started)

    await target.transact(async (db) => {
      await requireOurs(db, arrival)
      await record({ auditEvents: auditEventsOn(db) }, tables, source.shown)
      await moveStateOn(db).remove('arrival')
    })
    return { from: source.shown, to: target.shown, tables, writersWaited }
  } catch (error) {
    if (!isPassing(error)) throw error
    const meanwhile = isClosed ? 'accepts no changes until it is complete' : 'is still in service'
    throw new TransferRefused(
      `the move was interrupted: ${messageOf(error)}. Run it again to continue; ${source.shown} ${meanwhile}`,
    )
  } finally {
    for (const place of places) await place.close()
  }
}

// Somebody else holds the lock, or a server went away.
const isPassing = (error: unknown): boolean => isOutOfReach(error) || /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))

/** What a move would copy, table by table, and what is in its way; nothing is changed. */
export async function planMove(
  from: string,
  to: string,
): Promise<{ tables: Omit<Moved, 'checksum'>[]; obstacle: string | undefined }> {
  const source = await enterPlace(from, 'read')
  try {
    const plan = await planOfSource(source)
    const rows = rowsOn(source.db)
    const tables = []
    for (const table of plan) tables.push({ table: table.name, rows: await rows.count(table) })
    await requireMovable(source, to)
    if (isMissing(to)) return { tables, obstacle: undefined }
    const target = await enterPlace(to, 'read')
    try {
      return { tables, obstacle: await whyNotFillable(target, plan, { kind: 'move', from: source.shown }) }
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/**
 * Makes a database that was moved away live again. What it was moved to may have served since, so all grants end.
 * @returns where it had been moved to, and what has ended
 */
export async function undoMove(
  url: string,
  clock: () => number,
  record: (unit: AuditedUnit, ended: Ended, to: string) => Promise<void>,
): Promise<Departure & { ended: Ended }> {
  const place = await enterPlace(url, 'write')
  try {
    await place.migrations.migrate()
    return await place.alone(await planOfSource(place), async (db) => {
      const departure = await moveStateOn(db).get('departure')
      if (!departure) throw new TransferRefused(`${place.shown} was not moved away, so there is nothing to undo`)
      await thaw(db)
      const now = clock()
      const ended = await endGrants(db, now)
      // Nothing issued is good any more, so however long it was away, the clock counts.
      const reached = Number((await settingsOn(db).get(TIME_REACHED)) ?? 0)
      await settingsOn(db).set(TIME_REACHED, String(Math.max(now, reached)))
      await record({ auditEvents: auditEventsOn(db) }, ended, departure.to)
      await moveStateOn(db).remove('departure')
      return { ...departure, ended }
    })
  } finally {
    await place.close()
  }
}

async function planOfSource({ migrations, shown }: Place): Promise<Table[]> {
  const level = (await migrations.status()).applied.at(-1)
  if (level === undefined)
    throw new TransferRefused(`${shown} does not hold an instance: no migration was ever applied`)
  return planOf(level)
}

const alreadyMoved = ({ shown }: Place, { to }: Departure): TransferRefused =>
  new TransferRefused(`${shown} was moved to ${to} before; move that one, or undo the move with tessera db move --undo`)

async function requireMovable(source: Place, to: string): Promise<void> {
  const state = moveStateOn(source.db)
  const arrival = await state.get('arrival')
  if (arrival)
    throw new OutOfService(`${source.shown} is itself the target of an unfinished ${arrival.kind} from ${arrival.from}`)
  if (await state.get('backup'))
    throw new OutOfService(`${source.shown} is a backup; restore it with tessera db restore`)
  if (await state.get('aside')) throw new OutOfService(`${source.shown} was put aside by a tessera db restore`)
  const departure = await state.get('departure')
  const target = shownPlace(to)
  if (departure && departure.to !== target) throw alreadyMoved(source, departure)
}

/** Whoever opens a file to fill it changes its mode and its journal; a file of another program is not opened so. @throws TransferRefused */
async function requireOwn(url: string): Promise<void> {
  if (!isMissing(url)) await (await enterPlace(url, 'read')).close()
}

/** After its last step nothing is left to continue: the target has gone on since. */
async function requireUnfinished(target: Place, { from }: Arrival): Promise<void> {
  const arrival = await moveStateOn(target.db)
    .get('arrival')
    .catch(() => undefined)
  if (arrival?.from !== from)
    throw new TransferRefused(`${from} was already moved to ${target.shown}, and that move is complete`)
}

/** Counted by both databases themselves, in addition to what was compared row by row. */
async function compareTotals(
  plan: readonly Table[],
  source: Place,
  db: Place['db'],
  target: Place,
  proof: Proof,
): Promise<Moved[]> {
  const moved: Moved[] = []
  for (const table of plan) {
    const total = totalOf(proof, table)
    const [here, there] = [await rowsOn(db).count(table), await rowsOn(target.db).count(table)]
    if (here !== total.rows || there !== total.rows)
      throw new NotTheSame(
        `the table ${table.name} has ${here} rows in ${source.shown}, ${there} in ${target.shown}, and ${total.rows} were compared`,
      )
    moved.push({ table: table.name, rows: total.rows, checksum: shownChecksum(total) })
  }
  return moved
}
