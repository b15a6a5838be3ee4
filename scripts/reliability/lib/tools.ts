import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { Skip } from './run.ts'

/** Says that a check cannot be carried out here: where everything must be there, as in CI, that is a failure. */
export function cannot(reason: string): never {
  throw process.env['TESSERA_REQUIRE_TOOLS'] === '1' ? new Error(reason) : new Skip(reason)
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @returns the path of a program */
export function requireTool(name: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return (
    folders.map((folder) => join(folder, name)).find(isThere) ??
    cannot(`${name} is not installed (apt install ${name})`)
  )
}

export function requireRoot(what: string): void {
  if (process.getuid?.() !== 0) cannot(`${what} needs root`)
}
