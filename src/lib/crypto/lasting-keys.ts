import { deriveKey, open, type SealedRow, type SealingKey, sealRow } from './sealed-box.ts'

/** What people and apps know by them stays: the subjects of pairwise apps, and what browsers show of their sessions. */
const PURPOSES = ['pairwise-subjects', 'browser-state'] as const

/** Keys that outlive a change of the master key. */
export type LastingKeys = Readonly<Record<(typeof PURPOSES)[number], SealingKey>>

const CONTEXT = 'lasting-keys'

const keysBy = (keyOf: (purpose: (typeof PURPOSES)[number]) => SealingKey): LastingKeys =>
  Object.fromEntries(PURPOSES.map((purpose) => [purpose, keyOf(purpose)])) as LastingKeys

/** Of an instance that still has its first master key. */
export const firstLastingKeys = (masterKey: Buffer): LastingKeys => keysBy((purpose) => deriveKey(masterKey, purpose))

/** Seals them under another master key; only within the unit of work that puts that one in force. */
export const sealLastingKeys = (keys: LastingKeys, masterKey: Buffer): SealedRow =>
  sealRow(
    deriveKey(masterKey, CONTEXT),
    JSON.stringify(PURPOSES.map((purpose) => keys[purpose].toString('base64'))),
    CONTEXT,
  )

/** @returns `undefined` where this master key does not open them */
export function openLastingKeys(box: string, masterKey: Buffer): LastingKeys | undefined {
  const text = open(deriveKey(masterKey, CONTEXT), box, CONTEXT)
  if (text === undefined) return undefined
  const keys = JSON.parse(text) as string[]
  return keysBy((purpose) => Buffer.from(keys[PURPOSES.indexOf(purpose)] ?? '', 'base64') as SealingKey)
}
