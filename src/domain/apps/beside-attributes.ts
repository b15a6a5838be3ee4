import type { Row } from './attribute-row.ts'

/** What belongs to an app beside the attributes of its record; commands, files and the API each have their own way to it. */
export interface BesideAttribute extends Pick<Row<unknown>, 'group' | 'meaning'> {
  readonly noun: string
  /** As a record shows it; what no record shows has none. */
  readonly fallback?: string
}

/** The switch and the secrets, under their documented names. */
export const BESIDE_ATTRIBUTES = {
  IsEnabled: {
    noun: 'flag',
    fallback: 'true',
    group: 'identity',
    meaning: 'the kill switch; set with `tessera app disable` and `tessera app enable`',
  },
  ApplicationSecret: {
    noun: 'files only',
    group: 'keys',
    meaning: `the secrets as \`\${NAME}\` of environment variables`,
  },
  ApplicationSecretHash: {
    noun: 'files, API',
    group: 'keys',
    meaning: 'the secrets as base64(SHA-256(secret)); two may be valid at once',
  },
} as const satisfies Readonly<Record<string, BesideAttribute>>
