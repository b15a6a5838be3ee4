import { isatty } from 'node:tty'

interface Log {
  info(record: object, message: string): void
  warn(record: object, message: string): void
  fatal(record: object, message: string): void
}

interface Heeding {
  readonly log: Log
  /** Ends the server in good order; a second time at once. */
  readonly stop: (signal: NodeJS.Signals) => void
  /** Ends the process at once, with what the log still holds. */
  readonly die: () => void
}

/** Says on the log what comes from outside the requests: signals, and errors that nothing handled. */
export function heedSignals({ log, stop, die }: Heeding): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGUSR2'] as const) process.on(signal, stop)
  // A terminal that closes takes what runs in it along; anybody else means a reload, which there is none of.
  const belongsToTerminal = isatty(0) || isatty(1)
  let hungUp = false
  process.on('SIGHUP', (signal) => {
    if (!belongsToTerminal)
      log.warn({ signal }, 'SIGHUP is ignored: settings are read at the start only, and the log is not reopened')
    // The shell and the kernel both tell of it, which is no second wish.
    else if (!hungUp) stop(signal)
    hungUp = true
  })
  // Node would open its debugger.
  process.on('SIGUSR1', (signal) => log.warn({ signal }, 'SIGUSR1 is ignored: this server does not use it'))
  process.on('uncaughtException', (err, origin) => {
    log.fatal({ err, origin }, 'stopped by an unhandled error')
    die()
  })
}
