import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/** A folder that cannot be made; its message says what mends it. */
export class FolderFault extends Error {
  readonly code: string | undefined

  constructor(path: string, code: string | undefined) {
    super(`the folder ${path} cannot be created (${code}); set TESSERA_DATA_DIR to another one`)
    this.code = code
  }
}

/**
 * Makes a folder for its owner alone, with those above it. Node's own way to do so never ends where a file system such as /proc
 * answers that a parent which is there is not.
 * @throws FolderFault with the `code` of the system, saying which folder it is
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Another process may have made it meanwhile.
    if (code === 'EEXIST') return
    throw new FolderFault(path, code)
  }
}
