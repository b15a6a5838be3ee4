import type { Command } from 'commander'
import { helpText } from '../kit/help.ts'
import { changeFiles, type FileFlags, withFileFlags } from './configuration-files.ts'
import { changesText } from './show-changes.ts'

const HELP = helpText(
  [
    'tessera apply tessera.yaml',
    'WEB_SECRET=... tessera apply apps.yaml users.yaml --json',
    'tessera apply tessera.yaml --prune',
    'tessera export | ssh other-host tessera apply -',
  ],
  `All files together are one change, applied as a whole or not at all; applying them again changes nothing. A running server uses the
change from its next request. Attributes left out of a record get their defaults, except IsEnabled, secrets and passwords, which stay
as they are. Kinds of records (apps, users, resources, settings) that no file mentions are left alone.`,
)

/** `tessera apply`: brings the instance to what files say. */
export function applyCommand(program: Command): void {
  withFileFlags(program.command('apply <file...>').description('make the instance match the files, in one transaction'))
    .addHelpText('after', HELP)
    .action(apply)
}

const apply = (files: readonly string[], flags: FileFlags, command: Command): Promise<void> =>
  changeFiles(files, flags, command, { dryRun: false }, (changes) =>
    changesText(changes, { created: 'created', updated: 'updated', removed: 'removed' }),
  )
