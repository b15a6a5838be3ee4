import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import type { Ports } from './addresses.ts'

export interface DemoOptions {
  readonly ports: Ports
  readonly dataDir: string
  /** Where the data is after tessera db move; tessera.db in the data directory unless given. */
  readonly database: string | undefined
  readonly reset: boolean
}

const HELP = `
What it starts, on loopback only:
  identity server   http://localhost:5080/id   Tessera itself, with SQLite in the data directory
  web app           http://localhost:5081      signs people in with a code, PKCE and a secret, and refreshes
  single-page app   http://localhost:5082      signs people in from the browser, with PKCE and no secret
  instance API      http://localhost:5083      checks access tokens and their scopes with @tessera-id/resource-server
  sync service      (no port)                  calls the API every few seconds with a token of its own

The first start registers users and apps and makes up their passwords and secrets; they are printed, and kept in
<data-dir>/demo.json. Later starts find them again. Ctrl+C stops everything.

Examples:
  $ npm run demo
  $ npm run demo -- --reset
  $ npm run demo -- --port 6080 --web-port 6081 --spa-port 6082 --api-port 6083 --data-dir /tmp/demo`

/** Reads a port that a server can be given and a browser can be sent to. */
export function readPort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('expected a whole number from 1 to 65535')
  return port
}

/**
 * Reads the demo's flags; answers `--help` and mistakes itself and ends the process then (exit code 2 for a mistake).
 * @param argv as Node gives it, with the program first
 */
export function readOptions(argv: readonly string[]): DemoOptions {
  const command = new Command('npm run demo --')
    .description('Starts a Tessera instance with everything needed to watch both flows work.')
    .option('--port <port>', 'port of the identity server', readPort, 5080)
    .option('--web-port <port>', 'port of the demo web app', readPort, 5081)
    .option('--spa-port <port>', 'port of the demo single-page app', readPort, 5082)
    .option('--api-port <port>', 'port of the demo instance API', readPort, 5083)
    .option('--data-dir <dir>', 'where the database, the log and the passwords are kept', './data/demo')
    .option('--database <url>', 'where the demo was moved to (default: TESSERA_DATABASE_URL, which hides its password)')
    .option('--reset', "delete the demo's data directory first and start afresh", false)
    .allowExcessArguments(false)
    .addHelpText('after', HELP)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse(argv)
  const given = command.opts<{
    port: number
    webPort: number
    spaPort: number
    apiPort: number
    dataDir: string
    database?: string
    reset: boolean
  }>()
  const ports = { identity: given.port, web: given.webPort, spa: given.spaPort, api: given.apiPort }
  return {
    ports,
    dataDir: resolve(given.dataDir),
    database: given.database ?? process.env['TESSERA_DATABASE_URL'],
    reset: given.reset,
  }
}
