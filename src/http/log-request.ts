import type { FastifyRequest } from 'fastify'

/** Parts of an address that name a person: a login, an e-mail or an id. */
const PERSONAL: readonly string[] = ['user']

/** What a line of the log says of a request: its route and what varies in it, but no query string and nobody's name. */
export function describeRequest(request: FastifyRequest) {
  const { url: route } = request.routeOptions
  const params = Object.entries((route === undefined ? {} : request.params) as Readonly<Record<string, string>>)
    .filter(([name]) => !PERSONAL.includes(name))
    .map(([name, value]) => [name, withoutPeople(value)] as const)
  return {
    method: request.method,
    path: route ?? withoutPeople(request.url.split('?')[0] ?? ''),
    ...(params.length > 0 ? { params: Object.fromEntries(params) } : {}),
    address: request.ip,
  }
}

/** An address that leads nowhere may name a person all the same. */
const withoutPeople = (path: string): string =>
  path.replace(/(^|\/)users\/[^/]+/g, '$1users/:user').replace(/[^/]*(@|%40)[^/]*/gi, ':user')
