import type { AuditedUnit } from '../../domain/instance/audit.ts'
import { SEALED_TABLES, type SealedOtherwise, type SealedTable } from '../../domain/instance/sealed-columns.ts'
import { type LastingKeys, sealLastingKeys } from '../../lib/crypto/lasting-keys.ts'
import { type MasterKey, MasterKeyFault } from '../../lib/crypto/master-key.ts'
import { deriveKey, open, type SealedRow, sealRow } from '../../lib/crypto/sealed-box.ts'
import type { Sealed } from '../../store/repositories/instance/master-key.ts'
import type { Repositories, Write } from '../../store/store.ts'

/** How many rows were sealed anew, by table. */
export type Resealed = Readonly<Record<SealedTable, number>>

/** How far it is. */
interface Progress {
  readonly table: SealedTable
  readonly done: number
  readonly of: number
}

interface Resealing {
  readonly read: Pick<Repositories, 'masterKey' | 'sealedRows'>
  readonly writeAlone: Write<'masterKey' | 'sealedRows' | 'auditEvents'>
  /** Every key at hand; the target is among them. */
  readonly keys: readonly MasterKey[]
  readonly target: MasterKey
  readonly lastingKeys: LastingKeys
  readonly report: (progress: Progress) => void
  /** Asked within each unit of work that holds the mark, as whoever takes a key out does. @throws where the target is no longer kept */
  readonly requireKept: () => void
  /** Tells the audit log in the unit of work that puts the target in force. */
  readonly record: (unit: AuditedUnit, resealed: Resealed) => Promise<void>
}

type Fresh = readonly [row: Sealed, box: SealedRow]

/**
 * Seals everything under another master key and puts it in force, while servers run. Whenever it ends in the middle, each box opens
 * under one of the keys, and the next run finishes: only the last unit of work changes which key is in force, and seals in itself
 * what was stored under the earlier one since.
 * @returns how many rows were sealed anew
 * @throws MasterKeyFault where a box opens under none of the keys, or another key was put in force meanwhile
 */
export async function reseal(resealing: Resealing): Promise<Resealed> {
  const { read, writeAlone, target, lastingKeys, requireKept, record } = resealing
  const sealer = createSealer(resealing)
  const from = (await read.masterKey.find())?.mark
  if (from === undefined) throw new MasterKeyFault('the database was not used with a master key yet')
  const counted: Record<SealedTable, number> = { signing_keys: 0, app_secrets: 0 }
  for (const { table } of SEALED_TABLES) await resealTable(table, from, counted, sealer, resealing)
  return writeAlone(async (unit) => {
    await requireInForce(unit, from)
    requireKept()
    // It may be run again, and counts anew then.
    const all = { ...counted }
    for (const { table } of SEALED_TABLES)
      for await (const rows of unit.sealedRows.pages(table))
        all[table] += await replaceAll(unit, table, sealer(table, rows))
    if (target.mark === from) return all
    await unit.masterKey.replace(from, { mark: target.mark, lasting: sealLastingKeys(lastingKeys, target.bytes) })
    await record(unit, all)
    return all
  })
}

type Sealer = ReturnType<typeof createSealer>

/** Seals rows anew that are not under the target; what is known to be is not tried again. */
function createSealer({ keys, target }: Pick<Resealing, 'keys' | 'target'>) {
  const done = new Map<string, string>()

  return function sealAnew(table: SealedTable, rows: readonly Sealed[]): Fresh[] {
    const { purpose, what } = SEALED_TABLES.find((each) => each.table === table) as (typeof SEALED_TABLES)[number]
    const [own, ...others] = [target, ...keys.filter(({ mark }) => mark !== target.mark)].map(({ bytes }) =>
      deriveKey(bytes, purpose),
    )
    return rows.flatMap((row): Fresh[] => {
      const { id, box } = row
      const name = `${table} ${id}`
      if (done.get(name) === box) return []
      if (own !== undefined && open(own, box, id) !== undefined) {
        done.set(name, box)
        return []
      }
      const text = others.map((key) => open(key, box, id)).find((opened) => opened !== undefined)
      if (own === undefined || text === undefined)
        throw new MasterKeyFault(
          `${what} ${id} does not open under any master key at hand; tessera db check tells more`,
        )
      const fresh = sealRow(own, text, id)
      done.set(name, fresh)
      return [[row, fresh]]
    })
  }
}

/** Batch after batch, each a unit of work of its own. */
async function resealTable(
  table: SealedTable,
  from: string,
  counted: Record<SealedTable, number>,
  sealAnew: Sealer,
  { read, writeAlone, report, requireKept }: Resealing,
): Promise<void> {
  const of = await read.sealedRows.count(table)
  let done = 0
  for await (const rows of read.sealedRows.pages(table)) {
    const fresh = sealAnew(table, rows)
    if (fresh.length > 0)
      counted[table] += await writeAlone(async (unit) => {
        await requireInForce(unit, from)
        requireKept()
        return replaceAll(unit, table, fresh)
      })
    done += rows.length
    report({ table, done, of: Math.max(of, done) })
  }
}

/** Each only if nobody has changed it meanwhile. */
async function replaceAll(unit: Pick<Repositories, 'sealedRows'>, table: SealedTable, fresh: readonly Fresh[]) {
  let replaced = 0
  for (const [row, box] of fresh) if (await unit.sealedRows.replace(table, row, box)) replaced += 1
  return replaced
}

/** Nobody else puts another key in force until the unit of work ends. @throws MasterKeyFault where somebody did */
export async function requireInForce({ masterKey }: Pick<Repositories, 'masterKey'>, mark: string): Promise<void> {
  if ((await masterKey.markToReplace()) !== mark)
    throw new MasterKeyFault('another command put another master key in force meanwhile; run this again')
}

/** @param keys at hand, the one in force first */
export async function findSealedOtherwise(
  read: Pick<Repositories, 'sealedRows'>,
  keys: readonly MasterKey[],
): Promise<SealedOtherwise> {
  let underOthers = 0
  const lost: Record<SealedTable, string[]> = { signing_keys: [], app_secrets: [] }
  for (const { table, purpose } of SEALED_TABLES) {
    const derived = keys.map(({ bytes }) => deriveKey(bytes, purpose))
    for await (const rows of read.sealedRows.pages(table))
      for (const { id, box } of rows) {
        const opener = derived.findIndex((key) => open(key, box, id) !== undefined)
        if (opener > 0) underOthers += 1
        else if (opener < 0) lost[table].push(id)
      }
  }
  return { underOthers, lost }
}
