#!/usr/bin/env node
import { explain } from './explain.ts'
import { note } from './output.ts'
import { createProgram } from './program.ts'

// A reader that has seen enough (tessera app list | head -1) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await createProgram().parseAsync()
} catch (error) {
  const { lines, exitCode } = explain(error, /^(debug|trace)$/.test(process.env['TESSERA_LOG_LEVEL'] ?? ''))
  for (const line of lines) note(line)
  process.exitCode = exitCode
}
