import type { FastifyInstance, FastifyReply } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A page for people: refusals are shown as HTML. */
    page?: true
    /** Anybody may cache and embed the answer. */
    public?: true
    /** Any page may show it in a frame. */
    framable?: true
    /** Called with a Bearer token: refusals carry its challenge. */
    bearer?: true
  }
}

/** What a page may reach beyond this server. */
export interface PageReach {
  /** Whether what follows its form ends at an app, which may send the browser on to anything. */
  readonly endsAtApp?: boolean
  /** Where its images may come from. */
  readonly images?: readonly string[]
  /** Whether it runs a script of this server. */
  readonly ownScript?: boolean
  /** The origins it shows in frames. */
  readonly frames?: readonly string[]
}

/** What a page may load and do: no script but its own, nothing from elsewhere that it did not name. @see CSP3 §6 */
export const contentSecurityPolicy = ({
  endsAtApp = false,
  images = [],
  ownScript = false,
  frames = [],
  framable = false,
}: PageReach & { readonly framable?: boolean } = {}): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    ...(ownScript ? ["script-src 'self'"] : []),
    `img-src ${["'self'", 'data:', ...images].join(' ')}`,
    ...(frames.length > 0 ? [`frame-src ${frames.join(' ')}`] : []),
    // Chromium holds every redirect that follows a form against the page, and no list names what apps redirect to.
    ...(endsAtApp ? [] : ["form-action 'self'"]),
    ...(framable ? [] : ["frame-ancestors 'none'"]),
    "base-uri 'none'",
  ].join('; ')

const SECURITY_HEADERS = {
  'content-security-policy': contentSecurityPolicy(),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': '',
} as const

/** Gives every answer its security headers and its cache rule; a route says only what it wants otherwise. */
export function registerResponseHeaders(server: FastifyInstance, issuer: string): void {
  const https = issuer.startsWith('https:')
  server.addHook('onSend', async (request, reply) => {
    const isPublic = request.routeOptions.config.public === true && reply.statusCode < 400
    for (const [name, value] of Object.entries(SECURITY_HEADERS))
      if (name !== 'x-frame-options' || request.routeOptions.config.framable !== true) setDefault(reply, name, value)
    setDefault(reply, 'cache-control', isPublic ? 'public, max-age=300' : 'no-store')
    if (reply.getHeader('cache-control') === 'no-store') setDefault(reply, 'pragma', 'no-cache')
    setDefault(reply, 'cross-origin-resource-policy', isPublic ? 'cross-origin' : 'same-origin')
    if (https) setDefault(reply, 'strict-transport-security', 'max-age=63072000; includeSubDomains')
  })
}

function setDefault(reply: FastifyReply, name: string, value: string): void {
  if (!reply.hasHeader(name)) reply.header(name, value)
}
