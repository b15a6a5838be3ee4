import { readFile, rm } from 'node:fs/promises'
import { relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { COMPILED } from './compiled-file.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const OURS = /\/(?:src|test|scripts|db)\/.*\.ts$/

/** What a source becomes before it is compiled. */
export type Change = (path: string, text: string) => string

/** A module that looks for files beside itself finds them beside its source. */
const keepAddresses = (change: Change): Plugin => ({
  name: 'keep-addresses',
  setup: ({ onLoad }) =>
    onLoad({ filter: OURS }, async ({ path }) => {
      const text = change(relative(ROOT, path), await readFile(path, 'utf8'))
      return { loader: 'ts', contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)) }
    }),
})

/** Files that share a process share tap as well: what they import is the test of the file whose turn it is. */
const shareTap: Plugin = {
  name: 'share-tap',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^tap$/ }, ({ importer }) =>
      importer.endsWith('/scripts/test/file-tap.ts') || importer.endsWith('/scripts/test/lane.ts')
        ? { path: 'tap', external: true }
        : { path: `${ROOT}scripts/test/file-tap.ts` },
    ),
}

/**
 * Compiles tests with all they use of the project, once for all processes that run them.
 * @param files paths from the root of the project
 * @param change what a source becomes, by its path from there
 */
export async function compileTests(files: readonly string[], change: Change = (_path, text) => text): Promise<void> {
  await rm(COMPILED, { recursive: true, force: true })
  await build({
    absWorkingDir: ROOT,
    entryPoints: [...files, 'scripts/test/lane.ts', 'scripts/test/without-domains.ts'],
    outdir: COMPILED,
    outbase: ROOT,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    sourcemap: 'linked',
    plugins: [keepAddresses(change), shareTap],
    logLevel: 'warning',
  })
}
