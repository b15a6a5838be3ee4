import { isOpenToThisDevice } from '../../../domain/protocol/redirect-uri.ts'
import { shellWord } from '../../../lib/text/shell.ts'
import { ADMITTED_BY, revive, SIGN_IN_AGAIN } from './ended-remedy.ts'
import { developer, type Facts, inTheApp, type Remedies, type Remedy, update } from './remedy.ts'

function admit({ refusal: { detail }, uri }: Facts): Remedy {
  const attribute = ADMITTED_BY[String(detail['user_type'])]
  const asPerson = 'let the person sign in with their own account; a System User never signs in'
  if (attribute === undefined) return { fix: asPerson }
  const expected = attribute.replace('=', ' ')
  // Whether outsiders may use an app of the house is for people to decide, never for a command that is pasted.
  return detail['user_type'] === 'ExternalCommunityUser'
    ? {
        fix: 'let an internal user sign in',
        otherwise: `only if the app is for community users too: ${update(uri, attribute)}`,
        expected,
      }
    : { fix: update(uri, attribute), expected }
}

/** The login of the person as a word of a command. */
const loginOf = ({ registered: { user }, sent }: Facts): string => shellWord(user ?? (sent || 'LOGIN'))

const setPassword = (facts: Facts): string => `tessera user set-password ${loginOf(facts)} --generate-password`

/** Mostly a typing error; where it is none, the account is to be made. What was typed at the sign-in page is not kept. */
function knowThePerson(facts: Facts): Remedy {
  const { nearest, sent } = facts
  const expected = 'the login or e-mail of an account'
  const list = 'let the person enter the login or e-mail of an account; tessera user list shows them'
  const add = `tessera user add ${loginOf(facts)} --generate-password`
  if (sent === '' || sent.startsWith('-')) return { expected, fix: list }
  return nearest === undefined
    ? { expected, fix: add, otherwise: 'tessera user list shows everybody' }
    : { expected, fix: `use ${nearest}`, otherwise: `if it is somebody else: ${add}` }
}

/** Of a Public app that answers are sent to on the person's own device. @see RFC 8252 §8.6 */
function beginWithPage({ registered: { app } }: Facts): Remedy {
  const claimed = app?.impersonateLoginUrl.find((uri) => !isOpenToThisDevice(uri))
  return {
    fix: inTheApp('on consent_required, begin again without prompt=none; keep people signed in with a refresh token'),
    otherwise:
      claimed === undefined
        ? 'with an https redirect URI on a host that belongs to the app, nobody is asked again'
        : inTheApp(`send redirect_uri=${claimed}, with which nobody is asked again`),
    expected: 'a request that may show the consent page',
  }
}

const begin = developer('begin the sign-in again at /connect/authorize')

/** What to do about the person in front of the browser. */
export const PERSON_REMEDIES = {
  'sign-in-required': developer('on login_required, begin again without prompt=none', 'a live sign-in session'),
  'other-person-signed-in': developer('omit id_token_hint, or send prompt=login for the person it names'),
  'person-unknown': knowThePerson,
  'person-disabled': (facts) => ({ fix: `tessera user enable ${loginOf(facts)}`, expected: 'an enabled account' }),
  'person-without-password': (facts) => ({ fix: setPassword(facts), expected: 'an account with a password' }),
  'person-is-system-user': () => ({
    fix: 'let the person sign in with their own account; a System User never signs in',
    expected: 'an account of type InternalUser or ExternalCommunityUser',
  }),
  'password-wrong': (facts) => ({
    fix: 'let the person enter the right password',
    otherwise: `if it is forgotten: ${setPassword(facts)}`,
    expected: 'the password of the account',
  }),
  'sign-in-throttled': (facts) => ({
    fix: 'let the person wait as long as the page says',
    otherwise: `to let them in at once: tessera user unlock ${loginOf(facts)}`,
    expected: 'fewer failed attempts',
  }),
  'person-locked': (facts) => ({
    fix: `tessera user unlock ${loginOf(facts)}`,
    otherwise: `to give them a new password: ${setPassword(facts)}`,
    expected: 'fewer failed attempts in a row',
  }),
  'sign-in-incomplete': () => ({
    fix: 'let the person enter both login (or e-mail) and password',
    expected: 'a login and a password',
  }),
  'person-not-admitted': admit,
  'picture-missing': ({ refusal: { detail }, registered: { user } }) =>
    detail['missing'] === undefined
      ? {
          fix: `if the person should have one: tessera user update ${shellWord(user ?? 'LOGIN')} --picture URL`,
          expected: 'a record with a picture',
        }
      : { fix: inTheApp(`ask for ${detail['missing']} at the sign-in`), expected: 'an access token with profile' },
  'community-user-api-scope': developer(
    'for community users ask only for openid, profile and the like; only internal users get API scopes',
  ),
  'community-user-scope-missing': developer(
    'send scope with openid, and profile and the like as needed: without scope the request is for API scopes',
    'openid',
  ),
  'consent-required': ({ uri }) => ({
    fix: inTheApp('on consent_required, begin again without prompt=none'),
    otherwise: `for an app that everybody trusts: ${update(uri, 'RequireConsent=false')}`,
    expected: 'a consent that covers every scope',
  }),
  'consent-each-time': beginWithPage,
  'consent-denied': developer('respect the refusal; the person can begin again', 'a person who agrees'),
  'sign-in-cancelled': developer('respect the refusal; the person can begin again', 'a person who signs in again'),
  'interaction-invalid': begin,
  'interaction-expired': begin,
  'interaction-elsewhere': () => ({
    fix: 'let the person begin again in the app, and stay in one browser',
  }),
  'cookies-blocked': () => ({
    fix: "let the person allow this server's cookies in the browser, and begin again in the app",
    otherwise: 'if everybody meets this: look whether a proxy on the way takes Set-Cookie out of answers',
  }),
  'interaction-completed': begin,
  'form-foreign': () => ({ fix: 'let the person go back, reload the page and send it again' }),
  'signed-out-since': () => ({ fix: 'let the person sign in again' }),
  'grant-ended': revive(() => ({ fix: SIGN_IN_AGAIN })),
} as const satisfies Remedies
