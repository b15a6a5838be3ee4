import type { Command } from 'commander'
import {
  createInitialToken,
  INITIAL_TOKEN_DEFAULTS,
  revokeInitialToken,
  warningsAboutInitialTokens,
} from '../../admin/apps/initial-access-tokens.ts'
import { showInitialToken } from '../../domain/apps/self-registration.ts'
import { systemRandom } from '../../lib/crypto/secrets.ts'
import { commandLine } from '../kit/actor.ts'
import { countFlag, durationFlag } from '../kit/durations.ts'
import { helpText } from '../kit/help.ts'
import { block, note, print, table, warn } from '../kit/output.ts'
import { withCore, withCoreAsItIs } from '../kit/with-core.ts'

/** `tessera registration token ...`: what apps need that register themselves. */
export function registrationCommands(program: Command): void {
  const registration = program
    .command('registration')
    .description('self-registration of apps: initial access tokens')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera registration token list', 'tessera registration token create --help']))
  const token = registration
    .command('token')
    .description('initial access tokens, which let apps register themselves')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera registration token list', 'tessera registration token create --help']))
  token
    .command('create')
    .description('create an initial access token and print it')
    .option('--label <text>', 'a label for your own reference')
    .option('--expires <time>', 'how long it is valid (default: 7d)', durationFlag)
    .option('--uses <number>', 'how many apps it can register (default: 1)', countFlag)
    .option('--unlimited', 'any number of apps')
    .addHelpText(
      'after',
      helpText(
        [
          'tessera registration token create --label "shop team"',
          'tessera registration token create --label ci --expires 90d --unlimited --json',
        ],
        `The token is printed to stdout, and only this once. To register an app, send it as "Authorization: Bearer" to /connect/register. The
server accepts it if TESSERA_REGISTRATION is token or open.`,
      ),
    )
    .action(create)
  token
    .command('list')
    .description('list the initial access tokens, newest first')
    .addHelpText('after', helpText(['tessera registration token list', 'tessera registration token list --json']))
    .action((_flags: unknown, command: Command) => list(command))
  token
    .command('revoke <id>')
    .description('revoke an initial access token, by its id or an unambiguous beginning of it')
    .addHelpText(
      'after',
      helpText(['tessera registration token revoke 019e2f3a4b5c'], 'Apps that were registered with it stay.'),
    )
    .action(revoke)
}

interface CreateFlags {
  readonly label?: string
  readonly expires?: number
  readonly uses?: number
  readonly unlimited?: boolean
}

const create = (
  { label, expires = INITIAL_TOKEN_DEFAULTS.lifetime, uses = INITIAL_TOKEN_DEFAULTS.uses, unlimited }: CreateFlags,
  command: Command,
): Promise<void> =>
  withCore(command, async ({ store, clock }, { registration }) => {
    const wanted = { label, lifetime: expires, uses: unlimited ? undefined : uses }
    const { token, value } = await store.writeAlone((unit) =>
      createInitialToken(unit, wanted, systemRandom, commandLine(clock())),
    )
    const { id, ...shown } = showInitialToken(token, clock())
    const lines = block([
      ['token', value],
      ['id', id],
      ['expires_at', shown.expires_at ?? 'never'],
      ['uses_left', String(shown.uses_left ?? 'any number')],
    ])
    print(command, { id, token: value, ...shown }, `New initial access token:\n\n${lines}\n`)
    note(command, 'The token is shown only this once: pass it to the person who registers the app.')
    for (const warning of warningsAboutInitialTokens(registration)) warn(command, warning)
  })

const list = (command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store, clock }) => {
    const shown = (await store.read.initialAccessTokens.list()).map((token) => showInitialToken(token, clock()))
    const rows = shown.map(({ id, label, created_at, expires_at, uses_left, state }) => [
      id,
      label ?? '-',
      created_at,
      expires_at ?? 'never',
      uses_left === null ? 'any number' : String(uses_left),
      state,
    ])
    const heading = ['Id', 'Label', 'Created', 'Expires', 'Uses left', 'State']
    const nothing = 'There are no initial access tokens; see: tessera registration token create --help'
    print(command, shown, table(heading, rows, nothing))
  })

const revoke = (id: string, _flags: unknown, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }) => {
    const token = await store.writeAlone((unit) => revokeInitialToken(unit, id, commandLine(clock())))
    print(command, { id: token.id, revoked: true }, `The initial access token ${token.id} is revoked.`)
  })
