/** What a signed access token grew from, so that it can be declared dead before it expires. */
export type TokenOrigin =
  | { readonly kind: 'family'; readonly family: string }
  | { readonly kind: 'service'; readonly appEpoch: number; readonly userEpoch: number }

/** Writes a `jti` that is unique and tells the server, and only the server, what the token grew from. @see RFC 7519 §4.1.7 */
export const writeTokenId = (origin: TokenOrigin, nonce: string): string =>
  origin.kind === 'family' ? `f.${origin.family}.${nonce}` : `s.${origin.appEpoch}-${origin.userEpoch}.${nonce}`

/** Reads a `jti` back; `undefined` for one that is not ours. */
export function readTokenId(jti: string): TokenOrigin | undefined {
  const [kind, origin = '', nonce, ...rest] = jti.split('.')
  if (!nonce || rest.length > 0) return undefined
  if (kind === 'f' && origin !== '') return { kind: 'family', family: origin }
  const epochs = kind === 's' ? /^(\d+)-(\d+)$/.exec(origin) : null
  return epochs ? { kind: 'service', appEpoch: Number(epochs[1]), userEpoch: Number(epochs[2]) } : undefined
}
