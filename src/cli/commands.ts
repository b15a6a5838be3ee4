import { runCommand } from './run-command.ts'

// A reader that has seen enough (tessera app list | head -1) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    if (stream === process.stdout) process.stderr.write(`the result cannot be written: ${error.message}\n`)
    process.exit(1)
  })
}

const { stdin, stdout, stderr, env: environment } = process
process.exitCode = await runCommand(process.argv.slice(2), { stdin, stdout, stderr, environment, exitCode: 0 })
