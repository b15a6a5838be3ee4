import type { Command } from 'commander'
import { APP_ATTRIBUTES, type Shown } from '../domain/app-attributes.ts'
import type { AppRegistration, TrustedApplication } from '../domain/trusted-application.ts'
import type { Repositories } from '../repositories/store.ts'
import { doubtsAbout, judge } from './app-judge.ts'
import { attributesOf, loginsFor, recordOf, requireApp } from './app-record.ts'
import { readSet, repeated } from './app-set.ts'
import { helpText } from './help.ts'
import { columns, note, print, warn } from './output.ts'
import { withCore } from './with-core.ts'

const HELP = helpText(
  [
    'tessera app update my.trusted.app/web --set ImpersonateAsCommunityUserAllowed=true',
    'tessera app update my.trusted.app/web --set "Scope=read update" --set AccessTokenLifetime=15m',
    'tessera app update my.trusted.app/web --set ImpersonateLoginUrl=https://a.example.com/cb,https://b.example.com/cb',
  ],
  `Attributes (their case does not count) and what each expects:
${columns(APP_ATTRIBUTES.map(({ name, expects }) => [`  ${name}`, expects]))}`,
)

/** `tessera app update`: attributes of the record, by their documented names. */
export function updateCommand(app: Command): void {
  app
    .command('update <application-uri>')
    .description('change attributes of an app; the next request sees them')
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
  await withCore(command, async ({ store, clock }) => {
    const { before, after } = await store.write(async (repositories) => {
      const app = await requireApp(repositories, applicationUri)
      const registration = await judge({ ...registrationOf(app), ...changes }, repositories, {
        systemUser: changes.systemUser,
      })
      await repositories.apps.update(registration, clock())
      if (registration.clientType !== 'Confidential') await endSecrets(app, repositories, clock())
      return { before: app, after: await requireApp(repositories, applicationUri) }
    })
    const loginOf = await loginsFor([before, after], store.read)
    print(command, recordOf(after, loginOf), differences(attributesOf(before, loginOf), attributesOf(after, loginOf)))
    for (const doubt of doubtsAbout(after)) warn(doubt)
    noteAboutSecrets(before, after)
  })
}

/** Only a Confidential app has secrets; old ones must not work again should it become one. */
async function endSecrets(
  { applicationUri, secrets }: TrustedApplication,
  { apps }: Pick<Repositories, 'apps'>,
  now: number,
): Promise<void> {
  if (secrets.length === 0) return
  await apps.expireSecrets(applicationUri, now)
  await apps.dropExpiredSecrets(applicationUri, now)
}

/** The declarative part alone; what is counted and timed is not for an update to store. */
function registrationOf({
  secrets,
  isEnabled,
  epoch,
  createdAt,
  updatedAt,
  ...registration
}: TrustedApplication): AppRegistration {
  return registration
}

function differences(before: Record<string, Shown>, after: Record<string, Shown>): string {
  const show = (value: Shown | undefined): string => (value === null || value === '' ? '(nothing)' : String(value))
  const changed = Object.keys(after).filter((name) => before[name] !== after[name])
  if (changed.length === 0) return 'Nothing to change: the record holds these values already.'
  return columns(changed.map((name) => [name, show(before[name]), '->', show(after[name])]))
}

function noteAboutSecrets(before: AppRegistration, after: TrustedApplication): void {
  if (before.clientType === after.clientType) return
  if (after.clientType === 'Confidential' && after.secrets.length === 0) {
    note(`The app has no secret yet; make one with: tessera app rotate-secret ${after.applicationUri}`)
  }
  if (before.clientType === 'Confidential') note('The secrets of the app have ended.')
}
