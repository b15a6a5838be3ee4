/** The algorithms tokens may be signed with, all of them offered. @see RFC 7518 §3.1, RFC 8037, OIDC Discovery §3 (RS256 is a must) */
export const SIGNING_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/**
 * Says with which algorithm everything is signed that an app is to verify: what its record names, or else the instance's own.
 * @param defaultAlgorithm the instance's own
 */
export const signingAlgorithmOf = (
  app: { readonly signingAlgorithm?: SigningAlgorithm | undefined },
  defaultAlgorithm: SigningAlgorithm,
): SigningAlgorithm => app.signingAlgorithm ?? defaultAlgorithm
