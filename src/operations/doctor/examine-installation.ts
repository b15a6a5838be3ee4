import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DAY, isoTime, MINUTE } from '../../lib/time/clock.ts'
import { type Finding, fault, fine, warning } from './finding.ts'

interface Installation {
  readonly issuer: string
  readonly databaseUrl: string
  /** `undefined` where the key comes from the environment. */
  readonly masterKeyFile: string | undefined
  readonly trustedProxies: readonly string[]
  readonly implicit: boolean
  /** Milliseconds since 1970; the latest moment the database has seen; 0 where none was written down. */
  readonly timeReached: number
  readonly now: number
}

/** What the machine and the settings themselves tell. */
export function examineInstallation(installation: Installation): Finding[] {
  const { issuer, databaseUrl, masterKeyFile, trustedProxies, implicit, timeReached, now } = installation
  const files = databaseUrl.startsWith('file:') ? [databaseUrl.slice('file:'.length)] : []
  const secretFiles = masterKeyFile === undefined ? files : [...files, masterKeyFile]
  // The files themselves are closed, or refused, by whoever opens them.
  const openFolders = [...new Set(secretFiles.map(dirname))].filter((folder) => (modeOf(folder) & 0o077) !== 0)
  const beside = files.some((file) => masterKeyFile !== undefined && dirname(file) === dirname(masterKeyFile))
  const https = issuer.startsWith('https:')
  return [
    ...openFolders.map((folder) =>
      warning('file modes', `${folder} is accessible to other users`, `chmod 700 ${folder}`),
    ),
    ...(openFolders.length === 0 ? [fine('file modes', 'no other user can access the files')] : []),
    beside && https
      ? warning(
          'master key',
          'the master key is in the folder of the database, so one backup would hold both',
          'move it and set TESSERA_MASTER_KEY_FILE',
        )
      : fine('master key', 'nobody can use the database without it'),
    https && trustedProxies.length === 0
      ? warning(
          'proxies',
          'no proxy is trusted, so every request seems to come from the proxy that terminates TLS',
          'set TESSERA_TRUSTED_PROXIES to its address',
        )
      : fine('proxies', https ? `trusted: ${trustedProxies.join(', ')}` : 'none is needed on loopback'),
    implicit
      ? warning(
          'response types',
          'TESSERA_IMPLICIT lets access tokens pass through browsers',
          'switch it off once no app needs it',
        )
      : fine('response types', 'no access token passes through a browser'),
    timeReached - now > MINUTE
      ? fault(
          'clock',
          `the database has already seen ${isoTime(timeReached)}`,
          'set the clock of this machine with NTP; if it is right, correct the database with tessera db clock --reset',
        )
      : timeReached > 0 && now - timeReached > DAY
        ? warning(
            'clock',
            `the database has seen no time after ${isoTime(timeReached)}`,
            'if the clock of this machine is right, start the server once with --accept-clock; otherwise set it with NTP',
          )
        : fine('clock', 'not behind the database'),
  ]
}

/** The permission bits; 0 for what is not there. */
function modeOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats === undefined ? 0 : stats.mode & 0o777
}
