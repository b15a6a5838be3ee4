import type { Command } from 'commander'
import { warningsAbout } from '../../admin/apps/app-warnings.ts'
import { registerApp } from '../../admin/apps/apps.ts'
import { addAppSecret } from '../../admin/apps/secrets.ts'
import type { ChangeContext } from '../../admin/change/record-change.ts'
import { isConflict } from '../../admin/change/refuse-change.ts'
import { APP_SECRETS, provesItselfBySecret } from '../../domain/apps/app-secret.ts'
import { withNames } from '../../domain/apps/names-by-language.ts'
import { APP_DEFAULTS, type AppRegistration, isInteractive } from '../../domain/apps/trusted-application.ts'
import type { SealedRows } from '../../lib/crypto/master-keys.ts'
import { digest, newId, newSecret, systemRandom } from '../../lib/crypto/secrets.ts'
import { shellWord } from '../../lib/text/shell.ts'
import type { Repositories } from '../../store/store.ts'
import { commandLineHere } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { block, note, printWarned } from '../kit/output.ts'
import { impossible } from '../kit/problem.ts'
import { repeated } from '../kit/repeated-flag.ts'
import { withCore } from '../kit/with-core.ts'
import { misspelledSystemUser, orFaults } from './app-faults.ts'
import { FLAG_OF, type RecordFlags, readRecordFlags, withRecordFlags } from './app-flags.ts'
import { attributesOf, loginsFor } from './app-record.ts'
import { misplacedFlags, registrationOf, requireShape, SHAPES, type ShapeFlags } from './app-shapes.ts'
import { meanings } from './attribute-help.ts'
import { linesOf, settingsFor } from './client-settings.ts'

const HELP = helpText(
  [
    'tessera app register my.trusted.app/web --web --redirect-uri https://app.example.com/cb --scope "read update"',
    'tessera app register my.trusted.app/spa --spa --redirect-uri http://localhost:5082/ --scope read',
    'tessera app register my.trusted.app/sync --service --system-user svc.sync --scope "read update" --json',
    'tessera app register my.trusted.app/shop --hybrid --redirect-uri https://shop.example.com/cb --system-user svc.sync --scope read',
  ],
  `The secret is printed only once; the server keeps its digest. An app that proves itself by its own keys gets none. PKCE is required: an
app whose library cannot use it needs --set RequirePkce=false, where it is not Public.

Attributes for --set; the case of letters does not matter. What each expects: tessera app attributes

${meanings()}`,
)

type Flags = ShapeFlags & RecordFlags

/** `tessera app register`: one flag for the shape, the rest of the record by its attributes. */
export function registerCommand(app: Command): void {
  const command = app.command('register <application-uri>').description('register an app and print its client settings')
  for (const { flag, help } of SHAPES) command.option(`--${flag}`, help)
  withRecordFlags(command)
    .option('--set <name=value>', 'any other attribute, as listed below; may be repeated', repeated)
    .addHelpText('after', HELP)
    .action(register)
}

async function register(applicationUri: string, flags: Flags, command: Command): Promise<void> {
  const shape = requireShape(flags)
  const asked = readRecordFlags(flags)
  const wanted: AppRegistration = {
    ...APP_DEFAULTS,
    applicationUri,
    name: applicationUri,
    ...registrationOf(shape),
    ...asked.changes,
    localizedNames: withNames(asked.changes.localizedNames ?? {}, asked.names),
  }
  const faults = [...misplacedFlags(shape, flags), ...asked.faults]
  await withCore(command, async (core, config) => {
    const { store, masterKeys } = core
    const secret = provesItselfBySecret(wanted) ? newSecret(systemRandom) : undefined
    const context = commandLineHere(core, config)
    const given = { secret, sealed: masterKeys.rowsFor(APP_SECRETS) }
    const misspelled = await misspelledSystemUser(wanted.systemUser, store.read)
    const registration = await store.writeAlone((unit) =>
      orFaults({ faults: [...faults, ...misspelled], flags: FLAG_OF }, () => add(wanted, given, unit, context)),
    )
    const settings = settingsFor(registration, secret, config)
    const attributes = attributesOf(registration, await loginsFor([registration], store.read))
    printWarned(
      command,
      { ...settings, ...attributes },
      `Registered ${applicationUri}.\n\n${block(linesOf(settings, registration))}\n`,
      warningsAbout(registration, asked.changes),
    )
    if (secret !== undefined)
      note(command, 'The secret is shown only this once: store it where the app keeps its secrets.')
    if (isInteractive(registration))
      note(command, 'To get refresh tokens, the app must also ask for the scope offline_access.')
  })
}

async function add(
  wanted: AppRegistration,
  { secret, sealed }: { secret: string | undefined; sealed: Pick<SealedRows, 'sealIn'> },
  unit: Pick<Repositories, 'apps' | 'users' | 'resources' | 'settings' | 'masterKey' | 'auditEvents'>,
  context: ChangeContext,
): Promise<AppRegistration> {
  const app = await registerApp(unit, wanted, context).catch((error: unknown) => {
    if (!isConflict(error)) throw error
    throw impossible(
      `${wanted.applicationUri} is already registered; see: tessera app show ${shellWord(wanted.applicationUri)}`,
    )
  })
  if (secret === undefined) return app
  const id = newId()
  const box = (await sealed.sealIn(unit))(secret, id)
  const first = { id, hash: digest(secret), createdAt: context.now, expiresAt: undefined, sealed: box }
  await addAppSecret(unit, app.applicationUri, first, context)
  return app
}
