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
  /** The key itself, base64, base64url or hex. */
  readonly value: string | undefined
  readonly file: string
  /** Whether a missing file may be made; in production a lost key must be noticed, not replaced. */
  readonly mayCreate: boolean
  /** Whether a database was used with a key before: a new one is of no use then. */
  readonly keyed?: boolean
  /** What was used with it, where that is not the database itself. */
  readonly keyOf?: string
}

/** Loads the secret under which everything secret is sealed. @throws MasterKeyFault */
export function loadMasterKey({
  value,
  file,
  mayCreate,
  keyed = false,
  keyOf = 'this database',
}: MasterKeySource): Buffer {
  if (value !== undefined) return decode(value, 'TESSERA_MASTER_KEY')
  const text = readKeyFile(file) ?? (mayCreate ? createKeyFile(file) : undefined)
  if (text === undefined) {
    const remedy = keyed
      ? `; put the master key of ${keyOf} there, or set TESSERA_MASTER_KEY_FILE to its file`
      : `. Create it with: ${creationOf(resolve(file))}`
    throw new MasterKeyFault(`there is no master key: ${file} does not exist${remedy}`)
  }
  return decode(text.trim(), file)
}

/** A line for the shell, which makes the folder as well. */
const creationOf = (file: string): string =>
  `(umask 077; mkdir -p ${shellWord(dirname(file))} && openssl rand -base64 32 > ${shellWord(file)})`

/** What a database keeps of its master key, to notice another one. */
export const markOf = (masterKey: Buffer): string => digest(deriveKey(masterKey, 'mark').toString('base64'))

function readKeyFile(file: string): string | undefined {
  try {
    const mode = statSync(file).mode & 0o077
    if (mode !== 0)
      throw new MasterKeyFault(`${file} can be read by users other than its owner; fix it with: chmod 600 ${file}`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof MasterKeyFault) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new MasterKeyFault(`${file} cannot be read: ${(error as Error).message}`)
  }
}

/** Written aside and linked into place, so that nobody ever reads half a key. */
function createKeyFile(file: string): string {
  const text = randomBytes(LEAST_BYTES).toString('base64')
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

function decode(given: string, source: string): Buffer {
  const text = given.replace(/\r?\n/g, '')
  // Node would skip what is not base64, and take a sentence for a key.
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text))
    throw new MasterKeyFault(`${source} is neither base64 nor hex; create one with: openssl rand -base64 32`)
  // A text of hex digits only is meant as hex, also when it is too short.
  const bytes = /^([0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64')
  if (bytes.length >= LEAST_BYTES) return bytes
  throw new MasterKeyFault(
    `${source} holds ${bytes.length} bytes; a master key has at least ${LEAST_BYTES} (openssl rand -base64 32)`,
  )
}
