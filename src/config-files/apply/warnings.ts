import { warningsAbout, warningsAboutSecrets, warningsAboutUnkept } from '../../admin/apps/app-warnings.ts'
import { provesItselfBySecret } from '../../domain/apps/app-secret.ts'
import { shellWord } from '../../lib/text/shell.ts'
import type { WantedApp } from '../read/read-app.ts'
import type { Wanted } from '../read/read-files.ts'
import type { Unit } from '../schema/describe-instance.ts'
import type { Change } from './changes.ts'

/** What is possible but hardly meant, of the apps that change, and what no record keeps of that which the files say; one sentence each. */
export const warningsAmong = (changes: readonly Change[], { apps }: Wanted): string[] =>
  apps.flatMap((app) => {
    const uri = app.registration.applicationUri
    const change = changes.find(({ kind, id }) => kind === 'app' && id === uri)
    const warnings = change ? warningsOf(app, change) : warningsAboutUnkept(app.asked)
    return warnings.map((warning) => `${uri}: ${warning}`)
  })

/**
 * What keeps the secrets of the apps that change from proving them; one sentence each.
 * @param now milliseconds since 1970
 */
export async function unreadableSecrets(
  { apps }: Pick<Unit, 'apps'>,
  changes: readonly Change[],
  now: number,
): Promise<string[]> {
  const warnings: string[] = []
  for (const { id } of changes.filter(({ kind, action }) => kind === 'app' && action !== 'remove')) {
    const app = await apps.find(id)
    if (app) warnings.push(...warningsAboutSecrets(app, now).map((warning) => `${id}: ${warning}`))
  }
  return warnings
}

function warningsOf({ registration, asked, secrets = [] }: WantedApp, { action }: Change): string[] {
  const lacksSecret = action === 'create' && provesItselfBySecret(registration) && secrets.length === 0
  return [
    ...warningsAbout(registration, asked),
    ...(lacksSecret
      ? [`it has no secret yet; see: tessera app rotate-secret ${shellWord(registration.applicationUri)}`]
      : []),
    ...(secrets.some(({ isShort }) => isShort)
      ? ['a secret is short enough to be guessed; create one with: openssl rand -hex 32']
      : []),
  ]
}
