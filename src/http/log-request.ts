import type { FastifyRequest } from 'fastify'

/** Parts of an address that name a person: a login, an e-mail or an id. */
const PERSONAL: readonly string[] = ['user']

/** What a line of the log says of a request: its route and what varies in it, but no query string, nobody's name and no token. */
export function describeRequest(request: FastifyRequest) {
  const { url: route } = request.routeOptions
  const params = Object.entries((route === undefined ? {} : request.params) as Readonly<Record<string, string>>)
    .filter(([name]) => !PERSONAL.includes(name))
    .map(([name, value]) => [name, withoutNames(value)] as const)
  return {
    method: request.method,
    path: route ?? withoutNames(request.url.split('?')[0] ?? ''),
    ...(params.length > 0 ? { params: Object.fromEntries(params) } : {}),
    address: request.ip,
  }
}

/** An address that leads nowhere may name a person all the same, and hold the value of a token where its id belongs. */
const withoutNames = (path: string): string =>
  path
    .replace(/(^|\/)users\/[^/]+/g, '$1users/:user')
    .replace(/[^/]*(@|%40)[^/]*/gi, ':user')
    .replace(/en[ar]t(_|%5f)[^/]*/gi, ':token')
