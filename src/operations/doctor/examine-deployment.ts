import { connect, type PeerCertificate } from 'node:tls'
import { isUntrusted, TRUST_OWN_AUTHORITY } from '../../lib/net/certificate-fault.ts'
import { isLoopback, isWithin } from '../../lib/net/network.ts'
import { parseForeignJson } from '../../lib/text/bounded-json.ts'
import { DAY } from '../../lib/time/clock.ts'
import { type Finding, fault, fine, messageOf, warning } from './finding.ts'

// Milliseconds.
const PATIENCE = 5000
const MOST_DRIFT = 30_000
const SOON = 21 * DAY
// Of a network that exists in documentation alone. @see RFC 5737
const STRANGER = '192.0.2.123'

interface Deployment {
  readonly issuer: string
  readonly now: () => number
  /** The address under which a refusal was recorded; `undefined` when this server did not record it. */
  readonly addressOfRefusal: (refusalId: string) => Promise<string | undefined>
  readonly trustedProxies: readonly string[]
  /** An address of the sign-in page, where an app can be signed in to. */
  readonly signInUrl: string | undefined
}

/** What a running server shows to the world, asked for at the address that people use. */
export async function examineDeployment(deployment: Deployment): Promise<Finding[]> {
  const { issuer } = deployment
  let discovery: Response
  try {
    discovery = await ask(`${issuer}/.well-known/openid-configuration`)
  } catch (error) {
    const found = `${issuer} does not answer: ${messageOf(error)}`
    if (isUntrusted(error))
      return [fault('issuer', found, `nobody known vouches for its certificate: ${TRUST_OWN_AUTHORITY}`)]
    return [fault('issuer', found, 'start the server, or correct TESSERA_ISSUER, DNS or the proxy')]
  }
  return [
    await examineIssuer(discovery, issuer),
    examineClock(discovery, deployment.now()),
    ...examineHeaders(discovery, issuer),
    ...(issuer.startsWith('https:') ? [await examineCertificate(new URL(issuer), deployment.now())] : []),
    await examineForwarding(deployment),
    ...(deployment.signInUrl === undefined ? [] : [await examineCookies(deployment.signInUrl, issuer)]),
  ]
}

const ask = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(PATIENCE) })

/** What an answer holds; an empty object where it is no JSON. */
const readJson = (response: Response): Promise<unknown> =>
  response
    .text()
    .then(parseForeignJson)
    .catch(() => ({}))

async function examineIssuer(discovery: Response, issuer: string): Promise<Finding> {
  const metadata = discovery.status === 200 ? ((await readJson(discovery)) as { issuer?: unknown }) : {}
  if (metadata.issuer === issuer) return fine('issuer', `people and apps reach the server at ${issuer}`)
  const found =
    discovery.status === 200
      ? `the server there has the issuer ${String(metadata.issuer)}`
      : `the discovery document answers ${discovery.status}`
  return fault(
    'issuer',
    found,
    `let the proxy pass on ${new URL(issuer).pathname} unchanged, or correct TESSERA_ISSUER`,
  )
}

function examineClock({ headers }: Response, now: number): Finding {
  const drift = Math.abs(Date.parse(headers.get('date') ?? '') - now)
  return drift > MOST_DRIFT
    ? warning(
        'clocks',
        `the clocks of the server and of this machine differ by ${Math.round(drift / 1000)} s`,
        'run NTP on both machines',
      )
    : fine('clocks', 'the clocks of the server and of this machine agree')
}

function examineHeaders({ headers }: Response, issuer: string): Finding[] {
  const lacking = [
    ...(headers.get('x-content-type-options') === 'nosniff' ? [] : ['X-Content-Type-Options']),
    ...(headers.has('content-security-policy') ? [] : ['Content-Security-Policy']),
    ...(issuer.startsWith('https:') && !headers.has('strict-transport-security') ? ['Strict-Transport-Security'] : []),
  ]
  return lacking.length === 0
    ? [fine('headers', 'the security headers reach the browser')]
    : [fault('headers', `the proxy removes ${lacking.join(', ')}`, 'let it pass on headers unchanged')]
}

async function examineCertificate(url: URL, now: number): Promise<Finding> {
  try {
    const { protocol, certificate } = await shakeHands(url)
    const left = Date.parse(certificate.valid_to) - now
    if (left < SOON) {
      const days = Math.floor(left / DAY)
      return warning('TLS', `the certificate ends in ${days} days`, 'renew it, and automate the renewal')
    }
    return fine('TLS', `${protocol}, the certificate is valid until ${certificate.valid_to}`)
  } catch (error) {
    if (isUntrusted(error))
      return fault('TLS', messageOf(error), `for a certificate of your own authority: ${TRUST_OWN_AUTHORITY}`)
    return fault('TLS', messageOf(error), 'give the proxy a certificate that browsers trust, and TLS 1.2 or newer')
  }
}

const shakeHands = (url: URL): Promise<{ protocol: string; certificate: PeerCertificate }> =>
  new Promise((resolve, reject) => {
    const host = url.hostname
    const socket = connect({ host, port: Number(url.port || 443), servername: host, minVersion: 'TLSv1.2' }, () => {
      resolve({ protocol: socket.getProtocol() ?? 'TLS', certificate: socket.getPeerCertificate() })
      socket.destroy()
    })
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no TLS handshake within 5 s')))
    socket.once('error', reject)
  })

/** Whoever can choose their own address passes every limit per address; the server's record of a refusal tells which it took. */
async function examineForwarding({ issuer, addressOfRefusal, trustedProxies }: Deployment): Promise<Finding> {
  const response = await ask(`${issuer}/connect/token`, {
    method: 'POST',
    headers: { 'x-forwarded-for': STRANGER },
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'tessera-doctor' }),
  })
  const { refusal_id: id } = (await readJson(response)) as { refusal_id?: string }
  const address = id === undefined ? undefined : await addressOfRefusal(id)
  // In a flood refusals are on the log alone, so that nothing is proved by a row that is not there.
  if (address === undefined)
    return warning(
      'addresses',
      `whose addresses the server believes could not be seen: ${id === undefined ? 'it answered with no refusal' : 'its refusal is not in this database, as in a flood of them, or where it uses another database'}`,
      'try again when fewer requests are refused; if it stays so, check TESSERA_ISSUER and TESSERA_DATABASE_URL',
    )
  if (address === STRANGER)
    return fault(
      'addresses',
      'the server trusts any X-Forwarded-For that a stranger sends',
      'let the proxy replace that header, and name only the proxy in TESSERA_TRUSTED_PROXIES',
    )
  // TLS ends before the server, so that somebody asked it for this machine, and was not believed when they said so.
  if (issuer.startsWith('https:') && isLoopback(address) && !isWithin(address, trustedProxies))
    return warning(
      'addresses',
      `people come through a proxy on the server's own machine (${address}) that TESSERA_TRUSTED_PROXIES does not name, so that all of them share the limits of one address`,
      `let that proxy replace X-Forwarded-For with the address of whoever asks it, and then set TESSERA_TRUSTED_PROXIES=${[...trustedProxies, address].join(',')} and restart the server`,
    )
  return fine('addresses', `the server ignores a stranger's X-Forwarded-For; it sees this machine as ${address}`)
}

async function examineCookies(signInUrl: string, issuer: string): Promise<Finding> {
  const https = issuer.startsWith('https:')
  const first = await ask(signInUrl)
  const page = first.headers.get('location')
  // What an app asks for in vain is answered at the app, which says nothing of cookies.
  if (page === null || !page.startsWith(issuer))
    return fine('cookies', 'no app shows the sign-in page to a request without a person')
  // Like a browser; without the cookie of the first answer the page would be a refusal.
  const cookie = first.headers.getSetCookie().map((each) => each.split(';')[0])
  const second = await ask(page, { headers: { cookie: cookie.join('; ') } })
  const cookies = [first, second].flatMap((answer) => answer.headers.getSetCookie())
  const bad = cookies.find(
    (cookie) =>
      !/; *HttpOnly/i.test(cookie) ||
      !/; *SameSite=(Lax|Strict)/i.test(cookie) ||
      (https && !(/; *Secure/i.test(cookie) && cookie.startsWith('__Host-'))),
  )
  if (cookies.length === 0)
    return warning('cookies', 'the sign-in page sets no cookie', 'let the proxy pass on Set-Cookie')
  if (bad !== undefined)
    return fault(
      'cookies',
      `${bad.split('=')[0]} lost its flags on the way`,
      'let the proxy pass on Set-Cookie unchanged',
    )
  return fine('cookies', https ? '__Host-, Secure, HttpOnly, SameSite' : 'HttpOnly, SameSite')
}
