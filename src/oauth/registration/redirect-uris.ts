import { isLoopbackHost } from '../../domain/protocol/redirect-uri.ts'
import type { MetadataComplaint } from './client-metadata.ts'

type ApplicationType = 'web' | 'native'

/** What a redirect URI leads to. */
function kindOf(uri: string): 'web' | 'loopback' | 'scheme of its own' | 'none' {
  if (!URL.canParse(uri)) return 'none'
  const { protocol, hostname } = new URL(uri)
  if (protocol === 'http:') return isLoopbackHost(hostname) ? 'loopback' : 'none'
  return protocol === 'https:' ? 'web' : 'scheme of its own'
}

/** Whoever does not say it registers a native app by a redirect URI that only such apps have. @see RFC 8252 §7 */
export const likelyType = (uris: readonly string[]): ApplicationType =>
  uris.some((uri) => ['loopback', 'scheme of its own'].includes(kindOf(uri))) ? 'native' : 'web'

/**
 * What is wrong with the redirect URIs of an app of this type. Loopback is only closed to web apps that get tokens by way of the
 * browser.
 * @see OIDC Registration §2
 */
export function wrongFor(type: ApplicationType, uris: readonly string[], isImplicit: boolean): MetadataComplaint[] {
  if (uris.length === 0) return [{ name: 'redirect_uris', reason: 'is required: people are sent back there' }]
  if (type === 'native') return []
  return uris.flatMap((uri) => {
    const kind = kindOf(uri)
    const isWrong = kind === 'scheme of its own' || (kind === 'loopback' && isImplicit)
    const needed = isImplicit
      ? 'web needs https where tokens come by way of the browser'
      : 'web needs https or loopback'
    return isWrong ? [{ name: 'redirect_uris', reason: `${uri} is for application_type native; ${needed}` }] : []
  })
}
