import type { SigningAlgorithm } from '../../domain/protocol/signing-algorithm.ts'
import type { KeyState, KeyTimes } from '../../domain/tokens/signing-key-life.ts'
import { type Clock, DAY, HOUR, isoTime } from '../../lib/time/clock.ts'
import { readDuration } from '../../lib/time/duration.ts'
import type { Repositories } from '../../store/store.ts'
import { conflict, invalidChange } from '../change/refuse-change.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { type MakeKey, recordRotation, requireKey, revokeKey, whyHasty, whyNotSooner } from './signing-keys.ts'

type Unit = Pick<Repositories, 'signingKeys' | 'masterKey' | 'tokenNotices' | 'auditEvents'>

interface Dependencies {
  readonly read: Pick<Repositories, 'signingKeys'>
  readonly runChange: RunChange<keyof Unit>
  readonly keys: {
    readonly make: MakeKey
    /** The instance's own, where none is named. */
    readonly algorithm: SigningAlgorithm
    /** Makes a key ahead of the unit of work in which it takes over. */
    prepareRotation(request: {
      readonly algorithm: SigningAlgorithm
      readonly publishFor: number
      readonly anew: boolean
    }): Promise<
      (
        unit: Unit,
        record: (unit: Pick<Unit, 'auditEvents'>, key: KeyTimes) => Promise<void>,
      ) => Promise<{ readonly key: KeyTimes; readonly changed: boolean }>
    >
    list(): Promise<readonly (KeyTimes & { readonly state: KeyState })[]>
  }
  readonly clock: Clock
}

/** How another key is to take over. */
export interface RotationInput {
  readonly algorithm?: SigningAlgorithm
  /** A length of time such as `1h`. */
  readonly publishFor?: string
  readonly force?: boolean
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
export const createManageKeys = ({ read, runChange, keys, clock }: Dependencies) => ({
  /** Of every algorithm, the newest first. */
  list: async () => ({ items: (await keys.list()).toReversed().map((key) => showKey(key, key.state)) }),

  /** Publishes a key that takes over later. @throws Refused where verifiers could miss it, or where another takes over as soon */
  async rotate({ algorithm = keys.algorithm, publishFor: text, force = false }: RotationInput, actor: Actor) {
    const publishFor = readPublishFor(text, force)
    const rotateIn = await keys.prepareRotation({ algorithm, publishFor, anew: force })
    const { key } = await runChange(actor, async (unit, context) => {
      const rotated = await rotateIn(unit, (audited, next) => recordRotation(audited, next, context))
      if (rotated.changed) return rotated
      const reason = `${whyNotSooner(rotated.key)}; force publishes another key, which takes over when you say`
      throw conflict([{ attribute: 'publishFor', reason }])
    })
    return showKey(key, key.signsFrom <= clock() ? 'active' : 'next')
  },

  /** @throws Refused `not_found` */
  async revoke(kid: string, actor: Actor): Promise<void> {
    const { algorithm } = await requireKey(read, kid)
    // Making one takes long, and nobody is to wait for it.
    const made = await keys.make(algorithm)
    await runChange(actor, (unit, context) => revokeKey(unit, kid, made, context))
  },
})

const LONGEST = 365 * DAY

/** @throws Refused `invalid_change` */
function readPublishFor(text: string | undefined, force: boolean): number {
  const publishFor = text === undefined ? HOUR : readDuration(text)
  const refuse = (reason: string) => invalidChange([{ attribute: 'publishFor', reason }])
  if (publishFor === undefined || publishFor > LONGEST)
    throw refuse('expects a length of time up to 365d, such as 30m, 12h or 7d')
  const hasty = whyHasty(publishFor)
  if (hasty !== undefined && !force) throw refuse(`${hasty}; force overrides this`)
  return publishFor
}
