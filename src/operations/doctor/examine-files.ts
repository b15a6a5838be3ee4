import { readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { shellWord } from '../../lib/text/shell.ts'
import { type Finding, fine, warning } from './finding.ts'

/** The files that an instance lives of; absent where the database is a server's, or the key comes from the environment. */
export interface SecretFiles {
  readonly database: string | undefined
  readonly masterKey: string | undefined
}

const ANY_OTHER = 0o077
const WRITE_OTHER = 0o022
const BESIDE_A_DATABASE = ['-wal', '-shm', '-journal']

/** Who else of this machine can get at the files, and whether one theft takes both halves of what is sealed. */
export function examineFiles({ database, masterKey }: SecretFiles, https: boolean): Finding[] {
  const secret = [database, masterKey].filter((path) => path !== undefined).map(realPath)
  const companions = database === undefined ? [] : BESIDE_A_DATABASE.map((ending) => realPath(database) + ending)
  const folders = [...new Set(secret.map((path) => dirname(path)))]
  const open = [
    ...[...secret, ...companions].filter((path) => (modeOf(path) & ANY_OTHER) !== 0).map(openFile),
    ...folders.flatMap((folder) => openFolder(folder, secret)),
  ]
  const beside = database !== undefined && masterKey !== undefined && folders.length === 1
  return [
    ...(open.length > 0 ? open : [fine('file modes', 'no other user can access the files')]),
    beside && https
      ? warning(
          'master key',
          'the master key is in the folder of the database, so one backup would hold both',
          'move it and set TESSERA_MASTER_KEY_FILE',
        )
      : fine('master key', 'nobody can use the database without it'),
  ]
}

/** What it is called where no link leads there, wherever the process was started. */
function realPath(path: string): string {
  const full = resolve(path)
  try {
    return realpathSync(full)
  } catch {
    return realFolder(full)
  }
}

function realFolder(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch {
    return path
  }
}

const openFile = (path: string): Finding =>
  warning('file modes', `${path} is accessible to other users`, `chmod 600 ${shellWord(path)}`)

/** Only a folder with nothing in it but what is Tessera's is closed to others, as /etc or /tmp would end the work of everybody else. */
function openFolder(folder: string, secret: readonly string[]): Finding[] {
  const mode = modeOf(folder)
  if ((mode & ANY_OTHER) === 0) return []
  if (isOurs(folder, mode, secret))
    return [warning('file modes', `${folder} is accessible to other users`, `chmod 700 ${shellWord(folder)}`)]
  if ((mode & WRITE_OTHER) === 0) return []
  const inside = secret.filter((path) => dirname(path) === folder).map((path) => basename(path))
  return [
    warning(
      'file modes',
      `other users can put files into ${folder}, beside ${inside.join(' and ')}`,
      "move what is Tessera's into a folder of its own (mode 700), and set TESSERA_DATA_DIR and TESSERA_MASTER_KEY_FILE",
    ),
  ]
}

/** The sticky bit marks a folder for everybody. */
function isOurs(folder: string, mode: number, secret: readonly string[]): boolean {
  if ((mode & 0o1000) !== 0) return false
  const names = secret.filter((path) => dirname(path) === folder).map((path) => basename(path))
  const isKnown = (entry: string): boolean =>
    names.some((name) => entry === name || entry.startsWith(`${name}-`) || entry.startsWith(`${name}.`)) ||
    /^(ballast(\.new)?|master\.key|tessera\.db|tessera\.env|tessera-backup-.*\.db)$/.test(entry)
  try {
    return readdirSync(folder).every(isKnown)
  } catch {
    return false
  }
}

/** The permission bits; 0 for what is not there. */
function modeOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats === undefined ? 0 : stats.mode & 0o7777
}
