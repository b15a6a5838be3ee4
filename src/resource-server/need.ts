import { editDistance } from './nearest.ts'

interface Config {
  readonly scope?: unknown
  readonly open?: unknown
}

interface Rules {
  /** Whether a route that is not open must name a scope. */
  readonly requireScope: boolean
}

/** A scope has no spaces: two of them in one text are taken apart, as `scope` is written everywhere else. @see RFC 6749 §3.3 */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/

/**
 * The scopes that a route asks for, or `undefined` where it is open.
 * @throws Error when the route does not say it well: nothing is let in by a misspelling
 */
export function readNeed(config: Config = {}, { requireScope }: Rules): readonly string[] | undefined {
  refuseMisspellings(config)
  const { scope, open } = config
  if (open !== undefined && open !== true) throw new Error('config.open of a route must be true or omitted')
  if (open === true && scope !== undefined) throw new Error('a route must have config.open or config.scope, not both')
  if (open === true) return undefined
  // What is there and undefined is a name that was mistyped elsewhere.
  if (Object.hasOwn(config, 'scope')) return readScope(scope)
  if (requireScope)
    throw new Error('config.scope is missing: with requireScope every route needs it, or config.open: true')
  return []
}

function readScope(scope: unknown): readonly string[] {
  const scopes = [scope].flat()
  if (scopes.length === 0 || !scopes.every((name): name is string => typeof name === 'string' && SCOPE.test(name)))
    throw new Error('config.scope of a route must be a scope or a list of scopes')
  return scopes.flatMap((name) => name.split(' '))
}

/** Other plugins have members here as well, so only what looks like ours is a misspelling. */
function refuseMisspellings(config: object): void {
  for (const name of Object.keys(config)) {
    const meant = name === 'scope' || name === 'open' ? undefined : meantBy(name)
    if (meant !== undefined) throw new Error(`config.${name} has no effect here; did you mean config.${meant}?`)
  }
}

function meantBy(name: string): 'scope' | 'open' | undefined {
  if (/scope/i.test(name) || isNearly(name, 'scope')) return 'scope'
  return isNearly(name, 'open') ? 'open' : undefined
}

const isNearly = (name: string, known: string): boolean =>
  Math.abs(name.length - known.length) <= 1 && editDistance(name, known) <= 1
