import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import { givenAway } from '../../compose/scopes-to-give.ts'
import { applyFiles } from '../../config-files/apply/apply-files.ts'
import type { Change } from '../../config-files/apply/changes.ts'
import type { SourceText } from '../../config-files/read/parse-source.ts'
import { APP_SECRETS } from '../../domain/apps/app-secret.ts'
import { didYouMean } from '../../domain/refusals/nearest.ts'
import { createPasswords } from '../../lib/crypto/passwords.ts'
import { commandLineHere } from '../kit/actor.ts'
import { printWarned } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { type Terminal, terminalOf } from '../kit/terminal.ts'
import { withCore } from '../kit/with-core.ts'

export interface FileFlags {
  readonly prune?: boolean
}

/** What `plan` and `apply` take alike. */
export const withFileFlags = (command: Command): Command =>
  command.option(
    '--prune',
    'also remove apps, users and API resources that the files do not name, of every kind that they mention, even as an empty list',
  )

/**
 * Applies files, or works out what that would change.
 * @throws Refused with every fault
 */
export async function changeFiles(
  files: readonly string[],
  flags: FileFlags,
  command: Command,
  { dryRun }: { readonly dryRun: boolean },
  textOf: (changes: readonly Change[]) => string,
): Promise<void> {
  const texts = await readTexts(files, terminalOf(command).stdin)
  await withCore(
    command,
    async (core, config) => {
      const { store, masterKeys } = core
      const outcome = await applyFiles({
        read: store.read,
        writeStaged: store.writeStaged,
        texts,
        variables: terminalOf(command).environment,
        suggest: didYouMean,
        passwords: createPasswords(),
        contextNow: () => commandLineHere(core, config),
        sealAhead: masterKeys.rowsFor(APP_SECRETS).sealAhead,
        prune: flags.prune ?? false,
        given: givenAway(config),
        dryRun,
      })
      printWarned(command, { changes: outcome.changes }, textOf(outcome.changes), outcome.warnings)
    },
    dryRun ? { onlyReads: true } : { make: true },
  )
}

/** @throws Problem naming every file that cannot be read */
async function readTexts(files: readonly string[], stdin: Terminal['stdin']): Promise<SourceText[]> {
  const faults: string[] = []
  const texts: SourceText[] = []
  for (const file of files) {
    try {
      const text = decode(file === '-' ? await buffer(stdin) : readFileSync(file))
      // Nothing in a pipe is what failed before it, rather than a wish for nothing.
      if (file === '-' && text.trim() === '')
        faults.push('stdin: is empty; expected apps, users, resources or settings')
      texts.push({ file: file === '-' ? 'stdin' : file, text })
    } catch (error) {
      faults.push(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (faults.length > 0) throw wrongUsage(...faults)
  return texts
}

const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes)
