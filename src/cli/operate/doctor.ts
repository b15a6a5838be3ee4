import type { Command } from 'commander'
import { ownNames } from '../../admin/apps/validate-app.ts'
import type { Core } from '../../compose/core.ts'
import { unusableScopes } from '../../compose/scopes-to-give.ts'
import type { Config } from '../../config/read-config.ts'
import { answersWith } from '../../domain/apps/app-choices.ts'
import { isInteractive, type TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { TIME_REACHED } from '../../domain/instance/instance-settings.ts'
import { parseDatabaseUrl } from '../../lib/net/database-url.ts'
import { counted } from '../../lib/text/counted.ts'
import { systemClock } from '../../lib/time/clock.ts'
import { type AppFinding, countApps } from '../../operations/doctor/count-apps.ts'
import { examineApp } from '../../operations/doctor/examine-apps.ts'
import { examineDeployment } from '../../operations/doctor/examine-deployment.ts'
import type { SecretFiles } from '../../operations/doctor/examine-files.ts'
import { examineInstallation } from '../../operations/doctor/examine-installation.ts'
import type { HeldKeys } from '../../operations/doctor/examine-master-keys.ts'
import { examineNames } from '../../operations/doctor/examine-names.ts'
import { examineResources } from '../../operations/doctor/examine-resources.ts'
import type { Finding } from '../../operations/doctor/finding.ts'
import { reportProfiles } from '../../operations/doctor/security-profiles.ts'
import { findSealedOtherwise } from '../../operations/master-key/reseal.ts'
import { helpText } from '../kit/help.ts'
import { columns, print } from '../kit/output.ts'
import { terminalOf } from '../kit/terminal.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'

interface Flags {
  readonly online: boolean
}

// The server writes refusals down right after it has answered; milliseconds.
const WRITTEN_WITHIN = 3000
// Nobody will redeem what comes of it.
const ANY_CHALLENGE = '0'.repeat(43)

/** `tessera doctor`: what is unwise or broken about this instance, from inside and from where people are. */
export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check the installation, the running server and every app, with a fix for each finding')
    .option('--no-online', 'do not contact the running server at TESSERA_ISSUER')
    .addHelpText(
      'after',
      helpText(
        ['tessera doctor', 'tessera doctor --no-online --json'],
        `Changes nothing. Sends the running server requests that anybody may send; it records one refusal of "tessera-doctor".
Exit codes: 0 no faults (there may be warnings); 1 at least one fault.`,
      ),
    )
    .action((flags: Flags, command: Command) =>
      withCoreAsItIs(command, async (core, config) =>
        report(command, await examine(core, config, flags), await profiles(core)),
      ),
    )
}

/** What is found about the server itself, and about its apps. */
interface Findings {
  readonly server: readonly Finding[]
  readonly apps: readonly AppFinding[]
  readonly countOfApps: number
}

async function examine(core: Core, config: Config, { online }: Flags): Promise<Findings> {
  const { store, clock } = core
  const apps = await store.read.apps.list()
  const own = await ownNames(store.read, { issuer: config.issuer, hosts: config.http.hosts })
  const held = await heldKeys(core, config)
  const { trustedProxies } = config.http
  const installation = examineInstallation({
    issuer: config.issuer,
    files: secretFiles(config),
    masterKeys: held,
    trustedProxies,
    metricsToken: config.metrics.token !== undefined,
    implicit: config.responseTypes.some((type) => type === 'id_token'),
    timeReached: Number((await store.read.settings.get(TIME_REACHED)) ?? 0),
    now: systemClock(),
  })
  const addressOfRefusal = async (id: string): Promise<string | undefined> => {
    for (let waited = 0; waited < WRITTEN_WITHIN; waited += 100) {
      const refusal = await store.read.refusals.find(id)
      if (refusal) return refusal.address
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return undefined
  }
  const signInUrl = signInUrlOf(apps, config)
  const deployment = { issuer: config.issuer, now: systemClock, addressOfRefusal, trustedProxies, signInUrl }
  return {
    server: [
      ...installation,
      ...examineNames(await store.read.users.spelledAlike()),
      ...(online ? await examineDeployment(deployment) : []),
      ...examineResources(await store.read.resources.list(), await unusableScopes(config, core)),
    ],
    apps: apps.flatMap((one) => examineApp(one, { own, lostSecrets: held.sealedOtherwise.lost.app_secrets }, clock())),
    countOfApps: apps.length,
  }
}

async function heldKeys({ store, masterKeys }: Core, { masterKey }: Pick<Config, 'masterKey'>): Promise<HeldKeys> {
  const [, ...others] = masterKeys.all()
  const former = await store.read.masterKey.former()
  const earlier = others.filter(({ mark }) => former.includes(mark)).length
  return {
    earlier,
    waiting: others.length - earlier,
    sealedOtherwise: await findSealedOtherwise(store.read, masterKeys.all()),
    inFile: masterKey.value === undefined,
  }
}

function secretFiles({ database, masterKey }: Pick<Config, 'database' | 'masterKey'>): SecretFiles {
  const address = parseDatabaseUrl(database.url)
  return {
    database: address.kind === 'file' ? address.path : undefined,
    masterKey: masterKey.value === undefined ? masterKey.file : undefined,
  }
}

/** An address of the sign-in page, as an app would send somebody there that takes such answers as this server gives. */
function signInUrlOf(apps: readonly TrustedApplication[], { issuer, responseTypes }: Config): string | undefined {
  for (const app of apps) {
    const type = app.responseTypes.find((each) => responseTypes.some((offered) => offered === each))
    const [redirectUri] = app.impersonateLoginUrl
    if (!app.isEnabled || !isInteractive(app) || app.requireSignedRequestObject || !redirectUri || !type) continue
    const parameters = new URLSearchParams({
      client_id: app.applicationUri,
      redirect_uri: redirectUri,
      response_type: type,
      scope: 'openid',
      nonce: 'tessera-doctor',
      ...(answersWith(type, 'code') ? { code_challenge: ANY_CHALLENGE, code_challenge_method: 'S256' } : {}),
    })
    return `${issuer}/connect/authorize?${parameters}`
  }
  return undefined
}

const profiles = async ({ store, keys }: Core) =>
  (await store.read.apps.list()).flatMap((app) => reportProfiles(app, keys.algorithm))

type Profiles = ReturnType<typeof reportProfiles>

/** For people the server comes first, and what holds of many apps is said once; scripts get a finding for each app. */
function report(command: Command, { server, apps, countOfApps }: Findings, profiles: Profiles): void {
  const findings: readonly Finding[] = [...server, ...apps.map(({ app: _, ...finding }) => finding)]
  const faults = findings.filter(({ severity }) => severity === 'fault').length
  const warnings = findings.filter(({ severity }) => severity === 'warning').length
  if (faults > 0) terminalOf(command).exitCode = 1
  const parts = [
    columns(server.map(lineOf)),
    ...(apps.length > 0 ? [columns(countApps(apps, countOfApps).map(lineOf))] : []),
    ...(profiles.length > 0 ? [columns(profileLines(profiles))] : []),
    `${counted(faults, 'fault')}, ${counted(warnings, 'warning')}.`,
  ]
  print(command, { faults, warnings, findings, profiles }, parts.join('\n\n'))
}

const lineOf = ({ severity, check, found, fix }: Finding): string[] => [
  severity,
  check,
  fix === null ? found : `${found}; ${fix}`,
]

/** A line for the apps that lack the same of a profile, named where it is one alone. */
function profileLines(profiles: Profiles): string[][] {
  const alike = new Map<string, string[]>()
  for (const { app, profile, missing } of profiles) {
    const key = `${profile}\n${missing.length === 0 ? 'met' : `lacks: ${missing.join('; ')}`}`
    alike.set(key, [...(alike.get(key) ?? []), app])
  }
  return [...alike].map(([key, [first = '', ...others]]) => [
    others.length === 0 ? first : `${others.length + 1} apps`,
    ...key.split('\n'),
  ])
}
