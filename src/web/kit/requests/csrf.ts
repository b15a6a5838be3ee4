import { createHmac } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import { sameDigest } from '../../../lib/crypto/secrets.ts'

/**
 * The hidden field of one form in one browser: worthless in another form, another browser or another request.
 * @param browser the browser's own secret
 * @param purpose the form and what it is about
 */
export const csrfToken = (browser: string, purpose: string): string =>
  createHmac('sha256', browser).update(purpose).digest('base64url')

const refuse = (cause: string): Refused =>
  new Refused(
    'access_denied',
    'this form was not sent from its own page; go back, reload and try again',
    { rule: 'form-foreign', cause },
    { status: 403 },
  )

/**
 * Lets only requests pass that a page of this server sent; checked first, whatever else the request holds.
 * @throws Refused `access_denied` with status 403
 */
export function requireOwnPage(request: FastifyRequest, issuer: string): void {
  const foreign = whyForeign(request, new URL(issuer).origin)
  if (foreign !== undefined) throw refuse(foreign)
}

/**
 * Lets only a form pass that this server gave to this browser.
 * @throws Refused `access_denied` with status 403
 */
export function requireCsrf(form: Form, browser: string | undefined, purpose: string): void {
  if (browser === undefined) throw refuse('the browser sent no cookie')
  if (!sameDigest(form.get('csrf') ?? '', csrfToken(browser, purpose)))
    throw refuse('the csrf field does not belong to this form and browser')
}

/** A browser says that a page of another site or subdomain sent the request; typed addresses and programs do not. @see Fetch Metadata §2.3 */
export const cameFromElsewhere = ({ headers }: FastifyRequest): boolean =>
  ['cross-site', 'same-site'].includes(headers['sec-fetch-site']?.toString() ?? '')

/** Pages that send no referrer make the browser write `Origin: null`, so only Fetch Metadata can vouch for that one. */
function whyForeign({ headers }: FastifyRequest, ownOrigin: string): string | undefined {
  const { origin } = headers
  const site = headers['sec-fetch-site']?.toString()
  if (site !== undefined && site !== 'same-origin') return `Sec-Fetch-Site is ${site.slice(0, 50)}`
  if (origin === undefined || origin === ownOrigin) return undefined
  return origin === 'null' && site === 'same-origin' ? undefined : `Origin is ${origin.slice(0, 200)}`
}
