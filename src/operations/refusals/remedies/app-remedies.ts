import { scopesOf } from '../../../domain/access/api-resource.ts'
import { actsAlone, isInteractive } from '../../../domain/apps/trusted-application.ts'
import { isOpenToThisDevice } from '../../../domain/protocol/redirect-uri.ts'
import { whyUnregistrable } from '../../../domain/protocol/registrable-uri.ts'
import { ADMINISTRATION_SCOPE, apiScopesOf } from '../../../domain/protocol/scope.ts'
import { shellWord } from '../../../lib/text/shell.ts'
import { developer, type Facts, inTheApp, type Remedies, type Remedy, rotate, update } from './remedy.ts'

/** The login of the System User where there is one alone. */
const loneOf = ({ systemUsers }: Facts['registered']): string =>
  shellWord(systemUsers.length === 1 ? (systemUsers[0] ?? '') : 'LOGIN')

/** What the request looks like, as the flags of a registration. */
function shapeOf({ refusal: { parameters }, registered }: Facts): string {
  const { redirect_uri: redirectUri, grant_type: grantType } = parameters
  if (grantType === 'client_credentials') return `--service --system-user ${loneOf(registered)}`
  // What no record can hold is for people to replace.
  const native = { schemes: 'of a domain', plainHttp: 'never' } as const
  if (redirectUri === undefined || whyUnregistrable(redirectUri, native) !== undefined)
    return '--web --redirect-uri URI'
  return `${isOpenToThisDevice(redirectUri) ? '--spa' : '--web'} --redirect-uri ${shellWord(redirectUri)}`
}

/** An app nobody registered: mostly a typing error, or an app of another name, else one that is new. */
function knowTheApp(facts: Facts): Remedy {
  const { nearest, uri, registered, refusal } = facts
  const { redirect_uri: redirectUri, scope } = refusal.parameters
  const asked = apiScopesOf(scope?.split(' ') ?? []).filter((name) => scopesOf(registered.resources).includes(name))
  const scopeFlag = asked.length > 0 ? ` --scope ${shellWord(asked.join(' '))}` : ''
  const register = `tessera app register ${uri} ${shapeOf(facts)}${scopeFlag}`
  const expected = 'the ApplicationUri of a registered app'
  const known = nearest ?? (registered.appsAt.length === 1 ? registered.appsAt[0] : undefined)
  const why = registered.appsAt.some((one) => one === known) ? ', with which this redirect URI is registered' : ''
  const send = inTheApp(
    known === undefined
      ? 'send the client_id of a registered app; tessera app list shows them'
      : `send client_id=${known}${why}`,
  )
  // What looks like a flag can be no ApplicationUri, and has no place in a command.
  if ([uri, redirectUri].some((word) => word?.startsWith('-'))) return { expected, fix: send }
  const otherwise = `if it is a ${known === undefined ? 'new' : 'different'} app of yours: ${register}`
  return { expected, fix: send, otherwise }
}

const giveSecret = (uri: string): string =>
  `${update(uri, 'ClientType=Confidential')} && tessera app rotate-secret ${uri}`

function makeItAnApp({ uri }: Facts): Remedy {
  return {
    fix: giveSecret(uri),
    otherwise: `for an app that cannot keep a secret: ${update(uri, 'ClientType=Public')}`,
    expected: 'ClientType Confidential or Public',
  }
}

/** A service has no people, so that nothing is to be registered; another app is switched on for them. */
function admitPeople({ uri, registered: { app }, refusal: { parameters } }: Facts): Remedy {
  if (app && actsAlone(app)) {
    const what = parameters['grant_type'] === 'refresh_token' ? 'a refresh token' : 'a code'
    return {
      fix: inTheApp(
        `ask for a token of the app itself with grant_type=client_credentials; ${what} is for the app alone that the person signed in to`,
      ),
    }
  }
  return {
    fix: update(uri, 'ImpersonateAsInternalUserAllowed=true'),
    otherwise: `only if the app is for community users: ${update(uri, 'ImpersonateAsCommunityUserAllowed=true')}`,
  }
}

/** What only an app with a secret may do is never for a program on somebody's device: another app does it. */
function leaveToServer({ refusal: { parameters }, registered }: Facts): Remedy {
  if (parameters['grant_type'] === 'client_credentials')
    return {
      fix: inTheApp(
        'use the token of the person who signed in; what happens without a person is for a service on a server, which is an app of its own',
      ),
      otherwise: `for the service: tessera app register SERVICE-URI --service --system-user ${loneOf(registered)}`,
    }
  return {
    fix: inTheApp(
      'do not ask: expires_in says how long the token is valid, and a 401 of the API that it ended; whether it is valid is for the API to ask, as a Confidential app',
    ),
    // It only asks about tokens, and gets none of its own.
    otherwise:
      'for the API, an app of its own: tessera app register API-URI --service --set SystemUserAllowed=false && tessera resource update API-ID --resource-server API-URI',
  }
}

/** The attributes that give an app a System User, with the login where only one can be meant. */
function nameSystemUser({ uri, registered }: Facts): Remedy {
  const { systemUser, systemUsers } = registered
  const login = systemUser ?? (systemUsers.length === 1 ? systemUsers[0] : undefined)
  const make = 'tessera user add LOGIN --type SystemUserNoLogin'
  const attributes = ['SystemUserAllowed=true', ...(systemUser === undefined ? [`SystemUser=${login ?? 'LOGIN'}`] : [])]
  return {
    fix: update(uri, ...attributes),
    otherwise: login === undefined ? `to create a System User for it: ${make}` : undefined,
  }
}

/** Whether an app of people is to act on its own is for people to decide: mostly it has the token of one of them. */
function actForPeople(facts: Facts): Remedy {
  const { app } = facts.registered
  if (!app || !isInteractive(app)) return nameSystemUser(facts)
  return {
    fix: inTheApp('use the token of the person who signed in, with grant_type=authorization_code'),
    otherwise: `only if the app is to act on its own too: ${nameSystemUser(facts).fix}`,
  }
}

/** Whether an app may administer is for people to decide, never for a command that is pasted. */
function letAdminister({ uri, registered: { app } }: Facts): Remedy {
  const scope = [...new Set([...(app?.scope ?? []), ADMINISTRATION_SCOPE])].join(' ')
  return {
    fix: inTheApp('call the administration API with an app that may administer the instance'),
    otherwise: `only if this app is to administer the instance: ${update(uri, 'AdministrationAllowed=true', `Scope=${scope}`)}`,
    expected: `an app with AdministrationAllowed true, and the scope ${ADMINISTRATION_SCOPE}`,
  }
}

/** What to do about who the app is and what its record allows it. */
export const APP_REMEDIES = {
  'app-unknown': knowTheApp,
  'app-disabled': ({ uri }) => ({ fix: `tessera app enable ${uri}`, expected: 'IsEnabled true' }),
  'app-is-note': makeItAnApp,
  'client-id-missing': developer('send client_id, or an Authorization: Basic header', 'client_id'),
  'credentials-swapped': developer('send the ApplicationUri as client_id and the secret as client_secret'),
  'administration-app-unmarked': letAdminister,
  'administration-scope-missing': (facts) =>
    facts.registered.app?.administrationAllowed === true && facts.registered.app.scope.includes(ADMINISTRATION_SCOPE)
      ? { fix: inTheApp(`ask for the scope ${ADMINISTRATION_SCOPE}`), expected: `the scope ${ADMINISTRATION_SCOPE}` }
      : letAdminister(facts),
  'administration-token-shared': developer('ask for a token for the instance only, with its API as resource'),
  'administration-user-no-administrator': developer('let an administrator of the instance sign in (tessera user list)'),
  'client-id-differs': developer('send client_id only once, in the header or in the body'),
  'credentials-sent-twice': developer('send one of the Authorization header, client_secret and client_assertion'),
  'basic-header-malformed': developer(
    'send "Authorization: Basic " and the base64 of client_id:client_secret, after form-url-encoding both',
    'Basic base64(client_id:client_secret)',
  ),
  'authorization-header-repeated': developer('send one Authorization header; a proxy may have added the other one'),
  'secret-missing': ({ uri }) => ({
    fix: inTheApp('send the client secret, in an Authorization: Basic header or as client_secret'),
    otherwise: `if it is lost: ${rotate(uri)}`,
    expected: 'client_secret_basic or client_secret_post',
  }),
  'secret-wrong': ({ uri }) => ({
    fix: "in the app's configuration: enter the secret of this app, without spaces or quotes around it",
    otherwise: `if it is lost: ${rotate(uri)}`,
    expected: 'a valid secret of the app',
  }),
  'secret-expired': ({ uri, registered: { app } }) => ({
    ...(app?.secrets.some(({ expiresAt }) => expiresAt === undefined)
      ? {
          fix: "in the app's configuration: enter the newer secret, which is valid",
          otherwise: `if it is lost: ${rotate(uri)}`,
        }
      : { fix: rotate(uri), otherwise: "in the app's configuration: enter the newer secret, if there is one" }),
    expected: 'a secret that has not expired',
  }),
  'secret-not-registered': ({ uri }) => ({
    fix: `tessera app rotate-secret ${uri}`,
    expected: 'a secret, which the record does not have',
  }),
  'secret-sent-by-public-app': ({ uri }) => ({
    fix: inTheApp('send only client_id, without a secret or an Authorization header'),
    otherwise: `only if it runs on a server, which can keep a secret: ${giveSecret(uri)}`,
    expected: 'no client authentication (ClientType Public)',
  }),
  'confidential-app-needed': leaveToServer,
  'sign-in-not-allowed': admitPeople,
  'system-user-not-allowed': actForPeople,
  'system-user-missing': nameSystemUser,
  'system-user-disabled': ({ registered }) => ({
    fix: `tessera user enable ${shellWord(registered.systemUser ?? 'LOGIN')}`,
  }),
} as const satisfies Remedies
