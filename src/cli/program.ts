import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, type Help, type Option } from 'commander'
import { packageRoot } from '../lib/files/package-root.ts'
import { consentCommands } from './access/consent.ts'
import { keyCommands } from './access/key.ts'
import { licenseCommands } from './access/license.ts'
import { registrationCommands } from './access/registration.ts'
import { resourceCommands } from './access/resource.ts'
import { sessionCommands } from './access/session.ts'
import { signInCommands } from './access/sign-in.ts'
import { tokenCommands } from './access/token.ts'
import { appCommands } from './app/app.ts'
import { completionCommand } from './completion/completion.ts'
import { dbCommands } from './db/db.ts'
import { explainCommand } from './explain/explain.ts'
import { applyCommand } from './files/apply.ts'
import { exportCommand } from './files/export.ts'
import { planCommand } from './files/plan.ts'
import { helpText } from './kit/help.ts'
import { wrongUsage } from './kit/problem.ts'
import { placeAt, type Terminal } from './kit/terminal.ts'
import { unknownWord } from './kit/unknown-word.ts'
import { auditCommands } from './operate/audit.ts'
import { doctorCommand } from './operate/doctor.ts'
import { refusalCommands } from './operate/refusal.ts'
import { serveCommand } from './operate/serve.ts'
import { settingsCommands } from './operate/settings.ts'
import { userCommands } from './user/user.ts'

const HELP = helpText(
  [
    'tessera db migrate',
    'tessera user add david --email david@example.com --generate-password',
    'tessera app register my.trusted.app/web --web --redirect-uri https://app.example.com/cb --scope "read update"',
    'tessera user add svc.sync --type SystemUserNoLogin',
    'tessera app register my.trusted.app/sync --service --system-user svc.sync --scope "read update"',
    'tessera serve',
    'tessera settings',
    'tessera doctor',
  ],
  `Settings come from the environment (TESSERA_...) and from the --config file; the environment wins, and tessera settings shows
what is in force. Commands work on the same database as the running server, whose next request sees their changes. Only serve,
db migrate, apply and db restore create an instance; without one, commands that need it say so and create nothing.

Exit codes: 0 done; 1 cannot be done (something does not exist, or already exists); 2 wrong flag, value or setting.
Results go to stdout, everything else to stderr.`,
)

const version = (): string =>
  (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version

/**
 * The whole `tessera` command, with everything it can do.
 * @param terminal where its commands run
 * @param complain takes what is to be said about a wrong flag or argument
 */
export function createProgram(terminal: Terminal, complain: (text: string) => void): Command {
  const program = new Command('tessera')
    .description('Tessera, an OAuth 2.0 and OpenID Connect identity server')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--config <file>', 'file of NAME=value settings')
    .option('--json', 'print the result as one JSON document')
    .option(
      '--accept-clock',
      'accept the clock of this machine, although times in the database or in the backup contradict it',
    )
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions: sharedOptions })
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: complain,
      outputError: (text, write) => write(text.replace(/^error: /, '')),
      getOutHelpWidth: () => terminal.stdout.columns ?? 120,
      getErrHelpWidth: () => terminal.stderr.columns ?? 120,
    })
    .helpCommand(false)
    .exitOverride()
    .addHelpText('after', HELP)
  serveCommand(program)
  appCommands(program)
  userCommands(program)
  resourceCommands(program)
  tokenCommands(program)
  registrationCommands(program)
  signInCommands(program)
  sessionCommands(program)
  consentCommands(program)
  licenseCommands(program)
  keyCommands(program)
  planCommand(program)
  applyCommand(program)
  exportCommand(program)
  auditCommands(program)
  dbCommands(program)
  settingsCommands(program)
  refusalCommands(program)
  explainCommand(program)
  doctorCommand(program)
  completionCommand(program)
  helpCommand(program)
  sayWhatWasExpected(program)
  return placeAt(terminal, program)
}

/** `tessera help app register` is `tessera app register --help`. */
function helpCommand(program: Command): void {
  program
    .command('help [command...]')
    .description('print the help of a command')
    .addHelpText('after', helpText(['tessera help', 'tessera help app register']))
    .action((path: readonly string[]) => {
      let found = program
      for (const name of path) {
        const names = found.commands.map((command) => command.name())
        const next = found.commands.find((command) => command.name() === name)
        if (!next)
          throw wrongUsage(...unknownWord('command', name, names, `${pathOf(found)} --help lists its commands`))
        found = next
      }
      found.help()
    })
}

const ancestorsOf = ({ parent }: Command): Command[] => (parent ? [parent, ...ancestorsOf(parent)] : [])

function sharedOptions(this: Help, command: Command): Option[] {
  return ancestorsOf(command)
    .flatMap((ancestor) => ancestor.options)
    .filter((option) => option.long !== '--version')
}

const pathOf = (command: Command): string =>
  [...ancestorsOf(command).reverse(), command].map((one) => one.name()).join(' ')

/** After a mistake a group says its commands, and a command its flags. */
function sayWhatWasExpected(command: Command): void {
  const names = command.commands.map((child) => child.name())
  command.showHelpAfterError(
    names.length === 0
      ? expectationOf(command)
      : `expected one of: ${names.join(', ')}\n${pathOf(command)} --help lists its commands`,
  )
  for (const child of command.commands) sayWhatWasExpected(child)
}

function expectationOf(command: Command): string {
  const path = pathOf(command)
  const places = command.registeredArguments.map((argument) => ` <${argument.name()}>`).join('')
  const flags = [...command.options, ...sharedOptions.call(command.createHelp(), command)].map((option) => option.long)
  return `expected: ${path}${places} with ${flags.join(', ')}\n${path} --help explains them`
}
