import { constants, fstatSync, openSync, write } from 'node:fs'
import { isatty } from 'node:tty'
import type { Sink } from './line-output.ts'

const STDOUT = 1

/**
 * This process' standard output, which the event loop never waits for: a full disk, a reader that stopped or is gone, and a
 * terminal that was closed or halted all end in an error, or in nothing yet.
 */
export function standardOutput(): Sink {
  const kind = fstatSync(STDOUT)
  if (kind.isFIFO() || kind.isSocket()) return pipe()
  const file = isatty(STDOUT) ? openTerminal() : STDOUT
  return { write: (bytes, done) => write(file, bytes, (error, written) => done(error, written ?? 0)) }
}

/** Node writes to a pipe as far as there is room and waits for the rest beside everything else. */
function pipe(): Sink {
  // Each failure is told to whoever wrote, too.
  process.stdout.on('error', () => undefined)
  return {
    write: (bytes, done) => void process.stdout.write(bytes, (error) => done(error, error ? 0 : bytes.length)),
  }
}

/** A thread that writes to a halted terminal would wait for ever, and the end of the process for it. */
function openTerminal(): number {
  try {
    return openSync('/dev/fd/1', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return STDOUT
  }
}
