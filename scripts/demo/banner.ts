import { relative } from 'node:path'
import type { Addresses } from './addresses.ts'
import { customersUrl } from './api.ts'
import type { DemoRecords } from './data-dir.ts'
import { type DemoApps, PEOPLE } from './register.ts'

export interface BannerFacts {
  readonly addresses: Addresses
  readonly apps: DemoApps
  readonly records: DemoRecords
  readonly dataDir: string
  /** Where the data were moved to, if they were. */
  readonly database: string | undefined
  readonly logFile: string
}

// Between single quotes a shell takes everything but a single quote as it is.
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const columns = (rows: readonly (readonly string[])[]): string[] => {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, i) => Math.max(cell.length, most[i] ?? 0)), [])
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd())
}

function curlLines({ addresses, apps, records }: BannerFacts): string[] {
  const { clientId } = apps.sync
  const credentials = quoted(`${clientId}:${records.apps[clientId]?.clientSecret ?? ''}`)
  const tokenRequest = `curl -s -u ${credentials} -d grant_type=client_credentials ${addresses.issuer}/connect/token`
  const readToken = `node -pe 'JSON.parse(fs.readFileSync(0)).access_token'`
  return [
    `curl -s ${addresses.issuer}/.well-known/openid-configuration`,
    tokenRequest,
    `TOKEN=$(${tokenRequest} | ${readToken}); curl -s -H "Authorization: Bearer $TOKEN" ${quoted(customersUrl(addresses.api, 10))}`,
  ]
}

/** The licence slots at work: who calls the API. */
const sessionsLine = ({ dataDir, database }: BannerFacts): string =>
  [
    `TESSERA_DATA_DIR=${quoted(shown(dataDir))}`,
    ...(database === undefined ? [] : [`TESSERA_DATABASE_URL=${quoted(database)}`]),
    'npx tessera session list',
  ].join(' ')

const shown = (path: string): string => relative(process.cwd(), path) || '.'

/** Everything somebody needs who sees the demo for the first time, in one block. */
export function bannerOf(facts: BannerFacts): string {
  const { addresses, apps, records, dataDir, logFile } = facts
  const passwords = PEOPLE.map(({ login, name }) => [login, records.passwords[login] ?? '', name])
  const registered = Object.values(apps).map((app) => [
    ...[app.clientId, app.name, app.meaning],
    app.scope === '' ? '' : `scope: ${app.scope}`,
  ])
  const secrets = Object.entries(records.apps).flatMap(([id, { clientSecret }]) =>
    clientSecret ? [[id, clientSecret]] : [],
  )
  return [
    '',
    'The Tessera demo is running (on this machine only). Stop it with Ctrl+C.',
    '',
    'Where things are',
    ...columns([
      ['web app', `${addresses.web}/`, 'Sales Desk: sign in, see the claims, refresh, sign out'],
      ['single-page app', `${addresses.spa}/`, 'Sales Board: sign in from the browser alone'],
      ['identity server', addresses.issuer, 'the issuer; both apps send you there to sign in'],
      ['instance API', addresses.api, 'customers, for those who bring an access token'],
    ]),
    '',
    'Sign in as (login, password)',
    ...columns(passwords),
    '',
    'Registered apps (client_id, name, kind, scope)',
    ...columns(registered),
    'Their secrets',
    ...columns(secrets),
    '',
    'Try in another terminal: discovery, a token for the service, and the API with such a token',
    ...curlLines(facts).map((line) => `\n${line}`),
    '',
    'Who has an API session: opened by the first call, kept alive by the next, over 20 minutes after the last',
    `\n${sessionsLine(facts)}`,
    '',
    ...columns([
      ['data', `${shown(dataDir)} (start afresh: npm run demo -- --reset)`],
      ["server's log", shown(logFile)],
    ]),
    '',
    'The background service calls the API every few seconds with a token of its own, and says so when something changes:',
  ].join('\n')
}
