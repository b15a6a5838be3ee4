import { existsSync, readdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const at = (path: string): string => fileURLToPath(new URL(`../dist/${path}`, import.meta.url))

// What is no JavaScript stays where npm has put it.
const NATIVE = ['better-sqlite3', '@node-rs/argon2', 'pg-native']
// Packages that are CommonJS still call require.
const REQUIRE = `import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);`

/** What was compiled from a source that is gone would be packed for good. */
function removeLeftovers(compiled: string, source: string): void {
  const from = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
  for (const name of readdirSync(from(compiled), { recursive: true, encoding: 'utf8' })) {
    const stem = /^(.*?)(?:\.d\.ts|\.js|\.js\.map)$/.exec(name)?.[1]
    if (stem !== undefined && !existsSync(from(`${source}/${stem}.ts`))) rmSync(from(`${compiled}/${name}`))
  }
}

// Once it was compiled with the server.
await rm(at('src/resource-server'), { recursive: true, force: true })
removeLeftovers('dist/src', 'src')
removeLeftovers('dist/db', 'db')
removeLeftovers('src/resource-server/dist', 'src/resource-server')
await rm(at('cli'), { recursive: true, force: true })
await build({
  entryPoints: [at('src/cli/commands.js')],
  outdir: at('cli'),
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  external: NATIVE,
  banner: { js: REQUIRE },
  logLevel: 'warning',
})
