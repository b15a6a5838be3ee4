import type { Code, RelyingParty } from '../../../test/fixtures/clients/relying-party.ts'
import type { Tokens } from '../../../test/fixtures/clients/tokens.ts'

/** What grew from one sign-in, as the app knows it. */
export interface Family {
  readonly party: RelyingParty
  readonly code: Code
  /** The newest tokens that were acknowledged. */
  tokens: Tokens
  /** Refresh tokens whose successor was acknowledged. */
  readonly spent: string[]
  /** The revocation was acknowledged. */
  revoked: boolean
  /** Sent, and not acknowledged so far: it may have happened or not. */
  inDoubt: 'refresh' | 'revoke' | undefined
}

/** What honest apps were told, to be held against the server later. */
export interface Journal {
  readonly families: Family[]
  /** For a code or a refresh token: every refresh token it was exchanged for. */
  readonly successors: Map<string, Set<string>>
  /** Sign-ins whose code may have been used up by a request without an answer; the person signs in again. */
  lostSignIns: number
  acknowledged: number
}

export const createJournal = (): Journal => ({
  families: [],
  successors: new Map(),
  lostSignIns: 0,
  acknowledged: 0,
})

export function noteSuccessor({ successors }: Journal, spent: string, successor: string): void {
  const known = successors.get(spent) ?? new Set()
  successors.set(spent, known.add(successor))
}

/** Codes and refresh tokens that were exchanged for two different things. */
export const spentTwice = ({ successors }: Journal): number =>
  [...successors.values()].filter((each) => each.size > 1).length
