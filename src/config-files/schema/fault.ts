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

/** Files that cannot be applied; nothing of them happened. */
export class ConfigurationRefused extends Error {
  readonly faults: readonly ConfigurationFault[]

  constructor(faults: readonly ConfigurationFault[]) {
    super(faults.map(describeFault).join('\n'))
    this.faults = faults
  }
}

/** A fault as one line: `tessera.yaml:12: app my.trusted.app/web: ClientType: expects ...`. */
export function describeFault({ file, line, column, kind, id, attribute, reason }: ConfigurationFault): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  const record = [kind, id].filter((part) => part !== undefined).join(' ')
  return [place, record, attribute, reason].filter((part) => part !== undefined && part !== '').join(': ')
}
