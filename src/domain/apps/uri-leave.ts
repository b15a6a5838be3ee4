import type { UriLeave } from '../protocol/registrable-uri.ts'
import { whyUnwise } from '../protocol/registrable-uri.ts'
import type { AppRegistration } from './trusted-application.ts'

type Decisive = Pick<AppRegistration, 'clientType' | 'selfRegistered' | 'insecureRedirectsAllowed'>

/** What the redirect URIs of an app may be; where nobody vouched for it, only what can belong to it alone. */
export const uriLeaveOf = ({ clientType, selfRegistered, insecureRedirectsAllowed }: Decisive): UriLeave => ({
  schemes: clientType !== 'Public' ? 'none' : selfRegistered ? 'of a domain' : 'any',
  plainHttp: selfRegistered ? 'never' : insecureRedirectsAllowed ? 'private' : 'off',
})

/** What is possible and unwise about the addresses of an app; each sentence begins with the address. */
export const unwiseAddresses = (app: AppRegistration): string[] => {
  const listed = [...new Set([...app.impersonateLoginUrl, ...app.impersonateLogoutUrl])]
  return listed.flatMap((uri) => {
    const reason = URL.canParse(uri) ? whyUnwise(uri) : undefined
    return reason === undefined ? [] : [`${uri} ${reason}`]
  })
}
