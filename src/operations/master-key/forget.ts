import type { AuditedUnit } from '../../domain/instance/audit.ts'
import { type MasterKey, MasterKeyFault } from '../../lib/crypto/master-key.ts'
import type { MasterKeys } from '../../lib/crypto/master-keys.ts'
import { counted } from '../../lib/text/counted.ts'
import type { Repositories, Write } from '../../store/store.ts'
import { findSealedOtherwise, requireInForce } from './reseal.ts'

interface Forgetting {
  readonly writeAlone: Write<'masterKey' | 'sealedRows' | 'auditEvents'>
  readonly masterKeys: Pick<MasterKeys, 'all' | 'heed'>
  /** Makes this key the only one that is kept. */
  readonly keepAlone: (key: MasterKey) => void
  /** Tells the audit log in the same unit of work. */
  readonly record: (unit: AuditedUnit, forgotten: number) => Promise<void>
}

/**
 * Keeps the key in force alone. All of it is one unit of work that holds the mark: nothing is sealed under another key between the
 * count and the end.
 * @returns how many keys are no longer kept
 * @throws MasterKeyFault where one of them is still needed
 */
export async function forgetOthers({ writeAlone, masterKeys, keepAlone, record }: Forgetting): Promise<number> {
  // It may be run again, and finds them gone then.
  let forgotten = 0
  return writeAlone(async (unit) => {
    masterKeys.heed(await unit.masterKey.markToReplace())
    const [inForce, ...others] = masterKeys.all() as [MasterKey, ...MasterKey[]]
    await requireInForce(unit, inForce.mark)
    await requireNotNeeded(unit, inForce)
    keepAlone(inForce)
    forgotten = Math.max(forgotten, others.length)
    await record(unit, forgotten)
    return forgotten
  })
}

/** @throws MasterKeyFault where something is sealed under another key than this one */
export async function requireNotNeeded(read: Pick<Repositories, 'sealedRows'>, inForce: MasterKey): Promise<void> {
  const { lost } = await findSealedOtherwise(read, [inForce])
  const count = Object.values(lost).flat().length
  if (count > 0)
    throw new MasterKeyFault(
      `${counted(count, 'row is', 'rows are')} not sealed under the key in force; run tessera key reseal first, which finishes`,
    )
}
