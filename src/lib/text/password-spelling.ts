// Of NFKC the spaces of most scripts are one already. RFC 8265 §4.2
const ANY_SPACE = /\p{Zs}/gu

/**
 * A password in the one spelling that it is counted, judged and hashed in: keyboards write the same letter in several ways.
 * @see NIST SP 800-63B-4 §3.1.1.2, RFC 8265 §4.2
 */
export const spelledPassword = (password: string): string => password.normalize('NFKC').replace(ANY_SPACE, ' ')

/** How many characters it has: one for each code point. */
export const lengthOfPassword = (password: string): number => [...spelledPassword(password)].length

/**
 * All that a hash of this password may have been made of: its one spelling, the one that this server once took, and what was typed,
 * as other servers take it.
 */
export const spellingsOfPassword = (typed: string): string[] => [
  ...new Set([spelledPassword(typed), typed.normalize('NFC'), typed]),
]
