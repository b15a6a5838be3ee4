import { resolve } from 'node:path'
import type { Command } from 'commander'
import { recordChange } from '../../admin/change/record-change.ts'
import { type HeldKeyFile, holdKeyFile, KeyFileNotWritable } from '../../lib/crypto/key-file.ts'
import type { MasterKey } from '../../lib/crypto/master-key.ts'
import { forgetOthers, requireNotNeeded } from '../../operations/master-key/forget.ts'
import { commandLine } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { confirm } from '../kit/input.ts'
import { note, print } from '../kit/output.ts'
import { impossible } from '../kit/problem.ts'
import { withCore } from '../kit/with-core.ts'

const HELP = helpText(
  ['tessera key forget', 'tessera key forget --yes'],
  `Run it after tessera key reseal, once the backups made before are gone or a copy of the earlier key is kept with them: they cannot be
restored without it. A key that somebody else may know is best taken out soon, as servers accept sign-ins under way and device cookies
made with it until then; wait 15 minutes, so that nobody has to begin again.`,
)

/** `tessera key forget`: nothing but the master key in force in its file. */
export function forgetCommand(key: Command): void {
  key
    .command('forget')
    .description('take master keys that are not in force out of their file')
    .option('--yes', 'do not ask for confirmation')
    .addHelpText('after', HELP)
    .action(forget)
}

async function forget({ yes }: { readonly yes?: boolean }, command: Command): Promise<void> {
  await withCore(command, async ({ store, masterKeys, clock }, { masterKey: { value, file } }) => {
    const path = resolve(file)
    if (value !== undefined) throw impossible(whyNotHere(masterKeys.all().length - 1))
    const [inForce, ...others] = masterKeys.all() as [MasterKey, ...MasterKey[]]
    if (others.length === 0) {
      print(command, { forgotten: 0, source: path }, `There is nothing to do: ${path} holds the key in force alone.`)
      return
    }
    await requireNotNeeded(store.read, inForce)
    await confirm(
      command,
      `This takes ${keysText(others.length)} out of ${path}; backups made under it can be restored only with a copy of it.`,
      yes,
    )
    const held = hold(file)
    try {
      const forgotten = await forgetOthers({
        writeAlone: store.writeAlone,
        masterKeys,
        keepAlone: (key) => held.write([key]),
        record: (unit, keys) =>
          recordChange(unit, { event: 'master_key_forgotten', detail: { keys } }, commandLine(clock())),
      })
      print(command, { forgotten, source: path }, `${path} holds the key in force alone.`)
      note(command, 'Servers that use this file follow within a second.')
    } finally {
      held.release()
    }
  })
}

/** @throws Problem where the file cannot be written here */
function hold(file: string): HeldKeyFile {
  try {
    return holdKeyFile(file)
  } catch (error) {
    if (!(error instanceof KeyFileNotWritable)) throw error
    throw impossible(`${error.message} here; take the keys that are not in force out of it where it can be`)
  }
}

const keysText = (count: number): string => (count === 1 ? '1 key' : `${count} keys`)

const whyNotHere = (others: number): string =>
  others === 0
    ? 'the master key comes from TESSERA_MASTER_KEY, which holds the key in force alone'
    : 'the master keys come from TESSERA_MASTER_KEY, which no command can change: leave the earlier key out of it and restart the nodes one after the other'
