import type { Command } from 'commander'
import { recordChange } from '../../admin/change/record-change.ts'
import { loadKeyRing } from '../../lib/crypto/master-key.ts'
import { newId } from '../../lib/crypto/secrets.ts'
import { counted } from '../../lib/text/counted.ts'
import { isoTime, systemClock } from '../../lib/time/clock.ts'
import { restoreDatabase } from '../../store/transfer/restore.ts'
import { commandLine } from '../kit/actor.ts'
import { globalsOf } from '../kit/globals.ts'
import { helpText } from '../kit/help.ts'
import { note, print } from '../kit/output.ts'
import { progressOn } from '../kit/progress.ts'
import { configOf, namingDatabase, reportCreated } from '../kit/with-core.ts'
import { endedText } from './ended-text.ts'

const HELP = helpText(
  ['tessera db restore /var/backups/tessera.db', 'tessera db restore /var/backups/tessera.db --replace'],
  `Restores into the configured database, which must be empty. With --replace (SQLite only) the existing one is kept under another name:
stop the server first; none can start on it until the restore is done. People, apps, secrets and settings are as they were when the
backup was made; only a secret that the existing database has replaced for its app ends. All codes, tokens and
sessions end, since nobody knows which of them were used or revoked since; everybody has to sign in again.`,
)

/** `tessera db restore`: an instance out of a backup. */
export function restoreCommand(db: Command): void {
  db.command('restore')
    .description('restore an instance from a backup; everything issued before ends')
    .argument('<file>', 'a file that tessera db backup wrote')
    .option('--replace', 'put the existing SQLite database aside first')
    .addHelpText('after', HELP)
    .action(restore)
}

async function restore(file: string, flags: { readonly replace?: boolean }, command: Command): Promise<void> {
  const config = configOf(command)
  // A key made now would be another one than that of the backup.
  const ring = loadKeyRing({ ...config.masterKey, mayCreate: false, keyed: true, keyOf: 'the backup' })
  const progress = progressOn(command, globalsOf(command).json)
  const outcome = await restoreDatabase({
    file,
    url: config.database.url,
    replace: flags.replace === true,
    run: newId(),
    ring,
    clock: systemClock,
    acceptClock: globalsOf(command).acceptClock === true,
    report: progress.report,
    record: (unit, ended, backup) => {
      const detail = { ...ended, of: backup?.of ?? null, takenAt: backup ? isoTime(backup.at) : null }
      return recordChange(unit, { event: 'database_restored', detail }, commandLine(systemClock()))
    },
  })
    .catch((error: unknown) => Promise.reject(namingDatabase(error, config)))
    .finally(progress.end)
  const { backup, to, ended, tables, aside, secretsWithoutKey } = outcome
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  const when = backup ? ` as of ${isoTime(backup.at)}` : ''
  print(
    command,
    { ...outcome, backup: backup ? { of: backup.of, at: isoTime(backup.at) } : null, aside: aside ?? null },
    `Restored ${counted(rows, 'row')}${when} into ${to}. Ended: ${endedText(ended)}, ${counted(ended.initialAccessTokens, 'initial access token')}, ${counted(ended.secrets, 'replaced secret')}; ${counted(ended.deliveries, 'notice is', 'notices are')} not sent.`,
  )
  if (ended.appsWithoutSecret.length > 0)
    note(
      command,
      `These apps have no secret any more, since the one of the backup was replaced after it: ${ended.appsWithoutSecret.join(', ')}. Give each a new one with tessera app rotate-secret.`,
    )
  if (secretsWithoutKey > 0)
    note(
      command,
      `${secretsWithoutKey} app secrets open under no master key at hand. Where the backup was made while tessera key reseal was under way, add the other key; else replace them: tessera db check names one after the other.`,
    )
  if (aside === undefined) reportCreated(command, config, { shown: to })
  else note(command, `The previous database is kept as ${aside}.`)
  if (aside === undefined)
    note(command, 'Secrets of apps that were replaced after the backup count again: replace them once more.')
  note(
    command,
    'Everybody has to sign in again. Access tokens that an API verifies by itself stay valid until they expire.',
  )
}
