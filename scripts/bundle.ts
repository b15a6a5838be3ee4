import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const at = (path: string): string => fileURLToPath(new URL(`../dist/${path}`, import.meta.url))

// What is no JavaScript stays where npm has put it.
const NATIVE = ['better-sqlite3', '@node-rs/argon2', 'pg-native']
// Packages that are CommonJS still call require.
const REQUIRE = `import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);`

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
