import type { Command } from 'commander'
import { helpText } from '../kit/help.ts'
import { configOf, openToServe } from '../kit/with-core.ts'

const HELP = helpText(
  [
    'tessera serve --config /etc/tessera.env',
    'TESSERA_ISSUER=https://id.example.com/id TESSERA_LISTEN=127.0.0.1:5080 tessera serve',
  ],
  `Writes its log to stdout, one JSON record per line. The server is ready when /health/ready answers 200. SIGTERM, SIGQUIT and
SIGUSR2 let requests in progress finish.`,
)

/** Commands end when nobody reads what they print; the server has other work. */
function goOnWithoutReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error').on('error', () => undefined)
}

/** `tessera serve`: the identity server itself. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('run the identity server')
    .addHelpText('after', HELP)
    .action(async (_flags: unknown, command: Command) => {
      const config = configOf(command)
      goOnWithoutReaders()
      // The web server is loaded by this one command alone; the others start faster without it.
      const { serve } = await import('../../main.ts')
      await serve(config, await openToServe(command, config))
    })
}
