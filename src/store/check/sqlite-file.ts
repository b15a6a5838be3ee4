import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Check, failed, inMebibytes, messageOf, passed } from './check.ts'

const LEAST_FREE = 104_857_600
const LONGEST_WAL = 67_108_864

/** What can be said of a database file without opening it. */
export function checkFile(path: string): Check[] {
  if (!existsSync(path))
    return [
      failed(
        'file',
        `${path} is not there or may not be looked for`,
        'name another with TESSERA_DATABASE_URL, or make it with tessera db migrate',
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
    : failed('permissions', `${shown}: others than the owner may use it`, `chmod 600 ${path}`)
}

function checkAccess(path: string): Check {
  const { R_OK, W_OK, X_OK } = constants
  try {
    accessSync(path, R_OK | W_OK)
    accessSync(dirname(path), R_OK | W_OK | X_OK)
    return passed('access', 'file and folder can be written')
  } catch (error) {
    return failed(
      'access',
      messageOf(error),
      `give the file and its folder to the user that runs the server (uid ${process.getuid?.()}), on a file system that can be written`,
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
    : failed('disk space', detail, `make room: at least ${inMebibytes(wanted)}, as much as the database takes`)
}

function checkWal(path: string): Check {
  const bytes = existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0
  return bytes <= LONGEST_WAL
    ? passed('write-ahead log', inMebibytes(bytes))
    : failed(
        'write-ahead log',
        inMebibytes(bytes),
        'something reads for very long, a backup perhaps; end it, or restart the server',
      )
}
