import type { Command } from 'commander'
import type { TrustedApplication } from '../domain/trusted-application.ts'
import { digest, newId, newSecret, systemRandom } from '../lib/secrets.ts'
import { requireApp } from './app-record.ts'
import { durationFlag } from './durations.ts'
import { helpText } from './help.ts'
import { block, isoTime, note, print } from './output.ts'
import { impossible } from './problem.ts'
import { withCore } from './with-core.ts'

const HELP = helpText(
  ['tessera app rotate-secret my.trusted.app/web --overlap 7d', 'tessera app rotate-secret my.trusted.app/web --json'],
  `Without --overlap the old secret is refused from the next request on. With it both are valid for a while: change
the secret in the app in the meantime. No more than two secrets are valid at once.`,
)

/** `tessera app rotate-secret`: a new secret, and an end for the old one. */
export function rotateSecretCommand(app: Command): void {
  app
    .command('rotate-secret <application-uri>')
    .description('make a new secret for a Confidential app and print it once')
    .option('--overlap <time>', 'how long the old secret stays valid (default: 0, it ends at once)', durationFlag)
    .addHelpText('after', HELP)
    .action(rotateSecret)
}

async function rotateSecret(
  applicationUri: string,
  flags: { readonly overlap?: number },
  command: Command,
): Promise<void> {
  const overlap = flags.overlap ?? 0
  await withCore(command, async ({ store, clock }, { issuer }) => {
    const secret = newSecret(systemRandom)
    const now = clock()
    const old = await store.write(async (repositories) => {
      const app = await requireApp(repositories, applicationUri)
      requireRotatable(app, overlap, now)
      const { apps } = repositories
      await apps.expireSecrets(applicationUri, now + overlap)
      await apps.dropExpiredSecrets(applicationUri, now)
      await apps.addSecret(applicationUri, { id: newId(), hash: digest(secret), createdAt: now, expiresAt: undefined })
      return app.secrets.some((known) => isValid(known, now))
    })
    const until = old && overlap > 0 ? isoTime(now + overlap) : null
    const answer = { client_id: applicationUri, client_secret: secret, issuer, previous_secret_expires_at: until }
    print(command, answer, `New secret of ${applicationUri}:\n\n${block([['client_secret', secret]])}\n`)
    if (old) note(until === null ? 'The old secret has ended.' : `The old secret is valid until ${until}.`)
    note('The secret is shown this once: put it where the app keeps its secrets.')
  })
}

const isValid = ({ expiresAt }: TrustedApplication['secrets'][number], now: number): boolean =>
  expiresAt === undefined || expiresAt > now

function requireRotatable(
  { applicationUri, clientType, secrets }: TrustedApplication,
  overlap: number,
  now: number,
): void {
  if (clientType !== 'Confidential') {
    throw impossible(`${applicationUri} is of ClientType ${clientType}; only a Confidential app has a secret`)
  }
  const valid = secrets.filter((secret) => isValid(secret, now))
  if (overlap === 0 || valid.length < 2) return
  const ends = valid.map(({ expiresAt }) => expiresAt).filter((end) => end !== undefined)
  throw impossible(
    `${applicationUri} has two valid secrets already; wait until ${isoTime(Math.min(...ends))}, or end both at once with --overlap 0`,
  )
}
