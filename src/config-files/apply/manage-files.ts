import type { ChangeContext } from '../../admin/change/record-change.ts'
import type { Actor } from '../../admin/change/run-change.ts'
import type { Expected } from '../../admin/change/versions.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { didYouMean } from '../../domain/refusals/nearest.ts'
import { digest } from '../../lib/crypto/secrets.ts'
import { createShortLine, NoTurn } from '../../lib/flow/short-line.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { SourceText } from '../read/parse-source.ts'
import type { Variables } from '../read/variables.ts'
import { type Application, applyFiles, type Outcome } from './apply-files.ts'

interface Dependencies extends Pick<Application, 'read' | 'writeStaged' | 'passwords' | 'sealAhead' | 'given'> {
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

// Each holds its files meanwhile.
const MOST_WAITING = 4
// Of one request: about two seconds of a machine.
const MOST_PASSWORDS = 50

/** Configuration files as the administration API handles them: planned, and applied as they were planned. */
export function createManageFiles({ clock, here, audit, ...application }: Dependencies) {
  // Each works out the whole instance.
  const inTurn = createShortLine(MOST_WAITING)

  async function run({ recheck, ...actor }: Actor, sent: SentFiles, more: Part) {
    const contextNow = (): ChangeContext => ({ ...actor, here, now: clock(), audit })
    const goOn = (): void => requireAwaited(more.awaited)
    const files = { ...application, ...sent, ...more, suggest: didYouMean, mostPasswords: MOST_PASSWORDS }
    try {
      const outcome = await inTurn(() => applyFiles({ ...files, contextNow, recheck, goOn }), more.awaited)
      return { record: outcome, version: versionOf(outcome, sent) }
    } catch (error) {
      throw error instanceof NoTurn ? tooMuch('other files are being worked out') : error
    }
  }

  return {
    /** What would change; nothing does. @throws Refused with every fault */
    plan: (sent: SentFiles, actor: Actor, awaited: AbortSignal) => run(actor, sent, { dryRun: true, awaited }),

    /**
     * Makes the changes of a plan and no others.
     * @param awaited ends when nobody waits for the answer any more; then nothing is changed
     * @throws Refused `precondition_failed` when they would be others by now
     */
    apply: (sent: SentFiles, expected: Expected, actor: Actor, awaited: AbortSignal) =>
      run(actor, sent, {
        dryRun: false,
        awaited,
        approve: (outcome) => requirePlanned(versionOf(outcome, sent), expected),
      }),
  }
}

interface Part extends Pick<Application, 'dryRun' | 'approve'> {
  readonly awaited: AbortSignal
}

/** @throws Refused `temporarily_unavailable` */
function requireAwaited({ aborted }: AbortSignal): void {
  if (aborted) throw tooMuch('the time for an answer was over, or whoever asked hung up, before the changes were made')
}

const tooMuch = (cause: string): Refused =>
  new Refused(
    'temporarily_unavailable',
    'these files could not be worked out in time; nothing was changed; try again shortly',
    {
      rule: 'server-busy',
      cause,
    },
  )

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
