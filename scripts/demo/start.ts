import { buildIfChanged } from '../build.ts'
import { readOptions } from './options.ts'

// What npm run demo starts. --help and mistakes are answered before anything is built.
readOptions(process.argv)
try {
  await buildIfChanged()
  await import('../demo.ts')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
