import { APP_SECRETS } from '../apps/app-secret.ts'

/** Every table with what is sealed under the master key: for which purpose it is, and what people call it. */
const SEALED = {
  signing_keys: { purpose: 'signing-keys', what: 'the signing key' },
  app_secrets: { purpose: APP_SECRETS, what: 'the app secret' },
} as const

export type SealedTable = keyof typeof SEALED

export const SEALED_TABLES = Object.entries(SEALED).map(([table, { purpose, what }]) => ({
  table: table as SealedTable,
  purpose,
  what,
}))

/** What does not open under the key in force. */
export interface SealedOtherwise {
  /** How many rows open under another key at hand. */
  readonly underOthers: number
  /** The ids of those that open under none. */
  readonly lost: Readonly<Record<SealedTable, readonly string[]>>
}
