import type { Fault } from '../../domain/refusals/errors.ts'

/** What a file can describe, in the order in which one needs the other. */
export const KINDS = ['resource', 'user', 'app', 'setting'] as const
export type Kind = (typeof KINDS)[number]

/** Where something is said: a file and, where they are known, line and column. */
export interface Place {
  readonly file: string
  readonly line?: number | undefined
  readonly column?: number | undefined
}

/** One thing that is wrong with the files: where, in which record, and why. */
export interface ConfigurationFault extends Place {
  readonly kind?: Kind | undefined
  readonly id?: string | undefined
  readonly attribute?: string | undefined
  readonly reason: string
}

/** The same as every change that is refused tells it: `tessera.yaml:12: app my.trusted.app/web: ClientType` stands for the attribute. */
export function toFault({ file, line, column, kind, id, attribute, reason }: ConfigurationFault): Fault {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  const record = [kind, id].filter((part) => part !== undefined).join(' ')
  const parts = [place, record, attribute].filter((part) => part !== undefined && part !== '')
  return { attribute: parts.join(': '), reason }
}
