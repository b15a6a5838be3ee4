import type { Kind } from './attribute-kinds.ts'
import type { ValueRule } from './value-rules.ts'

/** What an attribute is about: the sections of the record in docs/apps.md, in their order. */
export const GROUPS = ['identity', 'sign-in', 'access', 'tokens', 'logout', 'keys'] as const
export type Group = (typeof GROUPS)[number]

interface Details<T> {
  /** One sentence for whoever writes a record; a piece of it may be `code`. */
  readonly meaning: string
  /** What is wrong with a value that is there; what attributes ask of one another is in registration-rules.ts. */
  readonly rule?: ValueRule<NonNullable<T>>
  /** What apps that register themselves call it. @see RFC 7591 §2, OIDC Registration §2 */
  readonly metadata?: string
  /** src/oauth/registration/read-metadata.ts reads its metadata, which says more than this attribute. */
  readonly readApart?: true
  /** What stands in for a value that is left out; where there is neither this nor a fallback, it is required. */
  readonly instead?: string
  /** A file that does not say it leaves that of an app which is there already: the default was another one once. */
  readonly staysUnsaid?: true
  /** It holds addresses that this server itself calls. */
  readonly called?: true
  /** It is told at the registration of the app, and never changes. */
  readonly fixed?: true
}

/** An attribute of the record: all there is to know of it but its name, which is that of its member with a capital letter. */
export interface Row<T> extends Details<T> {
  readonly kind: Kind<T>
  /** What a record holds where its administrator said nothing. */
  readonly fallback?: T
  readonly group: Group
}

/** An attribute that may be left out. */
export const row = <T>(kind: Kind<T>, fallback: NoInfer<T>, group: Group, details: Details<NoInfer<T>>): Row<T> => ({
  kind,
  fallback,
  group,
  ...details,
})

/** An attribute of which each app has a value of its own. */
export const individual = <T>(kind: Kind<T>, group: Group, details: Details<NoInfer<T>>): Row<T> => ({
  kind,
  group,
  ...details,
})
