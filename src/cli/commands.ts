import { explain } from './explain.ts'
import { reportFailure } from './output.ts'
import { createProgram } from './program.ts'

// A reader that has seen enough (tessera app list | head -1) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    if (stream === process.stdout) process.stderr.write(`the result cannot be written: ${error.message}\n`)
    process.exit(1)
  })
}

const complaints: string[] = []
const program = createProgram((text) => complaints.push(text))
try {
  await program.parseAsync()
} catch (error) {
  const showStack = /^(debug|trace)$/.test(process.env['TESSERA_LOG_LEVEL'] ?? '')
  const { lines, exitCode } = explain(error, complaints.join(''), showStack)
  process.exitCode = exitCode
  if (exitCode !== 0) reportFailure(lines, exitCode, program.opts<{ json?: boolean }>().json)
}
