import { hash } from '@node-rs/argon2'
import { digest } from '../../../src/lib/crypto/secrets.ts'
import { type Tessera, tesseraWith } from '../../../test/fixtures/cli/cli.ts'
import { PASSWORD, SECRET } from '../../../test/fixtures/instance/instance.ts'
import { freePort } from '../../../test/fixtures/instance/ports.ts'
import { WEB_REDIRECT } from '../../../test/fixtures/instance/world.ts'
import type { Run } from './run.ts'

export const WEB = 'my.trusted.app/web'
export const SYNC = 'my.trusted.app/sync'

/** An instance with people and apps, on a folder and a database; where its nodes listen is another matter. */
export interface Site {
  readonly origin: string
  readonly issuer: string
  readonly folder: string
  readonly databaseUrl: string
  readonly settings: Readonly<Record<string, string>>
  readonly logins: readonly string[]
  readonly tessera: Tessera
}

interface Wanted {
  readonly people?: number
  readonly folder?: string
  readonly databaseUrl?: string
  /** The port that the issuer names; that of a proxy, where one is in front. */
  readonly port?: number
  /** Attributes of the web app beyond the usual. */
  readonly app?: Readonly<Record<string, unknown>>
  readonly settings?: Readonly<Record<string, string>>
  /** Apps and users beyond the usual, as configuration files have them. */
  readonly more?: { readonly apps: readonly object[]; readonly users: readonly object[] }
}

/** Makes an instance through the command line: a web app, a service, and people who may sign in. */
export async function prepareSite(run: Run, wanted: Wanted = {}): Promise<Site> {
  const { people = 8, folder = run.scratch(), databaseUrl = `file:${folder}/tessera.db`, app = {} } = wanted
  const { more = { apps: [], users: [] } } = wanted
  const origin = `http://127.0.0.1:${wanted.port ?? (await freePort())}`
  const settings = {
    TESSERA_ISSUER: `${origin}/id`,
    TESSERA_DATA_DIR: folder,
    TESSERA_DATABASE_URL: databaseUrl,
    TESSERA_LOG_LEVEL: 'warn',
    // The load speaks for one app.
    TESSERA_LIMIT_TOKEN: '0',
    TESSERA_LIMIT_INTROSPECT: '0',
    ...wanted.settings,
  }
  const logins = Array.from({ length: people }, (_, index) => `person${index}`)
  const tessera = tesseraWith(settings)
  const { code, stderr } = await tessera(['apply', '-'], JSON.stringify(await filesOf(logins, app, more)))
  if (code !== 0) throw new Error(`the instance cannot be made: ${stderr}`)
  return { origin, issuer: `${origin}/id`, folder, databaseUrl, settings, logins, tessera }
}

async function filesOf(
  logins: readonly string[],
  app: Readonly<Record<string, unknown>>,
  more: NonNullable<Wanted['more']>,
) {
  const secret = { ClientType: 'Confidential', ApplicationSecretHash: digest(SECRET), Scope: 'read update' }
  // A cheap hash: it is not passwords that are tried out here.
  const passwordHash = await hash(PASSWORD, { memoryCost: 1024, timeCost: 1, parallelism: 1, outputLen: 32 })
  return {
    apps: [
      {
        ApplicationUri: WEB,
        ImpersonateLoginUrl: [WEB_REDIRECT],
        ImpersonateAsInternalUserAllowed: true,
        // Long enough for a restart: whoever lost an answer asks again.
        RefreshReplayWindow: 60,
        ...secret,
        ...app,
      },
      { ApplicationUri: SYNC, SystemUserAllowed: true, SystemUser: 'svc.sync', ...secret },
      ...more.apps,
    ],
    users: [
      { login: 'svc.sync', type: 'SystemUserNoLogin' },
      ...logins.map((login) => ({ login, email: `${login}@example.com`, passwordHash })),
      ...more.users,
    ],
  }
}
