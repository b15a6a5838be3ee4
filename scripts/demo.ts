import { join } from 'node:path'
import { addressesOn } from './demo/addresses.ts'
import { startApi } from './demo/api.ts'
import { bannerOf } from './demo/banner.ts'
import { prepareDataDir } from './demo/data-dir.ts'
import { startIdentityServer } from './demo/identity-server.ts'
import { type DemoOptions, readOptions } from './demo/options.ts'
import { refuseTakenPorts } from './demo/ports.ts'
import { DemoProblem } from './demo/problem.ts'
import { appsAt, registerDemo } from './demo/register.ts'
import { createShutdown, type Shutdown } from './demo/shutdown.ts'
import { startSpa } from './demo/spa.ts'
import { startSyncService } from './demo/sync-service.ts'
import { createTesseraCommand, requireBuild } from './demo/tessera-cli.ts'
import { startWebApp } from './demo/web-app.ts'

const IDENTITY_SCOPES = 'openid profile email phone address'
const SYNC_EVERY = 5000

/** Starts every part in order: what a later one needs is there by then. */
async function startDemo({ ports, dataDir, database, reset }: DemoOptions, shutdown: Shutdown): Promise<void> {
  requireBuild()
  await refuseTakenPorts(ports)
  prepareDataDir(dataDir, reset)
  const addresses = addressesOn(ports)
  const { issuer } = addresses
  const logFile = join(dataDir, 'server.log')
  const settings = {
    TESSERA_ISSUER: issuer,
    TESSERA_LISTEN: `127.0.0.1:${ports.identity}`,
    TESSERA_DATABASE_URL: database ?? `file:${join(dataDir, 'tessera.db')}`,
    TESSERA_DATA_DIR: dataDir,
  }

  console.log('Starting the identity server ...')
  const server = await startIdentityServer({ settings, readyUrl: addresses.ready, logFile })
  shutdown.add(server)
  void server.died.then((line) => {
    console.error(line)
    return shutdown.stop(1)
  })

  console.log('Looking after users and apps ...')
  const apps = appsAt(addresses)
  const records = await registerDemo(createTesseraCommand(settings), { apps, api: addresses.api }, dataDir)
  const credentialsOf = (clientId: string): { issuer: string; clientId: string; clientSecret: string } => ({
    issuer,
    clientId,
    clientSecret: records.apps[clientId]?.clientSecret ?? '',
  })

  const { api: apiUrl, spa: spaUrl, web: webUrl } = addresses
  const api = { ...credentialsOf(apps.api.clientId), port: ports.api, url: apiUrl, allowedOrigin: spaUrl }
  shutdown.add(await startApi(api))
  const webScope = `${IDENTITY_SCOPES} offline_access ${apps.web.scope}`
  const web = { ...credentialsOf(apps.web.clientId), port: ports.web, url: webUrl, apiUrl, scope: webScope }
  shutdown.add(await startWebApp(web))
  const spaScope = `${IDENTITY_SCOPES} ${apps.spa.scope}`
  const spa = { issuer, clientId: apps.spa.clientId, port: ports.spa, url: spaUrl, apiUrl, scope: spaScope }
  shutdown.add(await startSpa(spa))

  console.log(bannerOf({ addresses, apps, records, dataDir, database, logFile }))
  const sync = {
    ...credentialsOf(apps.sync.clientId),
    apiUrl,
    scope: apps.sync.scope,
    every: SYNC_EVERY,
    log: console.log,
  }
  shutdown.add(await startSyncService(sync))
}

const shutdown = createShutdown((code) => process.exit(code))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void shutdown.stop(0))

// npm started in the background and killed leaves its shell's child running unseen, holding four ports.
const { ppid } = process
setInterval(() => process.ppid === ppid || void shutdown.stop(0), 1000).unref()

try {
  await startDemo(readOptions(process.argv), shutdown)
} catch (error) {
  // What a person can put right is said in its own words; anything else is our bug and comes with its stack.
  console.error(error instanceof DemoProblem ? error.message : error)
  await shutdown.stop(1)
}
