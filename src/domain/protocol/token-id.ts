/** The epochs under which an app was given a token to act as its System User. */
interface ServiceOrigin {
  readonly kind: 'service'
  readonly appEpoch: number
  readonly userEpoch: number
  readonly sessionEpoch: number
}

/** What a person granted an app at a sign-in. */
interface FamilyOrigin {
  readonly kind: 'family'
  readonly family: string
  /** Whether the person had signed out when a refresh token yielded it: that sign-out does not end it. */
  readonly afterSignOut: boolean
}

/** What a signed access token grew from, so that it can be declared dead before it expires. */
export type TokenOrigin = FamilyOrigin | ServiceOrigin

/** Writes a `jti` that is unique and tells the server, and only the server, what the token grew from. @see RFC 7519 §4.1.7 */
export const writeTokenId = (origin: TokenOrigin, nonce: string): string =>
  origin.kind === 'family'
    ? `${origin.afterSignOut ? 'o' : 'f'}.${origin.family}.${nonce}`
    : `s.${origin.appEpoch}-${origin.userEpoch}-${origin.sessionEpoch}.${nonce}`

/** Reads a `jti` back; `undefined` for one that is not ours. */
export function readTokenId(jti: string): TokenOrigin | undefined {
  const [kind, origin = '', nonce, ...rest] = jti.split('.')
  if (!nonce || rest.length > 0) return undefined
  if ((kind === 'f' || kind === 'o') && origin !== '')
    return { kind: 'family', family: origin, afterSignOut: kind === 'o' }
  // Tokens of an earlier release have no third number, and it was 0 then.
  const [, appEpoch, userEpoch, sessionEpoch = 0] = (kind === 's' && /^(\d+)-(\d+)(?:-(\d+))?$/.exec(origin)) || []
  if (appEpoch === undefined) return undefined
  return {
    kind: 'service',
    appEpoch: Number(appEpoch),
    userEpoch: Number(userEpoch),
    sessionEpoch: Number(sessionEpoch),
  }
}
