import type { Command } from 'commander'
import { requireApp } from '../../admin/apps/apps.ts'
import { removeAppSecret, rotateAppSecret } from '../../admin/apps/secrets.ts'
import { APP_SECRETS, isValidSecret, provesItselfBySecret } from '../../domain/apps/app-secret.ts'
import type { AppSecret, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { digest, newId, newSecret, systemRandom } from '../../lib/crypto/secrets.ts'
import { isoTime } from '../../lib/time/clock.ts'
import { commandLine } from '../kit/actor.ts'
import { durationFlag } from '../kit/durations.ts'
import { helpText } from '../kit/help.ts'
import { confirm } from '../kit/input.ts'
import { flagsOf, namingFlags } from '../kit/naming-flags.ts'
import { block, note, print, printWarned } from '../kit/output.ts'
import { impossible } from '../kit/problem.ts'
import { withCore } from '../kit/with-core.ts'

const HELP = helpText(
  [
    'tessera app rotate-secret my.trusted.app/web --overlap 7d --label "autumn 2026" --expires 180d',
    'tessera app rotate-secret my.trusted.app/web --json',
    'tessera app rotate-secret my.trusted.app/web --label "made elsewhere" --hash 2asTxK0fqTMZZ3cTMZwvzOqBFfQ/8MgyWbobvDWE/HA=',
  ],
  `Without --overlap the old secret is refused from the next request on. With --overlap both are valid for that time: change the secret
in the app meanwhile, and check with "tessera app show" when the old one was last used. At most two secrets are valid at once. With
--hash you bring a secret made elsewhere, which Tessera never sees and does not print. To compute its hash:
  printf %s "$SECRET" | openssl dgst -sha256 -binary | base64`,
)

interface RotateFlags {
  readonly overlap?: number
  readonly label?: string
  readonly expires?: number
  readonly hash?: string
}

/** `tessera app rotate-secret` and `tessera app remove-secret`: a new secret, and an end for an old one. */
export function secretCommands(app: Command): void {
  app
    .command('rotate-secret <application-uri>')
    .description('create a new secret for a Confidential app and print it once')
    .option('--overlap <time>', 'how long the old secret stays valid (default: 0, it ends at once)', durationFlag)
    .option('--label <text>', 'a label for the new secret')
    .option('--expires <time>', 'how long the new secret is valid (default: for good)', durationFlag)
    .option('--hash <base64>', 'base64 SHA-256 of a secret made elsewhere')
    .addHelpText('after', HELP)
    .action(rotateSecret)
  app
    .command('remove-secret <application-uri> <secret>')
    .description('end a secret of an app at once, by its id or label ("tessera app show" lists them)')
    .option('--yes', 'do not ask for confirmation, even for the last valid secret')
    .addHelpText('after', helpText(['tessera app remove-secret my.trusted.app/web "made elsewhere"']))
    .action(removeSecret)
}

async function rotateSecret(applicationUri: string, flags: RotateFlags, command: Command): Promise<void> {
  const { overlap = 0, label, expires, hash } = flags
  await withCore(command, async ({ store, clock, masterKeys }, { issuer }) => {
    const value = hash === undefined ? newSecret(systemRandom) : undefined
    const now = clock()
    const expiresAt = expires === undefined ? undefined : now + expires
    const id = newId()
    const made = { id, hash: hash ?? digest(value ?? ''), label, createdAt: now, expiresAt }
    let byKeys = false
    const end = await store
      .writeAlone(async (unit) => {
        byKeys = !provesItselfBySecret(await requireApp(unit, applicationUri))
        const seal = await masterKeys.rowsFor(APP_SECRETS).sealIn(unit)
        const secret = { ...made, sealed: value === undefined ? undefined : seal(value, id) }
        return rotateAppSecret(unit, applicationUri, { secret, overlap }, commandLine(now))
      })
      .catch(namingFlags(flagsOf(FLAG_OF)))
    const until = end !== undefined && end > now ? isoTime(end) : null
    const document = {
      client_id: applicationUri,
      ...(value === undefined ? {} : { client_secret: value }),
      issuer,
      secret_id: id,
      secret_label: label ?? null,
      secret_expires_at: expiresAt === undefined ? null : isoTime(expiresAt),
      previous_secret_expires_at: until,
    }
    const text =
      value === undefined
        ? `${applicationUri} has a new secret; only its hash is stored here.`
        : `New secret of ${applicationUri}:\n\n${block([['client_secret', value]])}\n`
    printWarned(command, document, text, byKeys ? [USELESS] : [])
    if (end !== undefined)
      note(command, until === null ? 'The old secret has ended.' : `The old secret is valid until ${until}.`)
    if (value !== undefined)
      note(command, 'The secret is shown only this once: store it where the app keeps its secrets.')
  })
}

const USELESS =
  'the app proves itself by its keys (private_key_jwt): no secret opens anything before its TokenEndpointAuthMethod is another one'

const FLAG_OF: Readonly<Record<string, string>> = {
  ApplicationSecretHash: '--hash',
  Label: '--label',
  ExpiresAt: '--expires',
}

async function removeSecret(
  applicationUri: string,
  name: string,
  flags: { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withCore(command, async ({ store, clock }) => {
    const app = await requireApp(store.read, applicationUri)
    const secret = findSecret(app, name)
    const left = app.secrets.filter((other) => other.id !== secret.id && isValidSecret(other, clock()))
    if (left.length === 0 && isValidSecret(secret, clock()))
      await confirm(
        command,
        `This ends the only valid secret of ${applicationUri}: the app can no longer authenticate.`,
        flags.yes,
      )
    await store.writeAlone((unit) => removeAppSecret(unit, applicationUri, secret.id, commandLine(clock())))
    const document = { ApplicationUri: applicationUri, SecretId: secret.id, removed: true }
    print(command, document, `The secret ${secret.label ?? secret.id} of ${applicationUri} has ended.`)
  })
}

/** By id or label; the beginning of an id is enough where it is unmistakable. */
function findSecret({ applicationUri, secrets }: TrustedApplication, name: string): AppSecret {
  const found = secrets.filter(
    ({ id, label }) => id === name || label === name || (name.length >= 4 && id.startsWith(name)),
  )
  const [secret] = found
  if (secret && found.length === 1) return secret
  const known = secrets.map(({ id, label }) => (label === undefined ? id : `${id} (${label})`)).join(', ')
  const has = known === '' ? 'it has none' : `it has ${known}`
  throw impossible(`${applicationUri} does not have exactly one secret called ${JSON.stringify(name)}; ${has}`)
}
