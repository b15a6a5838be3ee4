import { runCommand } from './run-command.ts'

const { stdin, stdout, stderr, env: environment } = process
const terminal = { stdin, stdout, stderr, environment, exitCode: 0 }

// Nobody has to listen: what was begun is done to its end, and the exit code says how that went.
stderr.on('error', () => undefined)

// A reader that has seen enough (tessera app list | head -1) is no error; a result that cannot be written is one, once it is there.
let isUnwritten = false
stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE' || isUnwritten) return
  isUnwritten = true
  process.exitCode ||= 1
  stderr.write(`the result cannot be written: ${message}\n`)
})

const exitCode = await runCommand(process.argv.slice(2), terminal)
process.exitCode = exitCode === 0 && isUnwritten ? 1 : exitCode
