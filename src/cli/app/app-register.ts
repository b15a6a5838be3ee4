import type { Command } from 'commander'
import { registerApp } from '../../admin/apps/apps.ts'
import { addAppSecret } from '../../admin/apps/secrets.ts'
import { warningsAbout } from '../../admin/apps/validate-app.ts'
import type { ChangeContext } from '../../admin/change/record-change.ts'
import { isConflict } from '../../admin/change/refuse-change.ts'
import { findAttribute } from '../../domain/apps/app-attributes.ts'
import { APP_SECRETS } from '../../domain/apps/app-secret.ts'
import { APP_DEFAULTS, type AppRegistration, isInteractive } from '../../domain/apps/trusted-application.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import type { SealedRows } from '../../lib/crypto/master-keys.ts'
import { digest, newId, newSecret, systemRandom } from '../../lib/crypto/secrets.ts'
import { shellWord } from '../../lib/text/shell.ts'
import type { Repositories } from '../../store/store.ts'
import { commandLineHere } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { block, note, print, warn } from '../kit/output.ts'
import { impossible } from '../kit/problem.ts'
import { repeated } from '../kit/repeated-flag.ts'
import { withCore } from '../kit/with-core.ts'
import { misspelledSystemUser, orFaults } from './app-faults.ts'
import { attributesOf, loginsFor } from './app-record.ts'
import { readSet } from './app-set.ts'
import { misplacedFlags, registrationOf, requireShape, SHAPES } from './app-shapes.ts'
import { linesOf, settingsFor } from './client-settings.ts'

const HELP = helpText(
  [
    'tessera app register my.trusted.app/web --web --redirect-uri https://app.example.com/cb --scope "read update"',
    'tessera app register my.trusted.app/spa --spa --redirect-uri http://localhost:5082/ --scope read',
    'tessera app register my.trusted.app/sync --service --system-user svc.sync --scope "read update" --json',
    'tessera app register my.trusted.app/shop --hybrid --redirect-uri https://shop.example.com/cb --system-user svc.sync --scope read',
  ],
  `The secret is printed only once; the server keeps its digest.`,
)

type Flags = Parameters<typeof registrationOf>[1] & {
  readonly name?: string
  readonly scope?: string
  readonly set?: readonly string[]
}

/** Attributes with a flag of their own, and what commander calls it. */
const FLAGS = [
  { attribute: 'Name', flag: '--name', option: 'name' },
  { attribute: 'Scope', flag: '--scope', option: 'scope' },
  { attribute: 'ImpersonateLoginUrl', flag: '--redirect-uri', option: 'redirectUri' },
  { attribute: 'ImpersonateLogoutUrl', flag: '--logout-uri', option: 'logoutUri' },
  { attribute: 'SystemUser', flag: '--system-user', option: 'systemUser' },
] as const

const FLAG_OF = Object.fromEntries(FLAGS.map(({ attribute, flag }) => [attribute, flag]))

/** Attributes that a flag and `--set` both speak of; which of the two is meant cannot be known. */
const saidTwice = (flags: Flags, set: Partial<AppRegistration>): Fault[] =>
  FLAGS.filter(({ attribute, option }) => {
    const key = findAttribute(attribute)?.key
    return flags[option] !== undefined && key !== undefined && key in set
  }).map(({ attribute }) => ({ attribute, reason: 'is given both by --set and by its own flag' }))

/** `tessera app register`: one flag for the shape, the rest of the record by its attributes. */
export function registerCommand(app: Command): void {
  const command = app.command('register <application-uri>').description('register an app and print its client settings')
  for (const { flag, help } of SHAPES) command.option(`--${flag}`, help)
  command
    .option(
      '--redirect-uri <uri>',
      'where the browser is sent after sign-in, compared byte for byte; may be repeated',
      repeated,
    )
    .option('--logout-uri <uri>', 'where the browser may be sent after sign-out; may be repeated', repeated)
    .option('--system-user <user>', 'login or id of the System User that the app acts as')
    .option('--scope <scopes>', 'API scopes the app may ask for, separated by spaces, such as "read update"')
    .option('--name <name>', 'name on the consent page (default: the ApplicationUri)')
    .option('--community', 'admit community users as well as internal users')
    .option('--set <name=value>', 'any other attribute, as with tessera app update; may be repeated', repeated)
    .addHelpText('after', HELP)
    .action(register)
}

async function register(applicationUri: string, flags: Flags, command: Command): Promise<void> {
  const shape = requireShape(flags)
  const set = readSet(flags.set ?? [])
  const wanted: AppRegistration = {
    ...APP_DEFAULTS,
    applicationUri,
    name: flags.name ?? applicationUri,
    ...registrationOf(shape, flags),
    ...(flags.scope === undefined ? {} : readSet([`Scope=${flags.scope}`])),
    ...set,
  }
  const systemUser = wanted.systemUser ?? flags.systemUser
  const faults = [...misplacedFlags(shape, flags), ...saidTwice(flags, set)]
  await withCore(command, async (core, config) => {
    const { store, masterKeys } = core
    const secret = wanted.clientType === 'Confidential' ? newSecret(systemRandom) : undefined
    const context = commandLineHere(core, config)
    const given = { secret, sealed: masterKeys.rowsFor(APP_SECRETS) }
    const asked = { faults: [...faults, ...(await misspelledSystemUser(systemUser, store.read))], flags: FLAG_OF }
    const registration = await store.writeAlone((unit) =>
      orFaults(asked, () => add({ ...wanted, systemUser }, given, unit, context)),
    )
    const settings = settingsFor(registration, secret, config)
    const attributes = attributesOf(registration, await loginsFor([registration], store.read))
    print(
      command,
      { ...settings, ...attributes },
      `Registered ${applicationUri}.\n\n${block(linesOf(settings, registration))}\n`,
    )
    for (const warning of warningsAbout(registration, set)) warn(command, warning)
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
