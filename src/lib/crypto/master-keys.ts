import { statSync } from 'node:fs'
import {
  keysFor as keysOfRing,
  loadKeyRing,
  type MasterKey,
  MasterKeyFault,
  type MasterKeySource,
} from './master-key.ts'
import { deriveKey, open, type SealedRow, type SealingKey, seal, sealRow } from './sealed-box.ts'

/** A unit of work as far as it tells which master key is in force until its end. */
export interface UnitWithMark {
  readonly masterKey: { markToSealUnder(): Promise<string | undefined> }
}

/** The database as far as it tells which master key is in force. */
export interface MarkReader {
  readonly masterKey: { find(): Promise<{ readonly mark: string } | undefined> }
}

/** Seals texts for rows within one unit of work. */
export type SealForRows = (plaintext: string, context: string) => SealedRow

/** What is sealed for one purpose. */
export interface Boxes {
  /** Seals what is not stored. @param context what the box belongs to */
  seal(plaintext: string, context: string): string
  /** Opens what was sealed under any key at hand; `undefined` for what was not. */
  open(box: string, context: string): string | undefined
}

/** Seals for a unit of work to come. */
export interface SealAhead {
  readonly seal: SealForRows
  /** Whether the unit of work may store what was sealed; where not, it is to be sealed anew. */
  holdsIn(unit: UnitWithMark): Promise<boolean>
}

/** What is sealed for one purpose and stored. */
export interface SealedRows {
  /** For what is laid down before the unit of work begins, which then asks whether it still holds. */
  sealAhead(): SealAhead
  /**
   * Asks the database, within the unit of work that stores it, which key is in force: nothing is ever stored under another.
   * @throws what `notAtHand` makes, where that key is not at hand
   */
  sealIn(unit: UnitWithMark): Promise<SealForRows>
  /** @throws what `notAtHand` makes, where no key at hand opens it */
  open(box: string, context: string, what: string): string
  /**
   * The same for what the server can do without.
   * @returns `undefined` where no key at hand opens it, and the one in force is among them
   * @throws what `notAtHand` makes, where that one is not: it may open it
   */
  openUnlessLost(read: MarkReader, box: string, context: string): Promise<string | undefined>
}

export type MasterKeys = ReturnType<typeof createMasterKeys>

interface Dependencies {
  readonly source: MasterKeySource
  /** The key in force, and the others at hand. */
  readonly inForce: MasterKey
  readonly others: readonly MasterKey[]
  /** The identity of the file right before they were read. */
  readonly readAs: string
  /** What is thrown where a key is needed that is not at hand; the cause is for the operator. */
  readonly notAtHand: (cause: string) => Error
}

/** The master keys of a running process: the one in force seals, each of them opens, and the file is read again when it has changed. */
export function createMasterKeys({ source, notAtHand, ...given }: Dependencies) {
  let { inForce, others } = given
  // Whether the file had the key in force when it was read last.
  let isListed = true
  let readAs = given.readAs
  let lacking: string | undefined

  const all = (): readonly MasterKey[] => [inForce, ...others]
  const keysFor = (purpose: string): readonly SealingKey[] => all().map(({ bytes }) => derived(bytes, purpose))

  /** @param mark of the key in force @returns whether the keys may be others now */
  function readAgain(mark = inForce.mark): boolean {
    const identity = identityOfKeys(source)
    if (identity === readAs) return false
    try {
      const found = keysOfRing(loadKeyRing({ ...source, mayCreate: false, keyed: true }), mark)
      // What could not be read is tried again.
      readAs = identity
      // The key in force stays at hand, whatever becomes of the file, until another one is.
      isListed = found.some((key) => key.mark === inForce.mark)
      others = found.filter((key) => key.mark !== inForce.mark)
      return true
    } catch (error) {
      if (error instanceof MasterKeyFault) return false
      throw error
    }
  }

  /** Changes over to the key that a database names as the one in force. */
  function heed(mark: string | undefined): void {
    readAgain(mark)
    if (mark === undefined || mark === inForce.mark) {
      lacking = undefined
      return
    }
    const next = others.find((key) => key.mark === mark)
    lacking = next === undefined ? adviceFor(source) : undefined
    if (next === undefined) return
    others = (isListed ? all() : others).filter((key) => key !== next)
    inForce = next
    isListed = true
  }

  /** @throws what `notAtHand` makes, where the key in force is not at hand */
  async function changeOver({ masterKey }: UnitWithMark): Promise<void> {
    heed(await masterKey.markToSealUnder())
    if (lacking !== undefined) throw notAtHand(lacking)
  }

  function openFor(purpose: string, box: string, context: string): string | undefined {
    const tryAll = () => firstOf(keysFor(purpose), (key) => open(key, box, context))
    return tryAll() ?? (readAgain() ? tryAll() : undefined)
  }

  return {
    /** Every key at hand, the one in force first. */
    all,
    heed,

    /** The keys of a purpose, the one in force first. */
    keysFor,

    /** Why the key in force is not at hand, and what to do, or `undefined`. */
    whyLacking: (): string | undefined => lacking,

    boxesFor: (purpose: string): Boxes => ({
      seal: (plaintext, context) => seal(derived(inForce.bytes, purpose), plaintext, context),
      open: (box, context) => openFor(purpose, box, context),
    }),

    rowsFor: (purpose: string): SealedRows => ({
      async sealIn(unit) {
        await changeOver(unit)
        return sealerOf(inForce, purpose)
      },
      sealAhead() {
        const key = inForce
        return {
          seal: sealerOf(key, purpose),
          async holdsIn(unit) {
            await changeOver(unit)
            return key === inForce
          },
        }
      },
      open(box, context, what) {
        const text = openFor(purpose, box, context)
        if (text === undefined) throw notAtHand(`${what} does not open under any master key at hand; ${REMEDY}`)
        return text
      },
      async openUnlessLost({ masterKey }, box, context) {
        const text = openFor(purpose, box, context)
        if (text !== undefined) return text
        heed((await masterKey.find())?.mark)
        if (lacking !== undefined) throw notAtHand(lacking)
        return openFor(purpose, box, context)
      },
    }),
  }
}

const sealerOf = ({ bytes }: MasterKey, purpose: string): SealForRows => {
  const key = derived(bytes, purpose)
  return (plaintext, context) => sealRow(key, plaintext, context)
}

const REMEDY = 'tessera db check tells more'

const adviceFor = ({ value, file }: MasterKeySource): string =>
  `the master key was changed and the new one is not at hand; ${
    value === undefined ? `add it to ${file}` : 'add it to TESSERA_MASTER_KEY and restart'
  }`

const cache = new WeakMap<Buffer, Map<string, SealingKey>>()

/** Derives a key once. */
function derived(bytes: Buffer, purpose: string): SealingKey {
  const known = cache.get(bytes) ?? new Map<string, SealingKey>()
  cache.set(bytes, known)
  const key = known.get(purpose) ?? deriveKey(bytes, purpose)
  known.set(purpose, key)
  return key
}

function firstOf<T, R>(items: readonly T[], look: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = look(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** Tells whether a file has changed since; what comes from the environment never does. */
export function identityOfKeys({ value, file }: MasterKeySource): string {
  if (value !== undefined) return ''
  try {
    const stats = statSync(file, { bigint: true, throwIfNoEntry: false })
    return stats === undefined ? '' : `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`
  } catch {
    // What may not be looked at just now is as it was.
    return ''
  }
}
