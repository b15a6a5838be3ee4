import type { Command } from 'commander'
import { helpText } from '../kit/help.ts'
import { changeFiles, type FileFlags, withFileFlags } from './configuration-files.ts'
import { changesText } from './show-changes.ts'

const HELP = helpText(
  ['tessera plan tessera.yaml', 'tessera plan apps.yaml users.yaml --prune', 'tessera plan tessera.yaml --json'],
  `Works the changes out as tessera apply does, and writes nothing, so apply makes exactly the changes printed. Secrets
appear as the beginning of their digests.
Exit codes: 0 the files are valid, whether or not anything would change; 2 something is wrong with the files.`,
)

/** `tessera plan`: what applying files would change. */
export function planCommand(program: Command): void {
  withFileFlags(program.command('plan <file...>').description('show what tessera apply would change'))
    .addHelpText('after', HELP)
    .action(plan)
}

const plan = (files: readonly string[], flags: FileFlags, command: Command): Promise<void> =>
  changeFiles(files, flags, command, { dryRun: true }, (changes) =>
    changesText(changes, { created: 'to create', updated: 'to update', removed: 'to remove' }),
  )
