import { developer, inTheApp, type Remedies, trusting } from './remedy.ts'

const NEW_TOKEN = 'tessera registration token create --label LABEL --uses 1'

/** What to do about apps that register themselves. */
export const REGISTRATION_REMEDIES = {
  'initial-token-missing': () => ({
    fix: NEW_TOKEN,
    otherwise: inTheApp('send the initial access token as Authorization: Bearer'),
    expected: 'an initial access token',
  }),
  'initial-token-bad': () => ({
    fix: NEW_TOKEN,
    otherwise: 'tessera registration token list shows which have expired or are used up',
    expected: 'a valid initial access token',
  }),
  'registration-token-bad': developer(
    'send the registration_access_token from the registration; if it is lost, register again',
    'the registration access token of this app',
  ),
  'registration-redirect-uri': developer('register https redirect URIs, or loopback ones for a native app'),
  'registration-metadata': developer('send client metadata that this server can keep (RFC 7591)'),
  'registration-sector': (facts) =>
    trusting(facts, 'a JSON array') ??
    developer('list every redirect URI in the JSON array at sector_identifier_uri')(),
  'registration-too-often': () => ({
    fix: NEW_TOKEN,
    otherwise: 'TESSERA_REGISTRATION_HOURLY sets how many apps an address may register per hour',
    expected: 'fewer registrations, or one with an initial access token, which does not count',
  }),
  'registration-fetched-too-often': developer(
    'list every redirect URI in the JSON array at sector_identifier_uri, then register again after the time in Retry-After',
    'fewer registrations that fail',
  ),
  'registration-changed-too-often': () => ({
    fix: inTheApp('change the registration only when something about the app has changed'),
    otherwise:
      'TESSERA_REGISTRATION_HOURLY sets how often an address may change registrations that were made without an initial access token',
    expected: 'fewer changes of registrations',
  }),
  'registrations-full': () => ({
    fix: 'tessera app remove APP, for apps that nobody uses; tessera app list shows all of them',
    otherwise:
      'TESSERA_REGISTRATION_MOST sets how many there may be, and TESSERA_REGISTRATION_UNUSED removes unused ones',
    expected: 'fewer self-registered apps',
  }),
} as const satisfies Remedies
