import { answersWith } from '../../domain/apps/app-choices.ts'
import { isValidSecret, MOST_VALID_SECRETS, provesItselfBySecret } from '../../domain/apps/app-secret.ts'
import { type OwnNames, ownNamesIn } from '../../domain/apps/own-names.ts'
import { faultsOf } from '../../domain/apps/registration-rules.ts'
import {
  type AppSecret,
  isInteractive,
  isUnasked,
  needsPkce,
  refreshTokenLifetime,
  type TrustedApplication,
} from '../../domain/apps/trusted-application.ts'
import { unwiseAddresses } from '../../domain/apps/uri-leave.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { DAY } from '../../lib/time/clock.ts'
import type { AppFinding } from './count-apps.ts'
import { type Finding, fine, warning } from './finding.ts'

const LONGEST_SECRET = 365 * DAY
const SOON = 30 * DAY

interface Around {
  /** What the server calls its own. */
  readonly own: OwnNames
  /** The ids of secrets that no master key opens. */
  readonly lostSecrets: readonly string[]
}

/**
 * What is wrong or unwise about an app's settings and secrets.
 * @param now milliseconds since 1970
 */
export function examineApp(app: TrustedApplication, { own, lostSecrets }: Around, now: number): AppFinding[] {
  const check = `app ${app.applicationUri}`
  const findings = [
    ...brokenRules(check, app, own),
    ...unwiseAttributes(check, app),
    ...agedSecrets(check, app, now),
    ...secretsNotOpening(check, app, lostSecrets, now),
  ]
  const all = findings.length > 0 ? findings : [fine(check, app.isEnabled ? 'nothing to fix' : 'disabled')]
  return all.map((finding) => ({ ...finding, app: app.applicationUri }))
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
      'a stolen code can be used without PKCE (see first that its library sends code_challenge)',
      update('--set RequirePkce=true'),
    ],
    [
      frontChannel.length > 0,
      `access tokens pass through the browser (${frontChannel.join(', ')})`,
      update(`--set ${shellWord(`ResponseTypes=${withoutFrontChannel(app).join(',')}`)}`),
    ],
    [
      isInteractive(app) && isUnasked(app),
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
  const addresses = unwiseAddresses(app).map((told) => [true, told, unwiseAddressFix(app, told)] as const)
  return [...findings, ...addresses]
    .filter(([holds]) => app.isEnabled && holds)
    .map(([, found, fix]) => warning(check, found, fix))
}

/** The app must move first: what it is registered with is what it sends. */
function unwiseAddressFix(app: TrustedApplication, told: string): string {
  const [uri = ''] = told.split(' ')
  const flag = app.impersonateLoginUrl.includes(uri) ? 'redirect-uri' : 'logout-uri'
  const name = shellWord(app.applicationUri)
  return `let the app use another address, and then: tessera app update ${name} --add-${flag} NEW --remove-${flag} ${shellWord(uri)}`
}

const withoutFrontChannel = ({ responseTypes }: TrustedApplication): readonly string[] => {
  const kept = responseTypes.filter((type) => !answersWith(type, 'token'))
  return kept.length > 0 ? kept : ['code']
}

const removing = ({ applicationUri }: TrustedApplication, id: string): string =>
  `tessera app remove-secret ${shellWord(applicationUri)} ${shellWord(id)}`

/** The one of which it is least likely that the app still sends it. */
const leastUsed = (live: readonly AppSecret[]): AppSecret | undefined =>
  live.toSorted((a, b) => (a.lastUsedAt ?? 0) - (b.lastUsedAt ?? 0) || a.createdAt - b.createdAt)[0]

const isInUse = ({ lastUsedAt }: AppSecret, now: number): boolean => lastUsedAt !== undefined && now - lastUsedAt < SOON

/** An app has room for two; what makes room comes first, and is no secret that somebody sends. */
function replacing(app: TrustedApplication, live: readonly AppSecret[], now: number): string {
  const rotate = `tessera app rotate-secret ${shellWord(app.applicationUri)} --overlap 7d`
  const spare = live.length < MOST_VALID_SECRETS ? undefined : leastUsed(live)
  if (spare === undefined) return rotate
  const remove = removing(app, spare.id)
  return isInUse(spare, now)
    ? `both of its secrets are in use: let all its deployments send the other one, and then: ${remove}`
    : `${remove} && ${rotate}`
}

function agedSecrets(check: string, app: TrustedApplication, now: number): Finding[] {
  const rotating = `tessera app rotate-secret ${shellWord(app.applicationUri)}`
  // Its keys prove it; a secret is good for nothing there.
  if (app.clientType === 'Confidential' && !provesItselfBySecret(app)) return []
  const live = app.secrets.filter((secret) => isValidSecret(secret, now))
  if (app.clientType === 'Confidential' && app.isEnabled && live.length === 0)
    return [warning(check, 'it has no valid secret', rotating)]
  const lastingFor = ({ expiresAt }: AppSecret): number => (expiresAt ?? Number.POSITIVE_INFINITY) - now
  const rotate = replacing(app, live, now)
  const lasting = Math.max(...live.map(lastingFor))
  const aged = live.filter((secret) => now - secret.createdAt > LONGEST_SECRET && lastingFor(secret) > SOON)
  const [oldest] = aged
  if (oldest) {
    const days = Math.floor((now - Math.min(...aged.map(({ createdAt }) => createdAt))) / DAY)
    const names = aged.map(({ label, id }) => label ?? id).join(' and ')
    const isSpare = live.length === MOST_VALID_SECRETS && aged.length === 1 && leastUsed(live)?.id === oldest.id
    const isIdle = !isInUse(oldest, now)
    return [
      warning(check, `the secret ${names} is ${days} days old`, isSpare && isIdle ? removing(app, oldest.id) : rotate),
    ]
  }
  return live.length > 0 && lasting < SOON
    ? [warning(check, `its last secret ends in ${Math.ceil(lasting / DAY)} days`, rotate)]
    : []
}

/** Apps make MACs with them that nobody can verify; a secret that counts is not ended together with them. */
function secretsNotOpening(check: string, app: TrustedApplication, lost: readonly string[], now: number): Finding[] {
  const hasAnother = app.secrets.some((secret) => isValidSecret(secret, now) && !lost.includes(secret.id))
  return app.secrets
    .filter(({ id }) => lost.includes(id))
    .map((secret) =>
      warning(
        check,
        `the secret ${secret.id} does not open under any master key at hand`,
        hasAnother || !isValidSecret(secret, now)
          ? removing(app, secret.id)
          : `tessera app rotate-secret ${shellWord(app.applicationUri)}`,
      ),
    )
}
