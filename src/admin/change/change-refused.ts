/** One thing that is wrong with a change: the attribute it concerns and why. */
export interface ChangeFault {
  readonly attribute: string
  readonly reason: string
}

/** What kind of no: the change itself is wrong, it meets something that exists, or what it is about is not there. */
export type ChangeRefusal = 'invalid' | 'conflict' | 'not found'

/** A record that was named and is not there. */
export interface Missing {
  readonly kind: 'user' | 'app'
  readonly name: string
}

/** A change that an administrator asked for and that cannot be made; nothing of it happened. */
export class ChangeRefused extends Error {
  readonly kind: ChangeRefusal
  readonly faults: readonly ChangeFault[]
  readonly missing: Missing | undefined

  constructor(kind: ChangeRefusal, faults: readonly ChangeFault[], missing?: Missing) {
    super(faults.map(({ attribute, reason }) => `${attribute}: ${reason}`).join('\n'))
    this.kind = kind
    this.faults = faults
    this.missing = missing
  }
}
