import { createHash } from 'node:crypto'
import type { Row, Table } from './plan.ts'

/** How many rows there are, and a checksum over all of them in which their order does not count. */
export interface Sum {
  readonly rows: number
  readonly checksum: bigint
}

const MODULUS = 1n << 128n

export const NOTHING: Sum = { rows: 0, checksum: 0n }

/** One digest of many texts in their order; quicker than a checksum of each. */
export const printOf = (texts: readonly string[]): string => createHash('sha256').update(texts.join('\n')).digest('hex')

/** What a row says, as one text; two rows are the same when their texts are. */
export const textOf = ({ columns }: Table, row: Row): string => JSON.stringify(columns.map(({ name }) => row[name]))

const hash = (text: string): bigint => BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 32)}`)

export const sumOf = (texts: Iterable<string>): Sum => {
  let [rows, checksum] = [0, 0n]
  for (const text of texts) {
    rows += 1
    checksum += hash(text)
  }
  return { rows, checksum: checksum % MODULUS }
}

export const add = (left: Sum, right: Sum): Sum => ({
  rows: left.rows + right.rows,
  checksum: (left.checksum + right.checksum) % MODULUS,
})

export const isSame = (left: Sum, right: Sum): boolean => left.rows === right.rows && left.checksum === right.checksum

/** The checksum as it is shown. */
export const shownChecksum = ({ checksum }: Sum): string => checksum.toString(16).padStart(32, '0')
