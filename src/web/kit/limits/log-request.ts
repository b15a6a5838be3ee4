import type { FastifyRequest } from 'fastify'

/** Parts of an address that name a person: a login, an e-mail or an id. */
const PERSONAL: readonly string[] = ['user']
// Characters.
const LONGEST_PATH = 256

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
function withoutNames(path: string): string {
  const segments = path.slice(0, LONGEST_PATH).split('/')
  // What tells a name for one may be in what is cut off, so that nothing is shown of the segment in which it is cut.
  if (path.length > LONGEST_PATH) segments.splice(-1, 1, ':cut')
  return segments.map((segment, index) => withoutName(segment, segments[index - 1])).join('/')
}

function withoutName(segment: string, before: string | undefined): string {
  if (segment !== '' && before === 'users') return ':user'
  if (/@|%40/.test(segment)) return ':user'
  return segment.replace(/en[ar]t(_|%5f).*$/is, ':token')
}
