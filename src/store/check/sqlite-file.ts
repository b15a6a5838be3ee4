import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { shellWord } from '../../lib/text/shell.ts'
import { type Check, failed, inMebibytes, messageOf, passed } from './check.ts'

const LEAST_FREE = 104_857_600
const LONGEST_WAL = 67_108_864

/** What can be said of a database file without opening it. */
export function checkFile(path: string): Check[] {
  if (!existsSync(path))
    return [
      failed(
        'file',
        `${path} does not exist, or this user may not look for it`,
        'set TESSERA_DATABASE_URL to another one, or create it with tessera db migrate',
      ),
    ]
  return [checkMode(path), checkAccess(path), checkSpace(path), checkWal(path)]
}

/** Password hashes and sealed keys are for the server alone. */
function checkMode(path: string): Check {
  const mode = statSync(path).mode & 0o777
  const shown = `mode ${mode.toString(8).padStart(3, '0')}`
  return (mode & 0o077) === 0
    ? passed('permissions', shown)
    : failed(
        'permissions',
        `${shown}: users other than the owner can access it`,
        `chmod 600 ${shellWord(resolve(path))}`,
      )
}

function checkAccess(path: string): Check {
  const { R_OK, W_OK, X_OK } = constants
  try {
    accessSync(path, R_OK | W_OK)
    accessSync(dirname(path), R_OK | W_OK | X_OK)
    return passed('access', 'file and folder are writable')
  } catch (error) {
    return failed(
      'access',
      messageOf(error),
      `give the file and its folder to the user who runs the server (uid ${process.getuid?.()}), on a writable file system`,
    )
  }
}

function checkSpace(path: string): Check {
  const { bavail, bsize } = statfsSync(dirname(path))
  const free = bavail * bsize
  const wanted = Math.max(LEAST_FREE, statSync(path).size)
  const detail = `${inMebibytes(free)} free`
  return free >= wanted
    ? passed('disk space', detail)
    : failed('disk space', detail, `free space: at least ${inMebibytes(wanted)}, the size of the database`)
}

function checkWal(path: string): Check {
  const bytes = existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0
  return bytes <= LONGEST_WAL
    ? passed('write-ahead log', inMebibytes(bytes))
    : failed(
        'write-ahead log',
        inMebibytes(bytes),
        'a very long read, perhaps a backup, keeps it from shrinking; end it, or restart the server',
      )
}
