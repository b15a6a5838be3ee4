import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { recordChange } from '../../admin/change/record-change.ts'
import type { Core } from '../../compose/core.ts'
import type { Config } from '../../config/read-config.ts'
import { type HeldKeyFile, holdKeyFile, KeyFileNotWritable } from '../../lib/crypto/key-file.ts'
import {
  keysFor,
  loadKeyRing,
  type MasterKey,
  type MasterKeySource,
  newMasterKey,
  readKeyFile,
  readRing,
} from '../../lib/crypto/master-key.ts'
import { parseDatabaseUrl } from '../../lib/net/database-url.ts'
import { type Resealed, requireInForce, reseal } from '../../operations/master-key/reseal.ts'
import { commandLine } from '../kit/actor.ts'
import { globalsOf } from '../kit/globals.ts'
import { helpText } from '../kit/help.ts'
import { confirm } from '../kit/input.ts'
import { note, print } from '../kit/output.ts'
import { impossible } from '../kit/problem.ts'
import { progressOn } from '../kit/progress.ts'
import { withCore } from '../kit/with-core.ts'

const HELP = helpText(
  ['tessera key reseal', 'tessera key reseal --new-key-file /root/next-master.key', 'tessera key reseal --json'],
  `Makes a new master key, adds it to the file of the present one, and seals signing keys and app secrets under it, while the server
runs: it changes over within a second. Nobody is signed out, tokens stay valid, and the subjects of pairwise apps stay the same. If it is
interrupted, run it again. The earlier key stays in the file, since it opens the backups made before; tessera key forget takes it out.
Where the keys come from TESSERA_MASTER_KEY, from a file that cannot be written, or from a file on each of several nodes: give every node
both keys first (one a line in the file; in the variable separated by a comma), then run this once.`,
)

interface Flags {
  readonly newKeyFile?: string
  readonly yes?: boolean
}

/** `tessera key reseal`: another master key. */
export function resealCommand(key: Command): void {
  key
    .command('reseal')
    .description('change the master key, under which signing keys and app secrets are sealed, while the server runs')
    .option('--new-key-file <file>', 'a file with the new key (default: one is made)')
    .option('--yes', 'do not ask whether other nodes have the new key')
    .addHelpText('after', HELP)
    .action(resealAll)
}

async function resealAll(flags: Flags, command: Command): Promise<void> {
  await withCore(command, async (core, config) => {
    const { store, masterKeys, lastingKeys, clock } = core
    const source = config.masterKey
    const held = source.value === undefined ? holdWhereWritable(source.file) : undefined
    try {
      masterKeys.heed((await store.read.masterKey.find())?.mark)
      const target = await chooseTarget(flags, core, config, held, command)
      const progress = progressOn(command, globalsOf(command).json)
      const resealed = await reseal({
        read: store.read,
        writeAlone: store.writeAlone,
        keys: masterKeys.all(),
        target,
        lastingKeys,
        report: ({ table, done, of }) => progress.report({ stage: 'resealed', table, done, of }),
        requireKept: () => requireKept(source, target),
        record: (unit, counts) =>
          recordChange(unit, { event: 'master_key_changed', detail: shown(counts) }, commandLine(clock())),
      }).finally(progress.end)
      tell(command, { source, target, resealed, keys: masterKeys.all() })
    } finally {
      held?.release()
    }
  })
}

/** Somebody else may write it all the same: each unit of work asks whether it still holds the new key. */
function holdWhereWritable(file: string): HeldKeyFile | undefined {
  try {
    return holdKeyFile(file)
  } catch (error) {
    if (error instanceof KeyFileNotWritable) return undefined
    throw error
  }
}

/**
 * The key that is named, else the first at hand that was never in force, else a new one; where an earlier one is at hand everything has
 * been done, but for what an interrupted run left.
 */
async function chooseTarget(
  { newKeyFile, yes }: Flags,
  { store, masterKeys }: Pick<Core, 'store' | 'masterKeys'>,
  { masterKey: source, database }: Pick<Config, 'masterKey' | 'database'>,
  held: HeldKeyFile | undefined,
  command: Command,
): Promise<MasterKey> {
  const [inForce, ...others] = masterKeys.all() as [MasterKey, ...MasterKey[]]
  const former = await store.read.masterKey.former()
  const named = newKeyFile === undefined ? undefined : readNewKey(newKeyFile, source)
  const unused = others.find(({ mark }) => (named === undefined ? !former.includes(mark) : mark === named.mark))
  if (named !== undefined && former.includes(named.mark))
    throw impossible(`${newKeyFile} holds a key that was in force before; a new one is expected`)
  if (unused !== undefined) return unused
  if (named?.mark === inForce.mark || (named === undefined && others.length > 0)) return inForce
  if (held === undefined) throw impossible(howWithoutFile(source))
  if (parseDatabaseUrl(database.url).kind === 'postgres')
    await confirm(
      command,
      `This adds a new key to ${resolve(source.file)}. Nodes that have a file of their own are not ready until the key is in it as well; put a new key into every file first where there are any.`,
      yes,
    )
  const target = named ?? newMasterKey()
  await addToFile(held, target, inForce, source, store)
  masterKeys.heed(inForce.mark)
  return target
}

/** Whoever writes the file holds the mark, so that none of two who do it at once loses a key of the other. */
async function addToFile(
  held: HeldKeyFile,
  key: MasterKey,
  { mark }: MasterKey,
  source: MasterKeySource,
  { writeAlone }: Pick<Core['store'], 'writeAlone'>,
): Promise<void> {
  try {
    await writeAlone(async (unit) => {
      await requireInForce(unit, mark)
      const kept = keysFor(loadKeyRing({ ...source, mayCreate: false }), mark)
      // It may be run again, and has written it then.
      held.write([...kept.filter((one) => one.mark !== key.mark), key])
    })
  } catch (error) {
    if (error instanceof KeyFileNotWritable) throw impossible(`${error.message}; ${howWithoutFile(source)}`)
    throw error
  }
}

function readNewKey(file: string, source: MasterKeySource): MasterKey {
  const text = readKeyFile(file)
  if (text === undefined) throw impossible(`${resolve(file)} does not exist; make it with: openssl rand -base64 32`)
  if (source.value === undefined && realpathSync(file) === realpathSync(source.file))
    throw impossible(`${resolve(file)} is the file of the present key; name another file, or leave --new-key-file out`)
  const { keys } = readRing(text, file)
  if (keys.length > 1) throw impossible(`${resolve(file)} holds ${keys.length} keys; one is expected`)
  return keys[0]
}

const howWithoutFile = ({ value, file }: MasterKeySource): string =>
  value === undefined
    ? `${resolve(file)} cannot be written here: add a new key to it (openssl rand -base64 32), on a line of its own below the present one, on every node; then run tessera key reseal again`
    : 'the master key comes from TESSERA_MASTER_KEY, which no command can change: give every node both keys, the present one, a comma and a new one (openssl rand -base64 32), restart the nodes one after the other, and run tessera key reseal again with the same value'

/** @throws Problem where the file lost the key meanwhile */
function requireKept(source: MasterKeySource, { mark }: MasterKey): void {
  const ring = loadKeyRing({ ...source, mayCreate: false, keyed: true })
  if (keysFor(ring, mark).some((key) => key.mark === mark)) return
  throw impossible(
    `somebody took the new key out of ${resolve(source.file)} meanwhile; put it back and run tessera key reseal again`,
  )
}

const shown = ({ signing_keys: signingKeys, app_secrets: appSecrets }: Resealed) => ({ signingKeys, appSecrets })

interface Told {
  readonly target: MasterKey
  readonly source: MasterKeySource
  readonly resealed: Resealed
  /** As it was before. */
  readonly keys: readonly MasterKey[]
}

function tell(command: Command, { source, target, resealed, keys }: Told): void {
  const isChanged = target !== keys[0]
  const { signingKeys, appSecrets } = shown(resealed)
  const isDone = isChanged || signingKeys + appSecrets > 0
  const place = source.value === undefined ? resolve(source.file) : 'TESSERA_MASTER_KEY'
  const earlier = keys.length - 1
  print(
    command,
    { changed: isChanged, resealed: { signingKeys, appSecrets }, source: place, keysNotInForce: earlier },
    isDone
      ? `Sealed under ${isChanged ? 'the new' : 'the present'} master key: ${signingKeys} signing keys and ${appSecrets} app secrets.`
      : 'There is nothing to do: everything is sealed under the master key in force.',
  )
  if (isChanged) note(command, `Back up ${place} now: without the new key nobody can use the database.`)
  if (earlier === 0) return
  if (!isChanged)
    note(
      command,
      'To change the master key again, run tessera key forget first, or name a new key with --new-key-file.',
    )
  note(
    command,
    `The earlier key is still in ${place}. Backups made before need it: keep a copy as long as you keep them. ${
      source.value === undefined ? 'tessera key forget takes it out of the file.' : 'Take it out once they are gone.'
    }`,
  )
}
