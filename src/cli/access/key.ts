import { type Command, Option } from 'commander'
import { showKey } from '../../admin/grants/manage-keys.ts'
import { recordRotation, requireKey, revokeKey, whyHasty, whyNotSooner } from '../../admin/grants/signing-keys.ts'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../domain/protocol/signing-algorithm.ts'
import { HOUR } from '../../lib/time/clock.ts'
import type { Rotated } from '../../oauth/tokens/keys/key-rotation.ts'
import { commandLine } from '../kit/actor.ts'
import { durationFlag } from '../kit/durations.ts'
import { helpText } from '../kit/help.ts'
import { confirm } from '../kit/input.ts'
import { note, print, table, warn } from '../kit/output.ts'
import { impossible, wrongUsage } from '../kit/problem.ts'
import { withCore, withCoreAsItIs } from '../kit/with-core.ts'
import { forgetCommand } from './key-forget.ts'
import { resealCommand } from './key-reseal.ts'

const HELP = helpText(
  ['tessera key rotate', 'tessera key rotate --algorithm ES256 --publish-for 1h', 'tessera key rotate --algorithm all'],
  `The server rotates keys by itself; use this to replace a key sooner. The new key is published now and signs later, so that APIs that
cache the key set know it by then. If the server has already published a successor, that one takes over instead, or with --force the
new one at the time that you say, and the server publishes no other until then. The old key stays published until the last token that it
signed has expired.`,
)

const HELP_REVOKE = helpText(
  ['tessera key revoke Zk3v8Hq1xTn5bWcM', 'tessera key revoke Zk3v8Hq1xTn5bWcM --yes'],
  `From the next request on, every node refuses what the key signed: access tokens, ID tokens as hints, signed answers. The key set is
without it, and another key signs at once. APIs with @tessera-id/resource-server and a clientId follow within 5 s, others when they
fetch the key set again. Refresh tokens, reference tokens and sessions go on. A restore brings back keys that were revoked after the
backup: revoke them again.`,
)

/** `tessera key ...`: the keys that sign tokens. */
export function keyCommands(program: Command): void {
  const key = program
    .command('key')
    .alias('keys')
    .description('keys that sign tokens, and the master key they are sealed under')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera key list', 'tessera key rotate --help', 'tessera key reseal --help']))
  key
    .command('list')
    .description('list the signing keys, newest first: next, active, previous, retired')
    .addHelpText('after', helpText(['tessera key list', 'tessera key list --json']))
    .action((_flags: unknown, command: Command) => list(command))
  key
    .command('rotate')
    .description('publish a new key, which takes over signing later')
    .addOption(
      new Option('--algorithm <name>', "whose key (default: the instance's own algorithm)").choices([
        ...SIGNING_ALGORITHMS,
        'all',
      ]),
    )
    .option('--publish-for <time>', 'how long the key is published before it signs (default: 1h)', durationFlag)
    .option('--force', 'rotate even if verifiers could miss the new key, or if another key is about to take over')
    .addHelpText('after', HELP)
    .action(rotate)
  key
    .command('revoke')
    .description('revoke a signing key that others may know: whatever it signed is refused at once')
    .argument('<kid>', 'the kid of the key; tessera key list shows it')
    .option('--yes', 'do not ask for confirmation')
    .addHelpText('after', HELP_REVOKE)
    .action(revoke)
  resealCommand(key)
  forgetCommand(key)
}

const list = (command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ keys }) => {
    const records = (await keys.list()).toReversed().map((key) => showKey(key, key.state))
    const rows = records.map(({ kid, algorithm, state, signsFrom, retiresAt }) => [
      kid,
      algorithm,
      state,
      signsFrom,
      retiresAt ?? '-',
    ])
    print(
      command,
      records,
      table(['Kid', 'Algorithm', 'State', 'Signs from', 'Retires at'], rows, 'There are no signing keys.'),
    )
  })

interface RotateFlags {
  readonly algorithm?: SigningAlgorithm | 'all'
  readonly publishFor?: number
  readonly force?: boolean
}

async function rotate({ algorithm, publishFor = HOUR, force }: RotateFlags, command: Command): Promise<void> {
  const hasty = whyHasty(publishFor)
  if (hasty !== undefined && !force) throw wrongUsage(`--publish-for: ${hasty}; --force overrides this`)
  await withCore(command, async ({ keys, clock }) => {
    const all = algorithm === 'all'
    const rotated: Rotated[] = []
    for (const one of all ? SIGNING_ALGORITHMS : [algorithm ?? keys.algorithm])
      rotated.push(
        await keys.rotate({ algorithm: one, publishFor, anew: force === true }, (unit, key) =>
          recordRotation(unit, key, commandLine(clock())),
        ),
      )
    if (!rotated.some(({ changed }) => changed)) throw impossible(rotated.map(whyUnchanged).join('; '))
    const records = rotated.map(({ key }) => showKey(key, key.signsFrom <= clock() ? 'active' : 'next'))
    print(command, all ? records : records[0], records.map(described).join('\n'))
    if (hasty !== undefined)
      warn(command, 'APIs that cache the key set refuse tokens signed with the new key for up to 5 minutes')
    note(command, 'The old key stays published until the last token it signed has expired.')
  })
}

const whyUnchanged = ({ key }: Rotated): string =>
  `${whyNotSooner(key)}; --force publishes another key, which takes over when you say`

const described = ({ kid, algorithm, state, signsFrom }: ReturnType<typeof showKey>): string =>
  `${kid} (${algorithm}) ${state === 'active' ? 'signs from now on' : `is published now and signs from ${signsFrom}`}.`

async function revoke(kid: string, { yes }: { readonly yes?: boolean }, command: Command): Promise<void> {
  await withCore(command, async ({ store, keys, clock }) => {
    const { algorithm } = await requireKey(store.read, kid)
    await confirm(
      command,
      `This revokes the ${algorithm} key ${kid}: every token it signed is refused from now on.`,
      yes,
    )
    const made = await keys.make(algorithm)
    const { successor } = await store.writeAlone((unit) => revokeKey(unit, kid, made, commandLine(clock())))
    const document = { kid, algorithm, successor: successor === undefined ? null : showKey(successor, 'active') }
    const follows = successor === undefined ? '' : ` ${successor.kid} signs from now on.`
    print(command, document, `${kid} is revoked.${follows}`)
    note(
      command,
      'APIs that check tokens by themselves and do not ask this server refuse its tokens once they fetch the key set again.',
    )
  })
}
