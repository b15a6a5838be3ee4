/** What binds a token to its sender, so that it is of no use to anybody else; so far nothing does. @see RFC 8705, RFC 9449 */
export type TokenBinding = 'none'

/** How an access token that is bound so is presented. @see RFC 6749 §7.1 */
export const TOKEN_TYPES = { none: 'Bearer' } as const satisfies Readonly<Record<TokenBinding, string>>

export type TokenType = (typeof TOKEN_TYPES)[TokenBinding]
