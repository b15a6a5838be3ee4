import { type Command, Option } from 'commander'
import { warningsAbout, warningsAboutSecrets } from '../../admin/apps/app-warnings.ts'
import { registrationOf, requireApp, updateApp } from '../../admin/apps/apps.ts'
import { provesItselfBySecret } from '../../domain/apps/app-secret.ts'
import { withNames } from '../../domain/apps/names-by-language.ts'
import type { AppRegistration, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { commandLineHere } from '../kit/actor.ts'
import { differences } from '../kit/differences.ts'
import { helpText } from '../kit/help.ts'
import { note, printWarned } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { repeated } from '../kit/repeated-flag.ts'
import { withCore } from '../kit/with-core.ts'
import { misspelledSystemUser, orFaults } from './app-faults.ts'
import {
  changeLists,
  FLAG_OF,
  type ListFlags,
  type RecordFlags,
  readRecordFlags,
  withRecordFlags,
} from './app-flags.ts'
import { attributesOf, loginsFor, recordOf } from './app-record.ts'
import { RESHAPE_HELP, requireNoShape, SHAPES, type ShapeFlags } from './app-shapes.ts'
import { meanings } from './attribute-help.ts'

const HELP = helpText(
  [
    'tessera app update my.trusted.app/web --add-redirect-uri https://b.example.com/cb --scope "read update"',
    'tessera app update my.trusted.app/web --set ImpersonateAsCommunityUserAllowed=true --set AccessTokenLifetime=15m',
    'tessera app update my.trusted.app/web --set ImpersonateLoginUrl=https://a.example.com/cb,https://b.example.com/cb',
  ],
  `Attributes for --set; the case of letters does not matter, and an empty value restores the default. What each expects:
tessera app attributes

${meanings()}

${RESHAPE_HELP}`,
)

type Flags = RecordFlags & ListFlags & ShapeFlags

/** `tessera app update`: attributes of the record, by flags of their own or by their documented names. */
export function updateCommand(app: Command): void {
  const command = app
    .command('update <application-uri>')
    .description('change attributes of an app; the change applies from the next request')
  // They are known, so that whoever tries one learns what to write.
  for (const { flag, help } of SHAPES) command.addOption(new Option(`--${flag}`, help).hideHelp())
  withRecordFlags(command)
    .option('--no-community', 'admit internal users alone')
    .option('--add-redirect-uri <uri>', 'one more redirect URI beside those that are there; may be repeated', repeated)
    .option('--remove-redirect-uri <uri>', 'a redirect URI that goes; may be repeated', repeated)
    .option('--add-logout-uri <uri>', 'one more post-logout redirect URI; may be repeated', repeated)
    .option('--remove-logout-uri <uri>', 'a post-logout redirect URI that goes; may be repeated', repeated)
    .option('--set <name=value>', 'any other attribute and its new value, as listed below; may be repeated', repeated)
    .addHelpText('after', HELP)
    .action(update)
}

async function update(applicationUri: string, flags: Flags, command: Command): Promise<void> {
  if (Object.keys(flags).length === 0)
    throw wrongUsage(
      'nothing to change: give a flag such as --add-redirect-uri or --set NAME=VALUE',
      'all flags: tessera app update --help; all attributes: tessera app attributes',
    )
  requireNoShape(applicationUri, flags)
  const given = readRecordFlags(flags)
  await withCore(command, async (core, config) => {
    const { store, clock } = core
    const context = commandLineHere(core, config)
    const misspelled = await misspelledSystemUser(given.changes.systemUser, store.read)
    const { before, after } = await store.writeAlone(async (unit) => {
      const registration = registrationOf(await requireApp(unit, applicationUri))
      const lists = changeLists(registration, flags, given.changes)
      const asked = { faults: [...given.faults, ...lists.faults, ...misspelled], flags: FLAG_OF }
      const { localizedNames } = { ...registration, ...given.changes }
      const names = { localizedNames: withNames(localizedNames, given.names) }
      const wanted = { ...registration, ...given.changes, ...lists.changes, ...names }
      return orFaults(asked, () => updateApp(unit, wanted, context))
    })
    const loginOf = await loginsFor([before, after], store.read)
    printWarned(
      command,
      recordOf(after, loginOf),
      differences(attributesOf(before, loginOf), attributesOf(after, loginOf)),
      [...warningsAbout(after, given.changes), ...warningsAboutSecrets(after, clock())],
    )
    noteAboutSecrets(command, before, after)
  })
}

function noteAboutSecrets(command: Command, before: AppRegistration, after: TrustedApplication): void {
  const isNewProof = provesItselfBySecret(after) && !provesItselfBySecret(before)
  if (isNewProof && after.secrets.length === 0) {
    note(
      command,
      `The app has no secret yet; create one with: tessera app rotate-secret ${shellWord(after.applicationUri)}`,
    )
  }
  if (before.clientType === 'Confidential' && after.clientType !== 'Confidential')
    note(command, 'The secrets of the app have ended.')
}
