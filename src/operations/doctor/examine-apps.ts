import { answersWith } from '../../domain/apps/app-choices.ts'
import { isValidSecret } from '../../domain/apps/app-secret.ts'
import { type OwnNames, ownNamesIn } from '../../domain/apps/own-names.ts'
import { faultsOf } from '../../domain/apps/registration-rules.ts'
import {
  isInteractive,
  needsPkce,
  refreshTokenLifetime,
  type TrustedApplication,
} from '../../domain/apps/trusted-application.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { DAY } from '../../lib/time/clock.ts'
import { type Finding, fine, warning } from './finding.ts'

const LONGEST_SECRET = 365 * DAY
const SOON = 30 * DAY

/**
 * What is wrong or unwise about an app's settings and secrets.
 * @param own what the server calls its own
 * @param now milliseconds since 1970
 */
export function examineApp(app: TrustedApplication, own: OwnNames, now: number): Finding[] {
  const check = `app ${app.applicationUri}`
  const findings = [...brokenRules(check, app, own), ...unwiseAttributes(check, app), ...agedSecrets(check, app, now)]
  return findings.length > 0 ? findings : [fine(check, app.isEnabled ? 'nothing to fix' : 'disabled')]
}

/** A record that was stored under older rules works on until it is changed. */
function brokenRules(check: string, app: TrustedApplication, own: OwnNames): Finding[] {
  const name = shellWord(app.applicationUri)
  return [...faultsOf(app), ...ownNamesIn(app, own)].map(({ attribute, reason }) =>
    warning(
      check,
      `${attribute} ${reason}`,
      attribute === 'ApplicationUri'
        ? `register the app anew under another name, and then: tessera app remove ${name}`
        : `see the value: tessera app show ${name}; and set another with tessera app update --set`,
    ),
  )
}

function unwiseAttributes(check: string, app: TrustedApplication): Finding[] {
  const update = (flags: string): string => `tessera app update ${shellWord(app.applicationUri)} ${flags}`
  const frontChannel = app.responseTypes.filter((type) => answersWith(type, 'token'))
  const findings: readonly (readonly [boolean, string, string])[] = [
    [
      isInteractive(app) && !needsPkce(app),
      'a stolen code can be used without PKCE',
      update('--set RequirePkce=true (once its library sends code_challenge)'),
    ],
    [
      frontChannel.length > 0,
      `access tokens pass through the browser (${frontChannel.join(', ')})`,
      update('--set ResponseTypes=code'),
    ],
    [
      isInteractive(app) && !app.requireConsent && app.clientType === 'Public',
      'anybody can pose as a Public app, and people are not asked for consent',
      update('--set RequireConsent=true'),
    ],
    [
      app.clientType === 'Public' && refreshTokenLifetime(app) > 14 * DAY,
      `refresh tokens of a Public app live ${refreshTokenLifetime(app) / DAY} days`,
      update('--set RefreshTokenLifetime=24h'),
    ],
    [
      app.refreshReplayWindow > 30,
      `an old refresh token works for ${app.refreshReplayWindow} s after its rotation`,
      update('--set RefreshReplayWindow=10s'),
    ],
  ]
  return findings.filter(([holds]) => app.isEnabled && holds).map(([, found, fix]) => warning(check, found, fix))
}

function agedSecrets(check: string, app: TrustedApplication, now: number): Finding[] {
  const rotate = `tessera app rotate-secret ${shellWord(app.applicationUri)} --overlap 7d`
  // Its keys prove it; a secret is good for nothing there.
  if (app.tokenEndpointAuthMethod === 'private_key_jwt') return []
  const live = app.secrets.filter((secret) => isValidSecret(secret, now))
  if (app.clientType === 'Confidential' && app.isEnabled && live.length === 0)
    return [warning(check, 'it has no valid secret', rotate)]
  const lasting = Math.max(...live.map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY))
  return [
    ...live
      .filter(({ createdAt }) => now - createdAt > LONGEST_SECRET)
      .map(({ id, label, createdAt }) => {
        const days = Math.floor((now - createdAt) / DAY)
        return warning(check, `the secret ${label ?? id} is ${days} days old`, rotate)
      }),
    ...(live.length > 0 && lasting - now < SOON
      ? [warning(check, `its last secret ends in ${Math.ceil((lasting - now) / DAY)} days`, rotate)]
      : []),
  ]
}
