import type { ChangeContext } from '../../admin/change/record-change.ts'
import type { Actor } from '../../admin/change/run-change.ts'
import type { Expected } from '../../admin/change/versions.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { didYouMean } from '../../domain/refusals/nearest.ts'
import { digest } from '../../lib/crypto/secrets.ts'
import { createAtMost } from '../../lib/flow/at-most.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { SourceText } from '../read/parse-source.ts'
import type { Variables } from '../read/variables.ts'
import { type Application, applyFiles, type Outcome } from './apply-files.ts'

interface Dependencies
  extends Pick<Application, 'read' | 'writeStaged' | 'passwords' | 'sealAhead' | 'defaultResource'> {
  readonly clock: Clock
  readonly here: ChangeContext['here']
  readonly audit: ChangeContext['audit']
}

/** Files as a request brings them along; the environment of the server is nobody's to read. */
export interface SentFiles {
  readonly texts: readonly SourceText[]
  /** What `${NAME}` stands for in them. */
  readonly variables: Variables
  readonly prune: boolean
}

export type ManageFiles = ReturnType<typeof createManageFiles>

/** Configuration files as the administration API handles them: planned, and applied as they were planned. */
export function createManageFiles({ clock, here, audit, ...application }: Dependencies) {
  // Each works out the whole instance.
  const inTurn = createAtMost(1)

  const run = ({ recheck, ...actor }: Actor, sent: SentFiles, more: Pick<Application, 'dryRun' | 'approve'>) =>
    inTurn(async () => {
      const contextNow = (): ChangeContext => ({ ...actor, here, now: clock(), audit })
      const outcome = await applyFiles({ ...application, ...sent, ...more, suggest: didYouMean, contextNow, recheck })
      return { record: outcome, version: versionOf(outcome, sent) }
    })

  return {
    /** What would change; nothing does. @throws Refused with every fault */
    plan: (sent: SentFiles, actor: Actor) => run(actor, sent, { dryRun: true }),

    /** Makes the changes of a plan and no others. @throws Refused `precondition_failed` when they would be others by now */
    apply: (sent: SentFiles, expected: Expected, actor: Actor) =>
      run(actor, sent, { dryRun: false, approve: (outcome) => requirePlanned(versionOf(outcome, sent), expected) }),
  }
}

/** Tells one plan of the same files from every other; of secrets it has what the plan shows. */
const versionOf = ({ changes }: Outcome, { texts, prune, variables }: SentFiles): string =>
  digest(JSON.stringify([changes, texts, prune, Object.keys(variables).sort()])).replaceAll('=', '')

function requirePlanned(version: string, expected: Expected): void {
  if (expected(version)) return
  throw new Refused('precondition_failed', 'these files would make other changes than those of the plan; plan again', {
    rule: 'record-changed',
    cause: 'If-Match names a plan of other files, or of an instance that has changed since',
    expected: `If-Match "${version}"`,
  })
}
