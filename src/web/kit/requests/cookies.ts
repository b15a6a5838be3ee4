import type { FastifyReply, FastifyRequest } from 'fastify'
import { DEVICE_KNOWN_FOR } from '../../../domain/sessions/device.ts'
import { newSecret, type Random } from '../../../lib/crypto/secrets.ts'
import { SECOND } from '../../../lib/time/clock.ts'

// A year, in seconds.
const LANGUAGE_KEPT = 31_536_000

export type Cookies = ReturnType<typeof createCookies>

/**
 * The cookies: one names the sign-in session, one the browser itself, before anybody has signed in, and one outlives the session
 * and tells that accounts have signed in here before; another opens nothing and is for the page in an app's frame, which asks
 * whether the sign-in is still the same; the last one keeps the language that a person chose.
 * `__Host-` ties a cookie to this very host over https; on a loopback instance without TLS browsers would drop it.
 * @see RFC 6265bis §4.1.3.2
 */
export function createCookies(issuer: string, random: Random) {
  const secure = issuer.startsWith('https:')
  const prefix = secure ? '__Host-' : ''
  const session = `${prefix}tessera-session`
  const browser = `${prefix}tessera-browser`
  const state = `${prefix}tessera-state`
  const device = `${prefix}tessera-device`
  const language = `${prefix}tessera-language`
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'lax' } as const
  // A frame in another site gets no other cookie; on a loopback instance without TLS all sites are one.
  const readable = { ...attributes, httpOnly: false, sameSite: secure ? 'none' : 'lax' } as const

  return {
    sessionName: session,
    session: (request: FastifyRequest): string | undefined => soleValue(request, session),
    setSession: (reply: FastifyReply, value: string) => reply.setCookie(session, value, attributes),
    clearSession: (reply: FastifyReply) => reply.clearCookie(session, attributes).clearCookie(state, readable),

    stateName: state,
    /** Lets the script in an app's frame see which sign-in this is. @see OIDC Session Management §3.1 */
    showState(request: FastifyRequest, reply: FastifyReply, value: string): void {
      if (soleValue(request, state) !== value) reply.setCookie(state, value, readable)
    },

    device: (request: FastifyRequest): string | undefined => soleValue(request, device),
    setDevice: (reply: FastifyReply, value: string) =>
      reply.setCookie(device, value, { ...attributes, maxAge: DEVICE_KNOWN_FOR / SECOND }),

    language: (request: FastifyRequest): string | undefined => soleValue(request, language),
    setLanguage(request: FastifyRequest, reply: FastifyReply, value: string): void {
      if (hasReadCookies(request)) reply.setCookie(language, value, { ...attributes, maxAge: LANGUAGE_KEPT })
    },

    /** Whether it brings one at all, be it one that does not count. */
    bringsBrowser: ({ headers }: FastifyRequest): boolean => valuesSent(headers.cookie, browser) > 0,
    browser: (request: FastifyRequest): string | undefined => soleValue(request, browser),

    /** The browser's own secret, given to it now if it has none. */
    ensureBrowser(request: FastifyRequest, reply: FastifyReply): string {
      const known = soleValue(request, browser)
      if (known !== undefined && /^[A-Za-z0-9_-]{43}$/.test(known)) return known
      const value = newSecret(random)
      reply.setCookie(browser, value, attributes)
      return value
    },
  }
}

/** Which of two cookies of one name is ours nobody can tell, as a neighbouring host or another path may have set one: none counts. */
function soleValue(request: FastifyRequest, name: string): string | undefined {
  return valuesSent(request.headers.cookie, name) === 1 && hasReadCookies(request) ? request.cookies[name] : undefined
}

const valuesSent = (header = '', name: string): number =>
  header.split(';').filter((pair) => pair.split('=', 1)[0]?.trim() === name).length

/** A page about a request that was refused at once comes before its cookies are read. */
const hasReadCookies = ({ cookies }: FastifyRequest): boolean =>
  (cookies as FastifyRequest['cookies'] | null | undefined) != null
