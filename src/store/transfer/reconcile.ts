import { add, isSame, NOTHING, printOf, type Sum, sumOf, textOf } from './digest.ts'
import type { Row, Table } from './plan.ts'
import { type Key, keyOf, type Rows, type Stretch } from './rows.ts'

/** Where a transfer stands, for whoever watches. */
export interface Progress {
  readonly stage: string
  readonly table: string
  readonly done: number
  readonly of: number
}

export type Report = (progress: Progress) => void

/** The side that is made equal: reads, and units of work that count only while this run owns the target. */
export interface Target {
  readonly rows: Rows
  readonly transact: (unit: (rows: Rows) => Promise<void>) => Promise<void>
}

/** A stretch of a table of which both sides are known to be the same. */
interface Proven extends Stretch {
  readonly sum: Sum
  readonly print: string
}

/** What was found the same, table by table. */
export type Proof = ReadonlyMap<string, readonly Proven[]>

/** The two sides differ where they were just made equal. */
export class NotTheSame extends Error {}

const PAGE = 500
const ANY = Number.MAX_SAFE_INTEGER
const WHOLE: Proven = { after: undefined, upTo: undefined, sum: NOTHING, print: 'unknown' }

const sameKey = (left: Key | undefined, right: Key | undefined): boolean =>
  JSON.stringify(left) === JSON.stringify(right)

/** The rows of a table on the proven side, checksums added up. */
export const totalOf = (proof: Proof, { name }: Table): Sum =>
  (proof.get(name) ?? []).reduce((total, { sum }) => add(total, sum), NOTHING)

/**
 * Makes the target say what the source says, page by page, each in a transaction of its own, and reads back what it wrote.
 * Whatever an interrupted run left is compared and kept, so it can be begun again at any time.
 * @param source one consistent view
 * @param proof of an earlier pass: a stretch whose checksum is still the same is not looked at in the target
 * @returns the proof for this view, and how many stretches had to be touched
 */
export async function reconcile(
  plan: readonly Table[],
  source: Rows,
  target: Target,
  proof: Proof,
  report: Report,
): Promise<{ proof: Proof; touched: number }> {
  const proven = new Map<string, Proven[]>()
  const touched: { table: Table; stretch: Proven }[] = []
  const leftOver = new Map<Table, Key[]>()

  // Parents come before their children, so that a reference always finds its row.
  for (const table of plan) {
    const stretches: Proven[] = []
    const surplus: Key[] = []
    const of = await source.count(table)
    let done = 0
    for (const known of proof.get(table.name) ?? [WHOLE]) {
      for await (const { rows, ...stretch } of pagesOf(table, source, known)) {
        const texts = rows.map((row) => textOf(table, row))
        const print = printOf(texts)
        const isKnown =
          print === known.print && sameKey(stretch.after, known.after) && sameKey(stretch.upTo, known.upTo)
        const found = isKnown ? known : { ...stretch, print, sum: sumOf(texts) }
        if (!isKnown) {
          const wanted = new Map(texts.map((text, index) => [text, rows[index] as Row]))
          surplus.push(...(await bringInLine(table, stretch, wanted, target)))
          touched.push({ table, stretch: found })
        }
        stretches.push(found)
        done += rows.length
        report({ stage: 'copied', table: table.name, done, of: Math.max(of, done) })
      }
    }
    proven.set(table.name, stretches)
    leftOver.set(table, surplus)
  }

  // Children go before their parents, and after nobody refers to them any more.
  for (const table of [...plan].reverse()) await removeAll(table, leftOver.get(table) ?? [], target)
  await readBack(touched, target, report)
  return { proof: proven, touched: touched.length }
}

/** The rows of a stretch, cut into pages that leave no gap between them. */
async function* pagesOf(table: Table, source: Rows, { after: start, upTo }: Stretch) {
  let after = start
  for (;;) {
    const rows = await source.page(table, { after, upTo }, PAGE)
    const last = rows.at(-1)
    const end = last && rows.length === PAGE ? keyOf(table, last) : upTo
    yield { rows, after, upTo: end }
    if (sameKey(end, upTo)) return
    after = end
  }
}

/** @returns the keys that the source does not have */
async function bringInLine(
  table: Table,
  stretch: Stretch,
  wanted: ReadonlyMap<string, Row>,
  target: Target,
): Promise<Key[]> {
  const present = await target.rows.page(table, stretch, ANY)
  const presentTexts = new Set(present.map((row) => textOf(table, row)))
  const keyText = (row: Row): string => JSON.stringify(keyOf(table, row))
  const presentKeys = new Set(present.map(keyText))
  const missing = [...wanted].filter(([text]) => !presentTexts.has(text)).map(([, row]) => row)
  if (missing.length > 0)
    await target.transact(async (rows) => {
      await rows.evict(table, missing)
      await rows.insert(
        table,
        missing.filter((row) => !presentKeys.has(keyText(row))),
      )
      await rows.replace(
        table,
        missing.filter((row) => presentKeys.has(keyText(row))),
      )
    })
  const wantedKeys = new Set([...wanted.values()].map(keyText))
  return present.filter((row) => !wantedKeys.has(keyText(row))).map((row) => keyOf(table, row))
}

async function removeAll(table: Table, keys: readonly Key[], target: Target): Promise<void> {
  for (let from = 0; from < keys.length; from += PAGE)
    await target.transact((rows) => rows.remove(table, keys.slice(from, from + PAGE)))
}

/** What was written is not believed until it was read. @throws NotTheSame */
async function readBack(
  touched: readonly { table: Table; stretch: Proven }[],
  target: Target,
  report: Report,
): Promise<void> {
  let done = 0
  for (const { table, stretch } of touched) {
    const rows = await target.rows.page(table, stretch, ANY)
    if (!isSame(sumOf(rows.map((row) => textOf(table, row))), stretch.sum))
      throw new NotTheSame(`the table ${table.name} differs from the source although it was just copied`)
    done += 1
    report({ stage: 'verified', table: table.name, done, of: touched.length })
  }
}
