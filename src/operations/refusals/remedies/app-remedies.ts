import { shellWord } from '../../../lib/text/shell.ts'
import { developer, type Facts, inTheApp, type Remedies, type Remedy, update } from './remedy.ts'

/** With an overlap, so that what still works goes on working. */
const rotate = (uri: string): string => `tessera app rotate-secret ${uri} --overlap 7d`

/** An app nobody registered: mostly a typing error, else the command that registers what the request looks like. */
function knowTheApp({ nearest, uri, refusal: { parameters } }: Facts): Remedy {
  const { redirect_uri: redirectUri, scope, grant_type: grantType } = parameters
  const shape =
    grantType === 'client_credentials'
      ? '--service --system-user LOGIN'
      : `--web --redirect-uri ${redirectUri === undefined ? 'URI' : shellWord(redirectUri)}`
  const apiScope = scope
    ?.split(' ')
    .filter((name) => !/^(openid|profile|email|phone|address|offline_access)$/.test(name))
  const asked = apiScope?.length ? ` --scope ${shellWord(apiScope.join(' '))}` : ''
  const register = `tessera app register ${uri} ${shape}${asked}`
  const expected = 'the ApplicationUri of a registered app'
  // What looks like a flag can be no ApplicationUri, and has no place in a command.
  if ([uri, redirectUri].some((word) => word?.startsWith('-')))
    return { expected, fix: inTheApp('send the client_id of a registered app; tessera app list shows them') }
  return nearest === undefined
    ? {
        expected,
        fix: register,
        otherwise: inTheApp('send the client_id of a registered app; tessera app list shows them'),
      }
    : { expected, fix: inTheApp(`send client_id=${nearest}`), otherwise: `if it is a different app: ${register}` }
}

function makeItAnApp({ uri }: Facts): Remedy {
  return {
    fix: update(uri, 'ClientType=Confidential'),
    otherwise: `for an app that cannot keep a secret: ${update(uri, 'ClientType=Public')}`,
    expected: 'ClientType Confidential or Public',
  }
}

function admitPeople({ uri }: Facts): Remedy {
  return {
    fix: update(uri, 'ImpersonateAsInternalUserAllowed=true'),
    otherwise: `for community users: ${update(uri, 'ImpersonateAsCommunityUserAllowed=true')}`,
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

/** What to do about who the app is and what its record allows it. */
export const APP_REMEDIES = {
  'app-unknown': knowTheApp,
  'app-disabled': ({ uri }) => ({ fix: `tessera app enable ${uri}`, expected: 'IsEnabled true' }),
  'app-is-note': makeItAnApp,
  'client-id-missing': developer('send client_id, or an Authorization: Basic header', 'client_id'),
  'credentials-swapped': developer('send the ApplicationUri as client_id and the secret as client_secret'),
  // Whether an app may administer is for people to decide, never for a command that is pasted.
  'administration-app-unmarked': ({ uri }) => ({
    fix: inTheApp('call the administration API with an app that may administer the instance'),
    otherwise: `only if this app is to administer the instance: ${update(uri, 'AdministrationAllowed=true')}`,
    expected: 'an app with AdministrationAllowed true',
  }),
  'administration-scope-missing': developer('ask for the scope sec', 'the scope sec'),
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
    otherwise: `if the secret is lost: ${rotate(uri)}`,
    expected: 'client_secret_basic or client_secret_post',
  }),
  'secret-wrong': ({ uri }) => ({
    fix: rotate(uri),
    otherwise: "in the app's configuration: enter the right secret, without spaces or quotes around it",
    expected: 'a valid secret of the app',
  }),
  'secret-expired': ({ uri }) => ({
    fix: rotate(uri),
    otherwise: "in the app's configuration: enter the newer secret, if there is one",
    expected: 'a secret that has not expired',
  }),
  'secret-not-registered': ({ uri }) => ({
    fix: `tessera app rotate-secret ${uri}`,
    expected: 'a secret, which the record does not have',
  }),
  'secret-sent-by-public-app': ({ uri }) => ({
    fix: inTheApp('send only client_id, without a secret or an Authorization header'),
    otherwise: `for an app that can keep a secret: ${update(uri, 'ClientType=Confidential')}`,
    expected: 'no client authentication (ClientType Public)',
  }),
  'confidential-app-needed': ({ uri }) => ({
    fix: update(uri, 'ClientType=Confidential'),
    otherwise: `then give it a secret: tessera app rotate-secret ${uri}`,
  }),
  'sign-in-not-allowed': admitPeople,
  'system-user-not-allowed': nameSystemUser,
  'system-user-missing': nameSystemUser,
  'system-user-disabled': ({ registered }) => ({
    fix: `tessera user enable ${shellWord(registered.systemUser ?? 'LOGIN')}`,
  }),
} as const satisfies Remedies
