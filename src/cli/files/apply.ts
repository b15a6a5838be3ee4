import type { Command } from 'commander'
import { helpText } from '../kit/help.ts'
import { print } from '../kit/output.ts'
import { changeFiles, type FileFlags, withFileFlags } from './configuration-files.ts'
import { changesText } from './show-changes.ts'

const HELP = helpText(
  [
    'tessera apply tessera.yaml',
    'WEB_SECRET=... tessera apply apps.yaml users.yaml --json',
    'tessera apply tessera.yaml --prune',
    'tessera export | ssh other-host tessera apply -',
  ],
  `All files together are one change, made whole or not at all; doing it again changes nothing. A server that runs on the same
database notices with its next request. Attributes that a record leaves out get their defaults, save IsEnabled, secrets and
passwords, which stay as they are. Kinds of records that no file speaks of (apps, users, resources, settings) are left alone.`,
)

/** `tessera apply`: brings the instance to what files say. */
export function applyCommand(program: Command): void {
  withFileFlags(
    program.command('apply <file...>').description('bring the instance to what files say, in one transaction'),
  )
    .addHelpText('after', HELP)
    .action(apply)
}

const apply = (files: readonly string[], flags: FileFlags, command: Command): Promise<void> =>
  changeFiles(files, flags, command, { dryRun: false }, (changes) =>
    print(command, { changes }, changesText(changes, { created: 'created', updated: 'updated', removed: 'removed' })),
  )
