import type { Audit } from '../../domain/instance/audit.ts'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../domain/protocol/signing-algorithm.ts'
import type { KeyTimes } from '../../domain/tokens/signing-key-life.ts'
import { isoTime, MINUTE } from '../../lib/time/clock.ts'
import type { Timekeeper } from '../../lib/time/timekeeper.ts'
import type { Repositories, Write } from '../../store/store.ts'

type Record = (unit: Pick<Repositories, 'auditEvents'>, key: KeyTimes) => Promise<void>

/** The keys as far as this task turns them. */
export interface RotatedKeys {
  hasWork(now: number): Promise<boolean>
  ensure(algorithms: readonly SigningAlgorithm[]): Promise<void>
  publishDue(now: number, record: Record): Promise<readonly KeyTimes[]>
}

interface Dependencies {
  readonly write: Write<'leases'>
  /** A clock that was set forward by mistake ends no key. */
  readonly time: Pick<Timekeeper, 'floor'>
  readonly keys: RotatedKeys
  readonly audit: Pick<Audit, 'within'>
  /** Names this process among the nodes. */
  readonly holder: string
}

const LEASE = MINUTE

/**
 * Sees to it that every algorithm has a key and that every key has a successor in time; on one node at a time, since keys take
 * long to make.
 * @returns what was published, for the log
 */
export function createRotateKeys({ write, time, keys, audit, holder }: Dependencies) {
  const record: Record = async (unit, { kid, algorithm, signsFrom }) => {
    const detail = { kid, algorithm, signsFrom: isoTime(signsFrom) }
    await audit.within(unit, { event: 'key_rotated', actor: 'server', detail })
  }

  return async function rotateKeys(): Promise<readonly KeyTimes[]> {
    const now = time.floor()
    if (!(await keys.hasWork(now))) return []
    if (!(await write(({ leases }) => leases.acquire('key-rotation', holder, now, now + LEASE)))) return []
    await keys.ensure(SIGNING_ALGORITHMS)
    return keys.publishDue(now, record)
  }
}
