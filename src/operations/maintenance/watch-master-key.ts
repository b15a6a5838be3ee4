import type { MasterKeys } from '../../lib/crypto/master-keys.ts'
import type { Repositories } from '../../store/store.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'masterKey'>
  readonly masterKeys: Pick<MasterKeys, 'all' | 'heed' | 'whyLacking'>
  readonly log: {
    info(record: object, message: string): void
    error(record: object, message: string): void
  }
}

/** Looks which master key is in force, so that a server changes over to another one, and says so on its log. */
export function createWatchMasterKey({ read, masterKeys, log }: Dependencies) {
  const markHere = () => masterKeys.all()[0]?.mark
  let known = markHere()
  let told: string | undefined

  return async function watchMasterKey(): Promise<void> {
    // A database that does not answer is reported by whoever needs it.
    const record = await read.masterKey.find().catch(() => undefined)
    if (record === undefined) return
    masterKeys.heed(record.mark)
    const lacking = masterKeys.whyLacking()
    if (markHere() !== known) log.info({}, 'changed over to another master key')
    if (lacking !== undefined && lacking !== told) log.error({}, lacking)
    known = markHere()
    told = lacking
  }
}
