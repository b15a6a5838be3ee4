import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { makeFolder } from '../files/make-folder.ts'
import { shellWord } from '../text/shell.ts'
import { deriveKey } from './sealed-box.ts'
import { digest } from './secrets.ts'

const LEAST_BYTES = 32

/** Why the master key cannot be used, in one line for the operator. */
export class MasterKeyFault extends Error {}

/** Where the master key is to be found. */
export interface MasterKeySource {
  /** The key itself, base64, base64url or hex; several are separated by commas or spaces. */
  readonly value: string | undefined
  /** Holds one key, or several, a line each. */
  readonly file: string
  /** Whether a missing file may be made; in production a lost key must be noticed, not replaced. */
  readonly mayCreate: boolean
  /** Whether a database was used with a key before: a new one is of no use then. */
  readonly keyed?: boolean
  /** What was used with it, where that is not the database itself. */
  readonly keyOf?: string
}

/** A secret under which everything secret is sealed. */
export interface MasterKey {
  readonly bytes: Buffer
  /** How it is written in its file. */
  readonly text: string
  /** What a database keeps of the key in force, to know it among others. */
  readonly mark: string
}

/** The keys at hand; each opens what was sealed under it, and the mark of a database says which one seals. */
export interface KeyRing {
  readonly keys: readonly [MasterKey, ...MasterKey[]]
  /** One long key whose lines could be keys as well; where the mark of a database is its own, that is what it is. */
  readonly wrapped: MasterKey | undefined
}

/** The keys of a ring for the database of this mark; a database without one has not been used yet. */
export const keysFor = ({ keys, wrapped }: KeyRing, mark: string | undefined): KeyRing['keys'] =>
  wrapped !== undefined && wrapped.mark === mark ? [wrapped] : keys

/** Loads the keys in the order in which they are written, each of them once. @throws MasterKeyFault */
export function loadKeyRing({
  value,
  file,
  mayCreate,
  keyed = false,
  keyOf = 'this database',
}: MasterKeySource): KeyRing {
  if (value !== undefined) return readRing(value, 'TESSERA_MASTER_KEY')
  const text = readKeyFile(file) ?? (mayCreate ? createKeyFile(file) : undefined)
  if (text === undefined) {
    const remedy = keyed
      ? `; put the master key of ${keyOf} there, or set TESSERA_MASTER_KEY_FILE to its file`
      : `. Create it with: ${creationOf(resolve(file))}`
    throw new MasterKeyFault(`there is no master key: ${file} does not exist${remedy}`)
  }
  return readRing(text, file)
}

/** A line for the shell, which makes the folder as well. */
const creationOf = (file: string): string =>
  `(umask 077; mkdir -p ${shellWord(dirname(file))} && openssl rand -base64 32 > ${shellWord(file)})`

/** Makes a key as `openssl rand -base64 32` does. */
export const newMasterKey = (): MasterKey => toKey(randomBytes(LEAST_BYTES).toString('base64'), 'the new key')

/** @returns `undefined` where there is no such file */
export function readKeyFile(file: string): string | undefined {
  try {
    const mode = statSync(file).mode & 0o077
    if (mode !== 0)
      throw new MasterKeyFault(
        `${file} can be read by users other than its owner; fix it with: chmod 600 ${shellWord(resolve(file))}`,
      )
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof MasterKeyFault) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new MasterKeyFault(`${file} cannot be read: ${(error as Error).message}`)
  }
}

/** Written aside and linked into place, so that nobody ever reads half a key. */
function createKeyFile(file: string): string {
  const { text } = newMasterKey()
  const draft = `${file}.${process.pid}.new`
  try {
    makeFolder(dirname(file))
    const descriptor = openSync(draft, 'wx', 0o600)
    writeSync(descriptor, `${text}\n`)
    fsyncSync(descriptor)
    closeSync(descriptor)
    linkSync(draft, file)
    return text
  } catch (error) {
    // Two processes may start at once; the first one's key counts.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && existsSync(file)) return readFileSync(file, 'utf8')
    throw new MasterKeyFault(`${file} cannot be created: ${(error as Error).message}`)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Reads the keys that a text holds. @param source names it in faults @throws MasterKeyFault */
export function readRing(text: string, source: string): KeyRing {
  const [first = '', ...more] = text.split(/[\s,]+/).filter((word) => word !== '')
  if (more.length === 0) return { keys: [toKey(first, source)], wrapped: undefined }
  const words = [first, ...more]
  // Long keys are often written on several lines.
  const joined = /^[^\s,]+(\r?\n[^\s,]+)*\s*$/.test(text) ? words.join('') : ''
  const wrapped = isKey(joined) ? toKey(joined, source) : undefined
  if (wrapped !== undefined && !words.every(isKey)) return { keys: [wrapped], wrapped: undefined }
  if (!isKey(first)) toKey(text.trim(), source)
  const keys = words.map((word, index) => toKey(word, `key ${index + 1} of ${source}`))
  const once = keys.filter(({ mark }, index) => keys.findIndex((key) => key.mark === mark) === index)
  return { keys: once as unknown as KeyRing['keys'], wrapped }
}

// Node would skip what is not base64, and take a sentence for a key.
const isReadable = (text: string): boolean => /^[A-Za-z0-9+/_-]*={0,2}$/.test(text)
const isKey = (text: string): boolean => isReadable(text) && bytesOf(text).length >= LEAST_BYTES

const bytesOf = (text: string): Buffer =>
  // A text of hex digits only is meant as hex, also when it is too short.
  /^([0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64')

function toKey(text: string, source: string): MasterKey {
  if (!isReadable(text))
    throw new MasterKeyFault(`${source} is neither base64 nor hex; create one with: openssl rand -base64 32`)
  const bytes = bytesOf(text)
  if (bytes.length >= LEAST_BYTES) return { bytes, text, mark: digest(deriveKey(bytes, 'mark').toString('base64')) }
  throw new MasterKeyFault(
    `${source} holds ${bytes.length} bytes; a master key has at least ${LEAST_BYTES} (openssl rand -base64 32)`,
  )
}
