/** What a TLS handshake fails with where the other side's certificate is not good. @see https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const UNTRUSTED: readonly string[] = [
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_UNTRUSTED',
]

/** How a certificate authority of one's own is made known to this server and to commands. */
export const TRUST_OWN_AUTHORITY =
  'set NODE_EXTRA_CA_CERTS to a PEM file with the certificate of the authority that signed it, and restart'

/** Whether a connection failed because nobody known vouches for the certificate, however deep the reason is. */
export function isUntrusted(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && UNTRUSTED.includes(String(error.code))) return true
  return error instanceof AggregateError ? error.errors.some(isUntrusted) : isUntrusted(error.cause)
}

/** What is said of it, for the operator to find. */
export const UNTRUSTED_CERTIFICATE = 'the certificate of the other side is not trusted'
