import { randomBytes } from 'node:crypto'
import type { Addresses } from './addresses.ts'
import { DEMO_RESOURCE, ODATA_ROOT } from './api.ts'
import { type AppRecord, type DemoRecords, loadRecords, saveRecords } from './data-dir.ts'
import { DemoProblem } from './problem.ts'
import { answerOf, type TesseraCommand } from './tessera-cli.ts'

/** Somebody who can sign in. */
export interface Person {
  readonly login: string
  readonly name: string
  readonly email: string
  /** Flags of `tessera user add` beside name and e-mail. */
  readonly details?: readonly string[]
}

/** A value for every standard claim, so that the first sign-in shows them all. @see OIDC Core §5.1 */
const DAVIDS_DETAILS = [
  ...['--email-verified', '--given-name', 'David', '--family-name', 'Miller', '--middle-name', 'Anselm'],
  ...['--nickname', 'Dave', '--profile-page', 'https://people.example.com/david'],
  ...['--picture', 'https://people.example.com/david.jpg', '--website', 'https://david.example.com/'],
  ...['--gender', 'male', '--birthdate', '1984-02-29', '--zoneinfo', 'Europe/London', '--locale', 'en-GB'],
  ...['--phone', '+44 20 7946 0000', '--phone-verified'],
  ...['--formatted-address', '1 Tile Yard\nLondon N1 9GU\nUnited Kingdom', '--street-address', '1 Tile Yard'],
  ...['--locality', 'London', '--region', 'Greater London', '--postal-code', 'N1 9GU', '--country', 'United Kingdom'],
]

export const PEOPLE: readonly Person[] = [
  { login: 'david', name: 'David Miller', email: 'david@example.com', details: DAVIDS_DETAILS },
  { login: 'roger', name: 'Roger Young', email: 'roger@example.com' },
]

export const SYSTEM_USER = 'svc.sync'

/** One of the demo's apps, as it is registered. */
export interface DemoApp {
  readonly clientId: string
  readonly name: string
  readonly shape: '--web' | '--spa' | '--service'
  /** What the shape means, for people to read. */
  readonly meaning: string
  /** API scopes it may ask for; an API asks for none. */
  readonly scope: string
  /** Who it acts as on its own. */
  readonly systemUser?: string
  /** More arguments of its registration. */
  readonly more?: readonly string[]
  readonly redirectUri?: string
  readonly logoutUri?: string
}

export type DemoApps = Readonly<Record<'web' | 'spa' | 'sync' | 'api', DemoApp>>

/** The demo's apps at these addresses; the API is one as well, for it asks the identity server about its callers. */
export const appsAt = ({ web, spa }: Addresses): DemoApps => ({
  web: {
    clientId: 'demo.tessera/web',
    name: 'Sales Desk',
    shape: '--web',
    meaning: 'Confidential, people sign in',
    scope: 'read update',
    redirectUri: `${web}/callback`,
    logoutUri: `${web}/`,
  },
  spa: {
    clientId: 'demo.tessera/spa',
    name: 'Sales Board',
    shape: '--spa',
    meaning: 'Public, people sign in, PKCE, no secret',
    scope: 'read',
    redirectUri: `${spa}/`,
    logoutUri: `${spa}/`,
  },
  sync: {
    clientId: 'demo.tessera/sync',
    name: 'Nightly Sync',
    shape: '--service',
    meaning: `Confidential, acts as ${SYSTEM_USER}`,
    scope: 'read update',
    systemUser: SYSTEM_USER,
  },
  api: {
    clientId: 'demo.tessera/api',
    name: 'Instance API',
    shape: '--service',
    meaning: `Confidential, serves ${DEMO_RESOURCE}`,
    scope: '',
    // It has no use for tokens of its own.
    more: ['--set', 'SystemUserAllowed=false'],
  },
})

/** 80 random bits in four groups, without letters that look alike. */
function newPassword(): string {
  const letters = Array.from(randomBytes(16), (byte) => '23456789abcdefghjkmnpqrstuvwxyz0'[byte & 31])
  return letters.join('').replaceAll(/(.{4})(?=.)/g, '$1-')
}

const isKnown = async (tessera: TesseraCommand, noun: 'user' | 'app', name: string): Promise<boolean> =>
  (await tessera([noun, 'show', name, '--json'])).exitCode === 0

async function ensurePerson(tessera: TesseraCommand, person: Person, password: string | undefined): Promise<string> {
  const exists = await isKnown(tessera, 'user', person.login)
  if (exists && password !== undefined) return password
  const fresh = newPassword()
  const { login, name, email, details = [] } = person
  const args = exists
    ? ['user', 'set-password', login, '--password-stdin']
    : ['user', 'add', login, '--type', 'InternalUser', '--name', name, '--email', email, ...details, '--password-stdin']
  await answerOf(tessera, args, `${fresh}\n`)
  return fresh
}

async function ensureSystemUser(tessera: TesseraCommand): Promise<void> {
  if (await isKnown(tessera, 'user', SYSTEM_USER)) return
  await answerOf(tessera, ['user', 'add', SYSTEM_USER, '--type', 'SystemUserNoLogin'])
}

const flag = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value])

async function registerApp(tessera: TesseraCommand, app: DemoApp): Promise<AppRecord> {
  const answer = await answerOf(tessera, [
    ...['app', 'register', app.clientId, app.shape, '--name', app.name, ...(app.more ?? [])],
    ...flag('--scope', app.scope === '' ? undefined : app.scope),
    ...flag('--redirect-uri', app.redirectUri),
    ...flag('--logout-uri', app.logoutUri),
    ...flag('--system-user', app.systemUser),
  ])
  return { clientSecret: secretIn(answer), redirectUri: app.redirectUri }
}

const secretIn = ({ client_secret }: Record<string, unknown>): string | undefined =>
  typeof client_secret === 'string' ? client_secret : undefined

async function ensureApp(tessera: TesseraCommand, app: DemoApp, known: AppRecord | undefined): Promise<AppRecord> {
  if (!(await isKnown(tessera, 'app', app.clientId))) return registerApp(tessera, app)
  const { clientId, redirectUri, logoutUri } = app
  // Another --web-port or --spa-port moves the app, so its registered addresses move with it.
  if (redirectUri !== undefined && logoutUri !== undefined && known?.redirectUri !== redirectUri) {
    const moved = [`ImpersonateLoginUrl=${redirectUri}`, `ImpersonateLogoutUrl=${logoutUri}`]
    await answerOf(tessera, ['app', 'update', clientId, ...moved.flatMap((attribute) => ['--set', attribute])])
  }
  const needsSecret = app.shape !== '--spa'
  const secret =
    known?.clientSecret ??
    (needsSecret ? secretIn(await answerOf(tessera, ['app', 'rotate-secret', clientId])) : undefined)
  return { clientSecret: secret, redirectUri }
}

/** Lets the API's app ask about the tokens that are for the API, and auto-discovery tell where that is. */
async function ensureServes(tessera: TesseraCommand, { clientId }: DemoApp, api: string): Promise<void> {
  const site = ['--site-url', api, '--site-property', `ODataServiceRoot=${api}${ODATA_ROOT}`]
  await answerOf(tessera, ['resource', 'update', DEMO_RESOURCE, '--resource-server', clientId, ...site])
}

/**
 * Brings the users and apps of the demo into the instance with the real command line, each step only where it is missing;
 * what was learned is noted after every step, so that a start that broke off goes on where it stopped.
 * @throws DemoProblem when a command fails
 */
export async function registerDemo(
  tessera: TesseraCommand,
  { apps, api }: { readonly apps: DemoApps; readonly api: string },
  dataDir: string,
): Promise<DemoRecords> {
  const records = loadRecords(dataDir)
  for (const person of PEOPLE) {
    records.passwords[person.login] = await ensurePerson(tessera, person, records.passwords[person.login])
    saveRecords(dataDir, records)
  }
  await ensureSystemUser(tessera)
  for (const app of Object.values(apps)) {
    const record = await ensureApp(tessera, app, records.apps[app.clientId])
    if (app.shape !== '--spa' && record.clientSecret === undefined)
      throw new DemoProblem(`tessera gave no secret for ${app.clientId}.`)
    records.apps[app.clientId] = record
    saveRecords(dataDir, records)
  }
  await ensureServes(tessera, apps.api, api)
  return records
}
