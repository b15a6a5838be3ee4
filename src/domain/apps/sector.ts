import type { AppRegistration } from './trusted-application.ts'

/** Apps of one sector know a person by the same `sub`; without one it is the same at all public apps. */
export type Sector = string | undefined

/** The host that a URI is at. In a private-use URI whatever stands there is none: anybody may write it. @see RFC 8252 §7.1 */
export const hostOf = (uri: string): string | undefined =>
  /^https?:/i.test(uri) && URL.canParse(uri) ? new URL(uri).hostname : undefined

/** The sector of a pairwise app; `undefined` for a public one. @see OIDC Core §8.1 */
export function sectorOf(
  app: Pick<AppRegistration, 'applicationUri' | 'subjectType' | 'sectorIdentifierUri' | 'impersonateLoginUrl'>,
): Sector {
  if (app.subjectType === 'public') return undefined
  const [host] = [app.sectorIdentifierUri ?? app.impersonateLoginUrl].flat().flatMap((uri) => hostOf(uri) ?? [])
  // One without any shares its sector with no other app.
  return host ?? app.applicationUri
}
