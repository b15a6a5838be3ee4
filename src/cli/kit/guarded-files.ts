import { realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Config } from '../../config/read-config.ts'
import { parseDatabaseUrl } from '../../lib/net/database-url.ts'
import { COMPANIONS } from '../../store/transfer/durable-file.ts'
import type { Guarded } from '../../store/transfer/output-file.ts'

/**
 * What an instance lives of, which no command writes over.
 * @param configFile the file of `--config`
 */
export function guardedFiles(
  { database, masterKey }: Pick<Config, 'database' | 'masterKey'>,
  configFile: string | undefined,
): Guarded[] {
  const address = parseDatabaseUrl(database.url)
  const names = address.kind === 'file' ? namesOf(resolve(address.path)) : []
  return [
    ...names.flatMap((path) => [
      { path, is: 'is the database of this instance' },
      ...[...COMPANIONS, '.restoring'].map((ending) => ({
        path: path + ending,
        is: 'belongs to the database of this instance',
      })),
      ...['ballast', 'ballast.new'].map((name) => ({
        path: join(dirname(path), name),
        is: 'is the reserve of this instance',
      })),
    ]),
    { path: resolve(masterKey.file), is: 'is the master key of this instance' },
    ...(configFile === undefined ? [] : [{ path: resolve(configFile), is: 'holds the settings of this instance' }]),
  ]
}

/** SQLite keeps what belongs to a database beside the file, and not beside a link to it. */
function namesOf(path: string): string[] {
  try {
    return [...new Set([path, realpathSync(path)])]
  } catch {
    return [path]
  }
}
