import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseUrlFault, fileUrlOf, isFileUrl, parseDatabaseUrl } from '../lib/net/database-url.ts'
import type { SettingName } from './settings.ts'

type Given = Readonly<Record<string, string | undefined>>
type FromFolder = (folder: string, value: string) => string

/** The settings that name a file, and how they do. */
const PATHS: Partial<Record<SettingName, FromFolder>> = {
  TESSERA_DATA_DIR: resolve,
  TESSERA_MASTER_KEY_FILE: resolve,
  TESSERA_DATABASE_URL: urlFrom,
  TESSERA_MOVE_TO: urlFrom,
}

/**
 * What a configuration file says of files, counted from the file itself: it means the same wherever a command is run.
 * @param folder of the configuration file, absolute
 */
export const pathsFrom = (folder: string, given: Given): Given => ({
  ...given,
  ...Object.fromEntries(
    Object.entries(PATHS).flatMap(([name, from]) => {
      const value = given[name]?.trim()
      return value ? [[name, from(folder, value)]] : []
    }),
  ),
})

/** The files that a setting leads to, of which one at least is there after the first start. */
const FILES: Partial<Record<SettingName, (folder: string, value: string) => string[]>> = {
  TESSERA_DATA_DIR: (folder, value) => ['tessera.db', 'master.key'].map((name) => join(resolve(folder, value), name)),
  TESSERA_MASTER_KEY_FILE: (folder, value) => [resolve(folder, value)],
  TESSERA_DATABASE_URL: (folder, value) => databaseFilesOf(urlFrom(folder, value)),
}

/**
 * What a relative path of the configuration file would lose: once it counted from the folder where the server was started, and a
 * second, empty instance must not be made beside one that is there.
 * @param folder of the configuration file, absolute
 * @param present the folder where the process was started, absolute
 * @param given what counts of the file
 * @returns a line for each setting that leads to nothing from the one and to something from the other
 */
export const whyElsewhere = (folder: string, present: string, given: Given): string[] =>
  Object.entries(FILES).flatMap(([name, filesFrom]) => {
    const value = given[name]?.trim()
    if (!value || filesFrom(folder, value).some((file) => existsSync(file))) return []
    const found = filesFrom(present, value).find((file) => existsSync(file))
    const meant = filesFrom(folder, value)[0]
    return found === undefined
      ? []
      : [
          `${name} of the configuration file counts from that file and leads to ${meant}, where nothing is, but ${found} is there, counted from the present folder; write the absolute path of the one that is meant`,
        ]
  })

function databaseFilesOf(url: string): string[] {
  try {
    const address = parseDatabaseUrl(url)
    return address.kind === 'file' ? [address.path] : []
  } catch (error) {
    if (error instanceof DatabaseUrlFault) return []
    throw error
  }
}

function urlFrom(folder: string, url: string): string {
  try {
    if (!isFileUrl(url)) return certificatesFrom(folder, url)
    const address = parseDatabaseUrl(url)
    return address.kind === 'file' ? fileUrlOf(resolve(folder, address.path)) : url
  } catch (error) {
    // Whoever reads the setting tells what is wrong with it.
    if (error instanceof DatabaseUrlFault) return url
    throw error
  }
}

function certificatesFrom(folder: string, text: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  const file = url.searchParams.get('sslrootcert')
  if (file === null || file === '') return text
  url.searchParams.set('sslrootcert', resolve(folder, file))
  return url.href
}
