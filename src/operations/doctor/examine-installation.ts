import { isoTime, MINUTE } from '../../lib/time/clock.ts'
import { LONGEST_LEAD } from '../../lib/time/timekeeper.ts'
import { examineFiles, type SecretFiles } from './examine-files.ts'
import { examineMasterKeys, type HeldKeys } from './examine-master-keys.ts'
import { type Finding, fault, fine, warning } from './finding.ts'

interface Installation {
  readonly issuer: string
  readonly files: SecretFiles
  readonly masterKeys: HeldKeys
  readonly trustedProxies: readonly string[]
  readonly implicit: boolean
  /** Whether a token opens the metrics. */
  readonly metricsToken: boolean
  /** Milliseconds since 1970; the latest moment the database has seen; 0 where none was written down. */
  readonly timeReached: number
  readonly now: number
}

/** What the machine and the settings themselves tell. */
export function examineInstallation(installation: Installation): Finding[] {
  const { issuer, files, masterKeys, trustedProxies, implicit, metricsToken, timeReached, now } = installation
  const https = issuer.startsWith('https:')
  return [
    ...examineFiles(files, https),
    ...examineMasterKeys(masterKeys),
    https && trustedProxies.length === 0
      ? warning(
          'proxies',
          'no proxy is trusted, so every request seems to come from the proxy that terminates TLS',
          'set TESSERA_TRUSTED_PROXIES to its address',
        )
      : fine('proxies', https ? `trusted: ${trustedProxies.join(', ')}` : 'none is needed on loopback'),
    examineMetrics(metricsToken, https || trustedProxies.length > 0),
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
      : timeReached > 0 && now - timeReached > LONGEST_LEAD
        ? warning(
            'clock',
            `the database has seen no time after ${isoTime(timeReached)}`,
            'if the clock of this machine is right, start the server once with --accept-clock; otherwise set it with NTP',
          )
        : fine('clock', 'not behind the database'),
  ]
}

/** Not everybody has something that reads them, so that nothing is wrong where nobody can. */
function examineMetrics(metricsToken: boolean, behindProxy: boolean): Finding {
  if (metricsToken) return fine('metrics', 'open to whoever sends the token')
  return fine(
    'metrics',
    behindProxy
      ? 'nobody can read /metrics; to let a monitoring system in, set TESSERA_METRICS_TOKEN and have it send the token'
      : 'open to programs of this machine',
  )
}
