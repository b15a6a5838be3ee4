import { resolve } from 'node:path'
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
