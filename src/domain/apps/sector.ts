import type { AppRegistration } from './trusted-application.ts'

/** Apps of one sector know a person by the same `sub`; without one it is the same at all public apps. */
export type Sector = string | undefined

/** The hosts these URIs are at, each once; a private-use scheme has none. */
export const hostsOf = (uris: readonly string[]): string[] => [
  ...new Set(uris.map((uri) => (URL.canParse(uri) ? new URL(uri).hostname : '')).filter((host) => host !== '')),
]

/** The sector of a pairwise app; `undefined` for a public one. @see OIDC Core §8.1 */
export function sectorOf(
  app: Pick<AppRegistration, 'applicationUri' | 'subjectType' | 'sectorIdentifierUri' | 'impersonateLoginUrl'>,
): Sector {
  if (app.subjectType === 'public') return undefined
  const [host] = hostsOf(app.sectorIdentifierUri === undefined ? app.impersonateLoginUrl : [app.sectorIdentifierUri])
  // One that nobody signs in to has no host and shares its sector with no other app.
  return host ?? app.applicationUri
}
