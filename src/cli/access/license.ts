import { type Command, InvalidArgumentError } from 'commander'
import { type License, readLicense, setLicense, showLicense } from '../../admin/grants/license.ts'
import { readSlots } from '../../domain/sessions/api-session.ts'
import { commandLine } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { block, print, warn } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { repeated } from '../kit/repeated-flag.ts'
import { withCore, withCoreAsItIs } from '../kit/with-core.ts'

/** `tessera license ...`: how many API sessions there may be at once, and who is sure of one. */
export function licenseCommands(program: Command): void {
  const license = program
    .command('license')
    .description('licence slots: how many API sessions may be open at once')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera license show', 'tessera license set --help']))
  license
    .command('show')
    .description('show how many licence slots there are and are used, and the reserved users')
    .addHelpText('after', helpText(['tessera license show', 'tessera license show --json']))
    .action((_flags: unknown, command: Command) => show(command))
  license
    .command('set')
    .description('change the number of licence slots, or the users for whom one is reserved')
    .option('--slots <number>', 'how many API sessions may be open at once, or unlimited', slotsFlag)
    .option('--reserve <user>', 'reserve a slot for this user: login, e-mail or id; may be repeated', repeated)
    .option('--unreserve <user>', 'no longer reserve a slot for this user; may be repeated', repeated)
    .addHelpText(
      'after',
      helpText(
        ['tessera license set --slots 10 --reserve david', 'tessera license set --slots unlimited --unreserve david'],
        `Fewer slots do not end a session; until enough sessions have ended, nobody else gets a slot. A reserved user
still gets one, in each browser: it takes the place of the least recently used session, but never of the latest one of another reserved
user.`,
      ),
    )
    .action(set)
}

/** Reads the value of `--slots`. */
function slotsFlag(text: string): number | 'unlimited' {
  const slots = readSlots(text)
  if (slots === 'unreadable')
    throw new InvalidArgumentError('Expected a whole number, 1 or more, or the word unlimited.')
  return slots ?? 'unlimited'
}

function printLicense(license: License, command: Command): void {
  const { slots, used, free, kept, reserved } = showLicense(license)
  const text = block([
    ['Slots', slots === null ? 'unlimited' : String(slots)],
    ['Used', String(used)],
    ['Free', free === null ? 'unlimited' : kept === 0 ? String(free) : `${free}, of which ${kept} for reserved users`],
    ['Reserved', reserved],
  ])
  print(command, showLicense(license), text)
}

const show = (command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store, clock }) => printLicense(await readLicense(store.read, clock()), command))

interface Flags {
  readonly slots?: number | 'unlimited'
  readonly reserve?: readonly string[]
  readonly unreserve?: readonly string[]
}

async function set({ slots, reserve = [], unreserve = [] }: Flags, command: Command): Promise<void> {
  if (slots === undefined && reserve.length + unreserve.length === 0)
    throw wrongUsage('nothing to change: give --slots, --reserve or --unreserve')
  await withCore(command, async ({ store, clock }) => {
    const change = { slots, reserve, unreserve }
    const license = await store.writeAlone((unit) => setLicense(unit, change, commandLine(clock())))
    printLicense(license, command)
    warnOf(command, license)
  })
}

function warnOf(command: Command, { slots, usage: { live }, reserved }: License): void {
  if (slots === undefined) return
  if (reserved.length > slots)
    warn(
      command,
      `${reserved.length} users are reserved, but the number of slots is ${slots}: they cannot all have a session at once`,
    )
  if (live > slots)
    warn(
      command,
      `${live} API sessions are open, but the number of slots is ${slots}: nobody else gets a slot until enough of them have ended`,
    )
}
