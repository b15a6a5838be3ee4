import type { Command } from 'commander'
import { recordChange } from '../administration/record-change.ts'
import { HOUR, isoTime, MINUTE } from '../lib/clock.ts'
import type { StoredSigningKey } from '../repositories/signing-keys.ts'
import type { KeyState } from '../tokens/signing-keys.ts'
import { commandLine } from './actor.ts'
import { durationFlag } from './durations.ts'
import { helpText } from './help.ts'
import { note, print, table, warn } from './output.ts'
import { impossible, wrongUsage } from './problem.ts'
import { withCore } from './with-core.ts'

// How long verifiers may keep the key set.
const CACHED = 5 * MINUTE

const HELP = helpText(
  ['tessera key rotate --publish-for 1h'],
  `The new key is published now and signs later, so that APIs which cache the key set know it by then. The old key stays
published until the last token it signed has expired.`,
)

/** `tessera key ...`: the keys that sign tokens. */
export function keyCommands(program: Command): void {
  const key = program
    .command('key')
    .description('keys that sign tokens')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera key list', 'tessera key rotate --help']))
  key
    .command('list')
    .description('list the signing keys: next, active, previous, retired')
    .addHelpText('after', helpText(['tessera key list', 'tessera key list --json']))
    .action((_flags: unknown, command: Command) => list(command))
  key
    .command('rotate')
    .description('publish a new key that will take over signing')
    .option('--publish-for <time>', 'how long the key is published before it signs (default: 1h)', durationFlag)
    .option('--force', 'even when verifiers could miss it, or while another key is about to take over')
    .addHelpText('after', HELP)
    .action(rotate)
}

const list = (command: Command): Promise<void> =>
  withCore(command, async ({ keys }) => {
    const records = (await keys.list()).map((key) => keyRecord(key, key.state))
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

const keyRecord = ({ kid, algorithm, createdAt, signsFrom, retiresAt }: StoredSigningKey, state: KeyState) => ({
  kid,
  algorithm,
  state,
  createdAt: isoTime(createdAt),
  signsFrom: isoTime(signsFrom),
  retiresAt: retiresAt === undefined ? null : isoTime(retiresAt),
})

interface RotateFlags {
  readonly publishFor?: number
  readonly force?: boolean
}

async function rotate({ publishFor = HOUR, force }: RotateFlags, command: Command): Promise<void> {
  const hasty = publishFor < CACHED
  if (hasty && !force) {
    throw wrongUsage(
      '--publish-for: verifiers may cache the key set for 5 minutes, so 5m or more is expected; --force insists',
    )
  }
  await withCore(command, async ({ keys, store, clock }) => {
    const next = (await keys.list()).find((key) => key.state === 'next' && key.algorithm === keys.algorithm)
    if (next && !force) {
      throw impossible(
        `${next.kid} is published already and signs from ${isoTime(next.signsFrom)}; --force adds another key all the same`,
      )
    }
    const added = await keys.rotate(publishFor)
    const detail = { kid: added.kid, algorithm: added.algorithm, signsFrom: isoTime(added.signsFrom) }
    await store.writeAlone((unit) => recordChange(unit, { event: 'key_rotated', detail }, commandLine(clock())))
    const signs = publishFor === 0 ? 'signs from now on' : `is published now and signs from ${isoTime(added.signsFrom)}`
    print(
      command,
      keyRecord(added, publishFor === 0 ? 'active' : 'next'),
      `${added.kid} (${added.algorithm}) ${signs}.`,
    )
    if (hasty) warn('APIs that cache the key set refuse tokens of the new key for up to 5 minutes')
    note('The old key stays published until the last token it signed has expired.')
  })
}
