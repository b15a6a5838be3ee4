interface Config {
  readonly scope?: unknown
  readonly open?: unknown
}

/** A scope has no spaces: two of them in one text are taken apart, as `scope` is written everywhere else. @see RFC 6749 §3.3 */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/

/**
 * The scopes that a route asks for, or `undefined` where it is open.
 * @throws Error when the route does not say it well: nothing is let in by a slip
 */
export function readNeed({ scope, open }: Config = {}): readonly string[] | undefined {
  if (open !== undefined && open !== true) throw new Error('config.open of a route is true or left out')
  if (open === true && scope !== undefined) throw new Error('a route has config.open or config.scope, not both')
  if (open === true) return undefined
  const scopes = scope === undefined ? [] : [scope].flat()
  if (!scopes.every((name): name is string => typeof name === 'string' && SCOPE.test(name)))
    throw new Error('config.scope of a route is a scope or a list of scopes')
  return scopes.flatMap((name) => name.split(' '))
}
