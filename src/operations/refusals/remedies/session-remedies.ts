import { shellWord } from '../../../lib/text/shell.ts'
import { developer, type Remedies } from './remedy.ts'

/** What to do about API sessions and licence slots. */
export const SESSION_REMEDIES = {
  'token-without-api': developer(
    'ask for an API scope with the token; without one it is only good for userinfo',
    'an access token for an API',
  ),
  'token-of-another-api': ({ uri, refusal: { detail } }) => ({
    fix: 'let the callers ask for a token for an API that this app serves, with its identifier as resource',
    otherwise: `only if the app serves ${detail['api'] ?? 'that API'}: tessera resource update ${shellWord(String(detail['api'] ?? 'ID'))} --resource-server ${uri}`,
    expected: 'a token for an API that the app serves, or one issued to the app itself',
  }),
  'licence-slots-full': () => ({
    fix: 'tessera license set --slots N, with more slots than tessera license show prints',
    otherwise: 'tessera session list shows who occupies them, and to free one: tessera session end ID',
    expected: 'a free licence slot',
  }),
  'app-serves-no-api': ({ uri }) => ({
    fix: `if this app serves an API: tessera resource update ID --resource-server ${uri}`,
    otherwise: 'tessera resource list shows the ID of every API',
    expected: 'an app that serves an API',
  }),
} as const satisfies Remedies
