import type { Command } from 'commander'
import { requireApp } from '../../admin/apps/apps.ts'
import { describeTokens } from '../../admin/grants/manage-tokens.ts'
import { requireUser } from '../../admin/users/find-user.ts'
import type { ReferenceToken, ReferenceTokenKind, ShownReferenceToken } from '../../domain/tokens/reference-token.ts'
import type { ReferenceTokenFilter } from '../../store/repositories/tokens/reference-tokens.ts'
import type { Repositories } from '../../store/store.ts'
import { print, table } from '../kit/output.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'

const PAGE = 1000

interface ListFlags {
  readonly app?: string
  readonly user?: string
  readonly kind?: ReferenceTokenKind
}

const HEADING = ['Id', 'Kind', 'App', 'Acts as', 'Description', 'Scope', 'Expires', 'Last used', 'State']

/** `tessera token list`. */
export const listTokens = (flags: ListFlags, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store, clock }) => {
    const { read } = store
    if (flags.app !== undefined) await requireApp(read, flags.app)
    const user = flags.user === undefined ? undefined : (await requireUser(read, flags.user)).id
    const shown = await describeTokens(await everyToken({ ...flags, user }, read), read, clock())
    const nothing = 'There are no such reference tokens; see: tessera token issue-pat --help'
    print(command, shown, table(HEADING, shown.map(rowOf), nothing))
  })

async function everyToken(
  filter: ReferenceTokenFilter,
  { referenceTokens }: Pick<Repositories, 'referenceTokens'>,
): Promise<ReferenceToken[]> {
  const all: ReferenceToken[] = []
  for (;;) {
    const page = await referenceTokens.page(filter, { after: all.at(-1)?.id, limit: PAGE })
    all.push(...page)
    if (page.length < PAGE) return all
  }
}

const rowOf = (token: ShownReferenceToken): string[] => [
  token.id,
  token.kind,
  token.app,
  token.user,
  token.description,
  token.scope,
  token.expires_at,
  token.last_used_at ?? 'never',
  token.state === 'ended' ? `ended: ${token.reason}` : token.state,
]
