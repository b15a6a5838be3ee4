import { Refused } from '../domain/refusals/errors.ts'
import { firstLastingKeys, type LastingKeys, openLastingKeys } from '../lib/crypto/lasting-keys.ts'
import {
  type KeyRing,
  keysFor,
  loadKeyRing,
  type MasterKey,
  MasterKeyFault,
  type MasterKeySource,
} from '../lib/crypto/master-key.ts'
import { createMasterKeys, identityOfKeys, type MasterKeys } from '../lib/crypto/master-keys.ts'
import type { Repositories, Store } from '../store/store.ts'

/** The master keys at hand, and the keys that outlive them. */
export interface OpenedKeys {
  readonly masterKeys: MasterKeys
  readonly lastingKeys: LastingKeys
}

/**
 * Finds the master key in force among those at hand, by the mark that the database keeps of it. The first start leaves the mark of the
 * first key, so that a wrong one is noticed before it seals anything.
 * @throws MasterKeyFault
 */
export async function openMasterKeys(
  { read, writeAlone }: Pick<Store, 'read' | 'writeAlone'>,
  source: MasterKeySource,
  leavesMark: boolean,
): Promise<OpenedKeys> {
  // First the mark: a key is in its file before it is in force.
  const known = await read.masterKey.find()
  const readAs = identityOfKeys(source)
  const ring = loadKeyRing(source)
  const record = known ?? (leavesMark ? await begin(writeAlone, ring) : undefined)
  const keys = keysFor(ring, record?.mark)
  const inForce = record === undefined ? keys[0] : keys.find(({ mark }) => mark === record.mark)
  if (inForce === undefined) throw await whyWrong(keys, source, read)
  const others = keys.filter((key) => key !== inForce)
  return {
    masterKeys: createMasterKeys({ source, inForce, others, readAs, notAtHand }),
    lastingKeys: lastingKeysOf(record?.lasting, inForce),
  }
}

const notAtHand = (cause: string): Refused =>
  new Refused('temporarily_unavailable', 'the server lacks a key just now; try again shortly', {
    rule: 'server-busy',
    cause,
  })

const begin = (writeAlone: Store['writeAlone'], ring: KeyRing) =>
  writeAlone(async (unit) => {
    const record = await unit.masterKey.find()
    if (record !== undefined) return record
    // What was keyed before keeps the keys that outlive a master key beside the mark, and has lost both.
    if ((await unit.masterKey.former()).length > 0) throw new MasterKeyFault(LOST)
    const [{ mark }] = ring.keys
    await unit.masterKey.begin(mark)
    return { mark, lasting: undefined }
  })

const LOST =
  'the database has lost the mark of its master key, and with it the key of pairwise subjects; restore a backup (tessera db check tells more)'

/** @throws MasterKeyFault where the box of the mark was changed */
export function lastingKeysOf(box: string | undefined, { bytes }: Pick<MasterKey, 'bytes'>): LastingKeys {
  const keys = box === undefined ? firstLastingKeys(bytes) : openLastingKeys(box, bytes)
  if (keys === undefined)
    throw new MasterKeyFault('the key of pairwise subjects does not open under the master key; restore a backup')
  return keys
}

async function whyWrong(
  keys: readonly MasterKey[],
  { value, file }: MasterKeySource,
  { masterKey }: Pick<Repositories, 'masterKey'>,
): Promise<MasterKeyFault> {
  const former = await masterKey.former()
  if (!keys.some(({ mark }) => former.includes(mark)))
    return new MasterKeyFault('this is not the master key that this database was created with')
  const source = value === undefined ? file : 'TESSERA_MASTER_KEY'
  return new MasterKeyFault(
    `${source} holds an earlier master key; tessera key reseal put another one in force since: add that one`,
  )
}
