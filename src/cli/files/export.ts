import { resolve } from 'node:path'
import type { Command } from 'commander'
import { exportInstance, toYaml } from '../../config-files/apply/export-instance.ts'
import { counted } from '../../lib/text/counted.ts'
import { type Guarded, OutputRefused, writeOutput } from '../../store/transfer/output-file.ts'
import { globalsOf } from '../kit/globals.ts'
import { guardedFiles } from '../kit/guarded-files.ts'
import { helpText } from '../kit/help.ts'
import { print, warn } from '../kit/output.ts'
import { impossible } from '../kit/problem.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'

const HELP = helpText(
  [
    'tessera export > tessera.yaml',
    'tessera export -o tessera.json',
    'tessera export --json',
    'tessera export --with-password-hashes --with-ids -o whole-instance.yaml',
  ],
  `Use the file with tessera apply: on this instance it changes nothing, on another it creates the same apps, users, API resources and
settings. Secrets of apps are written as hashes. With both flags people keep their passwords and their sub in the other instance.`,
)

interface ExportFlags {
  readonly output?: string
  readonly withPasswordHashes?: boolean
  readonly withIds?: boolean
}

/** `tessera export`: the whole instance as a file that `tessera apply` takes. */
export function exportCommand(program: Command): void {
  program
    .command('export')
    .description('write apps, users, API resources and settings as a file for tessera apply')
    .option(
      '-o, --output <file>',
      'write to a file that only you can read: JSON if its name ends in .json, else YAML; never overwrites a database',
    )
    .option('--with-password-hashes', 'include the argon2id hashes of passwords')
    .option('--with-ids', 'include the ids of users, their sub')
    .addHelpText('after', HELP)
    .action(exportAll)
}

const exportAll = (flags: ExportFlags, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store, clock }, config) => {
    const extras = { passwordHashes: flags.withPasswordHashes ?? false, ids: flags.withIds ?? false }
    const { exported, warnings } = await exportInstance(store.read, extras, clock())
    for (const warning of warnings) warn(command, warning)
    const { output } = flags
    if (output === undefined) {
      print(command, exported, toYaml(exported).trimEnd())
      return
    }
    const isJson = output.endsWith('.json') || (globalsOf(command).json === true && !/\.ya?ml$/.test(output))
    write(
      output,
      guardedFiles(config, globalsOf(command).config),
      isJson ? `${JSON.stringify(exported, undefined, 2)}\n` : toYaml(exported),
    )
    const { apps, users, resources } = exported
    const counts = { file: output, apps: apps.length, users: users.length, resources: resources.length }
    print(
      command,
      counts,
      `Wrote ${counted(apps.length, 'app')}, ${counted(users.length, 'user')} and ${counted(resources.length, 'API resource')} to ${output}.`,
    )
  })

function write(file: string, guarded: readonly Guarded[], text: string): void {
  try {
    writeOutput({ path: resolve(file), guarded, over: 'no database' }, text)
  } catch (error) {
    if (error instanceof OutputRefused) throw error
    throw impossible(`${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
}
