import { showInitialToken } from '../../domain/apps/self-registration.ts'
import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import type { Random } from '../../lib/crypto/secrets.ts'
import { type Clock, DAY } from '../../lib/time/clock.ts'
import { readDuration } from '../../lib/time/duration.ts'
import type { Repositories } from '../../store/store.ts'
import { invalidChange } from '../change/refuse-change.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import {
  createInitialToken,
  INITIAL_TOKEN_DEFAULTS,
  revokeInitialToken,
  warningsAboutInitialTokens,
} from './initial-access-tokens.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'initialAccessTokens'>
  readonly requireDiskSpace: () => void
  readonly runChange: RunChange<'initialAccessTokens' | 'auditEvents'>
  readonly clock: Clock
  readonly random: Random
  /** How apps may register themselves. */
  readonly policy: { readonly mode: string }
}

export interface InitialTokenInput {
  readonly label?: string
  /** A length of time such as `7d`. */
  readonly expires?: string
  /** How many apps; `null` for any number. */
  readonly uses?: number | null
}

export type ShownInitialToken = ReturnType<typeof showInitialToken>
export type ManageInitialTokens = ReturnType<typeof createManageInitialTokens>

/** Initial access tokens as the administration API handles them. */
export function createManageInitialTokens({ read, requireDiskSpace, runChange, clock, random, policy }: Dependencies) {
  return {
    /** The newest first. */
    async page(query: PageQuery): Promise<Page<ShownInitialToken>> {
      const { items, next } = await readPage(query, read.initialAccessTokens.page, ({ id }) => id)
      return { items: items.map((token) => showInitialToken(token, clock())), next }
    },

    /** The token with its value, which is told this once. */
    async create({ label, expires, uses = INITIAL_TOKEN_DEFAULTS.uses }: InitialTokenInput, actor: Actor) {
      requireDiskSpace()
      const wanted = { label, lifetime: readLifetime(expires), uses: uses ?? undefined }
      const { token, value } = await runChange(actor, (unit, context) =>
        createInitialToken(unit, wanted, random, context),
      )
      return { ...showInitialToken(token, clock()), token: value, warnings: warningsAboutInitialTokens(policy) }
    },

    revoke: (id: string, actor: Actor): Promise<void> =>
      runChange(actor, async (unit, context) => void (await revokeInitialToken(unit, id, context))),
  }
}

const LONGEST = 365 * DAY

/** @throws Refused `invalid_change` */
function readLifetime(text: string | undefined): number {
  const lifetime = text === undefined ? INITIAL_TOKEN_DEFAULTS.lifetime : readDuration(text)
  if (lifetime !== undefined && lifetime <= LONGEST) return lifetime
  throw invalidChange([{ attribute: 'expires', reason: 'expects a length of time up to 365d, such as 12h or 7d' }])
}
