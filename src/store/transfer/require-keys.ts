import type { Kysely } from 'kysely'
import { SEALED_TABLES, type SealedTable } from '../../domain/instance/sealed-columns.ts'
import { type KeyRing, keysFor, type MasterKey } from '../../lib/crypto/master-key.ts'
import { deriveKey, open } from '../../lib/crypto/sealed-box.ts'
import { masterKeyOn, sealedRowsOn } from '../repositories/instance/master-key.ts'
import type { Schema } from '../schema/schema.ts'
import { TransferRefused } from './refused.ts'

const WHERE = 'to the keys at hand first (TESSERA_MASTER_KEY_FILE)'

/**
 * Whether a server can work with the keys at hand. A backup may be of a moment at which some rows were sealed under the next key already.
 * @returns how many app secrets open under none of them, whose apps alone are shut out
 * @throws TransferRefused where the key in force is not there, or a signing key does not open
 */
export async function requireKeys(db: Kysely<Schema>, ring: KeyRing): Promise<number> {
  const known = (await masterKeyOn(db).find())?.mark
  const keys = keysFor(ring, known)
  if (known !== undefined && !keys.some(({ mark }) => mark === known))
    throw new TransferRefused(
      `the backup was made under another master key, and only that key opens its signing keys; add it ${WHERE}`,
    )
  const unopened = await countUnopened(db, keys)
  if (unopened.signing_keys > 0)
    throw new TransferRefused(
      `${unopened.signing_keys} signing keys of the backup open under no master key at hand: where it was made while tessera key reseal was under way it needs both keys; add the other one ${WHERE}`,
    )
  return unopened.app_secrets
}

async function countUnopened(db: Kysely<Schema>, keys: readonly MasterKey[]): Promise<Record<SealedTable, number>> {
  const counted = { signing_keys: 0, app_secrets: 0 }
  for (const { table, purpose } of SEALED_TABLES) {
    const derived = keys.map(({ bytes }) => deriveKey(bytes, purpose))
    for await (const rows of sealedRowsOn(db).pages(table))
      counted[table] += rows.filter(({ id, box }) => derived.every((key) => open(key, box, id) === undefined)).length
  }
  return counted
}
