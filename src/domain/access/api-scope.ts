import { type NamesByLanguage, showTexts, textIn } from '../apps/names-by-language.ts'
import { namesByLanguage } from '../apps/value-rules.ts'
import { ADMINISTRATION_SCOPE, isProtocolScope, isScopeToken } from '../protocol/scope.ts'
import type { Fault } from '../refusals/errors.ts'

/** A scope of an API, and what it lets an app do. */
export interface ApiScope {
  readonly name: string
  /** For the consent page, where the message catalogue has no text for it. */
  readonly description: string | undefined
  /** What the consent page calls it in some languages, in place of what it would say itself. */
  readonly localizedNames?: NamesByLanguage | undefined
  /** The description in some languages, likewise. */
  readonly localizedDescriptions?: NamesByLanguage | undefined
}

/** The scope under the names that files and the administration API use. */
export const showScope = ({ name, description, localizedNames, localizedDescriptions }: ApiScope) => ({
  Name: name,
  Description: description ?? null,
  ...showTexts('LocalizedNames', localizedNames),
  ...showTexts('LocalizedDescriptions', localizedDescriptions),
})

/** Everything that makes these scopes unfit to be those of one API. */
export function scopeFaults(scopes: readonly ApiScope[]): Fault[] {
  const names = scopes.map(({ name }) => name)
  const reasons = [
    names.length === 0 && 'must name at least one scope',
    ...scopes.flatMap(({ name, localizedNames = {}, localizedDescriptions = {} }, index) => [
      !isScopeToken(name) && `${JSON.stringify(name)} is not a scope name`,
      isProtocolScope(name) && `${name} is a protocol scope`,
      // Else a token for that API would open the administration as well.
      name === ADMINISTRATION_SCOPE && `${name} belongs to the administration API`,
      names.indexOf(name) !== index && `${name} is named twice`,
      ...namesByLanguage(localizedNames).map((reason) => `LocalizedNames of ${name}: ${reason}`),
      ...namesByLanguage(localizedDescriptions).map((reason) => `LocalizedDescriptions of ${name}: ${reason}`),
    ]),
  ]
  return reasons.flatMap((reason) => (reason === false ? [] : [{ attribute: 'Scopes', reason }]))
}

/** What the operator says about a scope on a page in a language. */
export interface ScopeTexts {
  /** In that very language, or in a variety of it. */
  readonly name: string | undefined
  readonly description: string | undefined
  /** In whatever language it is. */
  readonly fallback: string | undefined
}

/** What the APIs that a scope is asked of say about it with one voice: the words of one must not stand for another's. */
export function textsOf(
  scope: string,
  owners: readonly { readonly scopes: readonly ApiScope[] }[],
  language: string,
): ScopeTexts {
  const same = owners.flatMap(({ scopes }) => scopes.filter(({ name }) => name === scope))
  const agreed = (read: (scope: ApiScope) => string | undefined): string | undefined => {
    const texts = new Set(same.map(read))
    return texts.size === 1 ? [...texts][0] : undefined
  }
  return {
    name: agreed(({ localizedNames = {} }) => textIn(localizedNames, language)),
    description: agreed(({ localizedDescriptions = {} }) => textIn(localizedDescriptions, language)),
    fallback: agreed(({ description }) => description),
  }
}
