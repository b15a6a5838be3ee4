import type { SealedOtherwise } from '../../domain/instance/sealed-columns.ts'
import { type Finding, fault, fine, warning } from './finding.ts'

/** What there is of master keys. */
export interface HeldKeys {
  /** How many are at hand beside the one in force that were in force before. */
  readonly earlier: number
  /** How many are at hand that never were. */
  readonly waiting: number
  readonly sealedOtherwise: SealedOtherwise
  /** Whether they are in a file, which commands can change. */
  readonly inFile: boolean
}

/** Whether a change of the master key was begun and not finished, or leaves something to do. */
export const examineMasterKeys = (held: HeldKeys): Finding[] => [
  examineChange(held),
  ...held.sealedOtherwise.lost.signing_keys.map((kid) =>
    fault(
      'signing keys',
      `${kid} does not open under any master key at hand`,
      `put back the master key that it was sealed under (TESSERA_MASTER_KEY_FILE), or, where that is lost: tessera key revoke ${kid}`,
    ),
  ),
]

function examineChange({ earlier, waiting, sealedOtherwise: { underOthers }, inFile }: HeldKeys): Finding {
  const check = 'master key in force'
  if (underOthers > 0)
    return warning(
      check,
      `${underOthers} signing keys and app secrets are not sealed under it, as a change of the master key was not finished`,
      'tessera key reseal',
    )
  if (waiting > 0) return fine(check, 'another key is at hand; tessera key reseal puts it in force')
  if (earlier === 0) return fine(check, 'everything is sealed under it')
  const how = inFile ? 'tessera key forget takes it out of the file' : 'take it out of TESSERA_MASTER_KEY'
  return fine(check, `an earlier key is still at hand, for backups made under it; once they are gone, ${how}`)
}
