import type { Command } from 'commander'
import { registrationOf, requireApp, updateApp } from '../../admin/apps/apps.ts'
import { warningsAbout, warningsAboutSecrets } from '../../admin/apps/validate-app.ts'
import { APP_ATTRIBUTES } from '../../domain/apps/app-attributes.ts'
import type { AppRegistration, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { commandLineHere } from '../kit/actor.ts'
import { differences } from '../kit/differences.ts'
import { helpText } from '../kit/help.ts'
import { columns, note, print, warn } from '../kit/output.ts'
import { repeated } from '../kit/repeated-flag.ts'
import { withCore } from '../kit/with-core.ts'
import { misspelledSystemUser, orFaults } from './app-faults.ts'
import { attributesOf, loginsFor, recordOf } from './app-record.ts'
import { readSet } from './app-set.ts'

const HELP = helpText(
  [
    'tessera app update my.trusted.app/web --set ImpersonateAsCommunityUserAllowed=true',
    'tessera app update my.trusted.app/web --set "Scope=read update" --set AccessTokenLifetime=15m',
    'tessera app update my.trusted.app/web --set ImpersonateLoginUrl=https://a.example.com/cb,https://b.example.com/cb',
  ],
  `Attributes (letter case does not matter) and the values they expect:
${columns(APP_ATTRIBUTES.map(({ name, expects }) => [`  ${name}`, expects]))}`,
)

/** `tessera app update`: attributes of the record, by their documented names. */
export function updateCommand(app: Command): void {
  app
    .command('update <application-uri>')
    .description('change attributes of an app; the change applies from the next request')
    .requiredOption('--set <name=value>', 'the attribute and its new value; may be repeated', repeated)
    .addHelpText('after', HELP)
    .action(update)
}

async function update(
  applicationUri: string,
  flags: { readonly set: readonly string[] },
  command: Command,
): Promise<void> {
  const changes = readSet(flags.set)
  await withCore(command, async (core, config) => {
    const { store, clock } = core
    const context = commandLineHere(core, config)
    const asked = { faults: await misspelledSystemUser(changes.systemUser, store.read) }
    const { before, after } = await store.writeAlone(async (unit) => {
      const wanted = { ...registrationOf(await requireApp(unit, applicationUri)), ...changes }
      return orFaults(asked, () => updateApp(unit, wanted, context))
    })
    const loginOf = await loginsFor([before, after], store.read)
    print(command, recordOf(after, loginOf), differences(attributesOf(before, loginOf), attributesOf(after, loginOf)))
    for (const warning of [...warningsAbout(after, changes), ...warningsAboutSecrets(after, clock())])
      warn(command, warning)
    noteAboutSecrets(command, before, after)
  })
}

function noteAboutSecrets(command: Command, before: AppRegistration, after: TrustedApplication): void {
  if (before.clientType === after.clientType) return
  if (after.clientType === 'Confidential' && after.secrets.length === 0) {
    note(
      command,
      `The app has no secret yet; create one with: tessera app rotate-secret ${shellWord(after.applicationUri)}`,
    )
  }
  if (before.clientType === 'Confidential') note(command, 'The secrets of the app have ended.')
}
