import { runCommand } from './run-command.ts'

const { stdin, stdout, stderr, env: environment } = process
const terminal = { stdin, stdout, stderr, environment, exitCode: 0 }

// A reader that has seen enough (tessera app list | head -1) is no error, and what the command found counts all the same.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? terminal.exitCode)
    if (stream === process.stdout) process.stderr.write(`the result cannot be written: ${error.message}\n`)
    process.exit(1)
  })
}

process.exitCode = await runCommand(process.argv.slice(2), terminal)
