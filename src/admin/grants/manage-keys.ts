import type { KeyState, KeyTimes } from '../../domain/tokens/signing-key-life.ts'
import { isoTime } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { type MakeKey, requireKey, revokeKey } from './signing-keys.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'signingKeys'>
  readonly runChange: RunChange<'signingKeys' | 'masterKey' | 'tokenNotices' | 'auditEvents'>
  readonly keys: {
    readonly make: MakeKey
    list(): Promise<readonly (KeyTimes & { readonly state: KeyState })[]>
  }
}

export type ManageKeys = ReturnType<typeof createManageKeys>

/** A key as administrators see it, without its halves. */
export const showKey = ({ kid, algorithm, createdAt, signsFrom, retiresAt }: KeyTimes, state: KeyState) => ({
  kid,
  algorithm,
  state,
  createdAt: isoTime(createdAt),
  signsFrom: isoTime(signsFrom),
  retiresAt: retiresAt === undefined ? null : isoTime(retiresAt),
})

/** Signing keys as the administration API handles them. */
export const createManageKeys = ({ read, runChange, keys }: Dependencies) => ({
  /** Of every algorithm, the newest first. */
  list: async () => ({ items: (await keys.list()).toReversed().map((key) => showKey(key, key.state)) }),

  /** @throws Refused `not_found` */
  async revoke(kid: string, actor: Actor): Promise<void> {
    const { algorithm } = await requireKey(read, kid)
    // Making one takes long, and nobody is to wait for it.
    const made = await keys.make(algorithm)
    await runChange(actor, (unit, context) => revokeKey(unit, kid, made, context))
  },
})
