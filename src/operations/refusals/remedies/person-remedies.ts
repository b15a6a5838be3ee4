import { isOpenToThisDevice } from '../../../domain/protocol/redirect-uri.ts'
import { shellWord } from '../../../lib/text/shell.ts'
import { ADMITTED_BY, revive, SIGN_IN_AGAIN } from './ended-remedy.ts'
import { developer, type Facts, inTheApp, type Remedies, type Remedy, update } from './remedy.ts'

/** Adds a scope to the record where an API has it; else the app asks for one that exists. */
function registerScope({ registered: { app, apiScopes }, refusal: { detail }, uri, nearest }: Facts): Remedy {
  const scope = String(detail['scope'] ?? '')
  const instead = inTheApp(
    nearest === undefined ? `do not ask for ${scope}` : `ask for ${nearest} in place of ${scope}`,
  )
  const add = update(uri, `Scope=${[...(app?.scope ?? []), scope].join(' ')}`)
  if (apiScopes.includes(scope)) return { fix: add, otherwise: instead }
  return { fix: instead, otherwise: `no API resource has the scope ${scope}; once one has it: ${add}` }
}

function admit({ refusal: { detail }, uri }: Facts): Remedy {
  const attribute = ADMITTED_BY[String(detail['user_type'])]
  const asPerson = 'the person signs in with an account of their own; a System User never signs in'
  return attribute === undefined
    ? { fix: asPerson }
    : { fix: update(uri, attribute), expected: attribute.replace('=', ' ') }
}

/** The login of the person as a word of a command. */
const loginOf = ({ registered: { user }, sent }: Facts): string => shellWord(user ?? (sent || 'LOGIN'))

const setPassword = (facts: Facts): string => `tessera user set-password ${loginOf(facts)} --generate-password`

/** Mostly a typing error; where it is none, the account is to be made. What was typed at the sign-in page is not kept. */
function knowThePerson(facts: Facts): Remedy {
  const { nearest, sent } = facts
  const expected = 'the login or e-mail of an account'
  const list = 'the person enters the login or e-mail of an account; tessera user list shows them'
  const add = `tessera user add ${loginOf(facts)} --generate-password`
  if (sent === '' || sent.startsWith('-')) return { expected, fix: list }
  return nearest === undefined
    ? { expected, fix: add, otherwise: 'tessera user list shows everybody' }
    : { expected, fix: `name ${nearest}`, otherwise: `where it is somebody else: ${add}` }
}

/** Of a Public app that answers are sent to on the person's own device. @see RFC 8252 §8.6 */
function beginWithPage({ registered: { app } }: Facts): Remedy {
  const claimed = app?.impersonateLoginUrl.find((uri) => !isOpenToThisDevice(uri))
  return {
    fix: inTheApp('on consent_required, begin again without prompt=none; keep people signed in with a refresh token'),
    otherwise:
      claimed === undefined
        ? 'at a redirect URI with https, of a host that belongs to the app, nobody is asked again'
        : inTheApp(`send redirect_uri=${claimed}, where nobody is asked again`),
    expected: 'a request that may show the consent page',
  }
}

const begin = developer('begin the sign-in again at /connect/authorize')

/** What to do about scopes, and about the person in front of the browser. */
export const PERSON_REMEDIES = {
  'scope-missing': developer('send scope, with openid to learn who signed in and API scopes to act for them'),
  'scope-malformed': developer('send scope names with single spaces between', 'names with single spaces between'),
  'scope-repeated': developer('name each scope once', 'each scope once'),
  'scope-unregistered': registerScope,
  'scope-for-people': ({ registered: { app } }) => ({
    fix: inTheApp('ask for API scopes alone, or leave scope out for all of them'),
    expected: app?.scope.join(' ') ?? '',
  }),
  'scope-widened': ({ refusal: { detail } }) => ({
    fix: inTheApp(`ask for ${detail['scope']} at sign-in; a refresh can only narrow what was granted`),
  }),
  'openid-missing': developer('add openid to scope', 'openid'),
  'sign-in-required': developer('on login_required, begin again without prompt=none', 'a live sign-in session'),
  'other-person-signed-in': developer('leave id_token_hint out, or send prompt=login for the person it names'),
  'person-unknown': knowThePerson,
  'person-disabled': (facts) => ({ fix: `tessera user enable ${loginOf(facts)}`, expected: 'an enabled account' }),
  'person-without-password': (facts) => ({ fix: setPassword(facts), expected: 'an account with a password' }),
  'person-is-system-user': () => ({
    fix: 'the person signs in with an account of their own; a System User never signs in',
    expected: 'an account of type InternalUser or ExternalCommunityUser',
  }),
  'password-wrong': (facts) => ({
    fix: 'the person enters the right password',
    otherwise: `where it is forgotten: ${setPassword(facts)}`,
    expected: 'the password of the account',
  }),
  'sign-in-throttled': (facts) => ({
    fix: 'the person waits as long as the page says',
    otherwise: `to let them in at once: tessera user unlock ${loginOf(facts)}`,
    expected: 'fewer failed attempts',
  }),
  'person-locked': (facts) => ({
    fix: `tessera user unlock ${loginOf(facts)}`,
    otherwise: `to give them a new password: ${setPassword(facts)}`,
    expected: 'fewer failed attempts in a row',
  }),
  'sign-in-incomplete': () => ({
    fix: 'the person enters both, the login or e-mail and the password',
    expected: 'a login and a password',
  }),
  'person-not-admitted': admit,
  'picture-missing': () => ({
    fix: 'where the person should have one, set picture in a configuration file or with PATCH /manage/api/v1/users/{user}',
    expected: 'a record with a picture',
  }),
  'community-user-api-scope': developer(
    'for community users ask for openid, profile and the like alone; only internal users get API scopes',
  ),
  'consent-required': ({ uri }) => ({
    fix: inTheApp('on consent_required, begin again without prompt=none'),
    otherwise: `for an app that everybody may trust: ${update(uri, 'RequireConsent=false')}`,
    expected: 'a consent that covers every scope',
  }),
  'consent-each-time': beginWithPage,
  'consent-denied': developer('respect the no; the person may begin again', 'a person who agrees'),
  'interaction-invalid': begin,
  'interaction-expired': begin,
  'interaction-elsewhere': () => ({
    fix: "the person begins again in the app, with this server's cookies allowed, and stays in one browser",
  }),
  'interaction-completed': begin,
  'form-foreign': () => ({ fix: 'the person goes back, reloads the page and sends it again' }),
  'signed-out-since': () => ({ fix: 'the person signs in again' }),
  'grant-ended': revive(() => ({ fix: SIGN_IN_AGAIN })),
} as const satisfies Remedies
