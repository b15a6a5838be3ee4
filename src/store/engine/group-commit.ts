import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { StoodStill, whileMoving } from '../../lib/flow/while-moving.ts'

/** The transaction of the one connection that writes; each method is one statement. */
export interface WriterTransaction {
  /** Throws at once where another process writes. */
  begin(): void
  commit(): void
  rollback(): void
  /** Marks where a unit of work begins. */
  mark(): void
  /** Keeps what was done since the mark. */
  keep(): void
  /** Takes back what was done since the mark. */
  undo(): void
  /** How many statements were made so far. */
  steps(): number
  /** Keeps the unit under way from the connection for good, though it may go on. */
  giveUp(): void
  isBusy(error: unknown): boolean
  /** Whether the database itself cannot go on, so that nothing of the transaction can be kept. */
  isOutOfReach(error: unknown): boolean
  /** What the client is told of such an error; called once for each that happens. */
  toRefusal(error: unknown): Error
}

interface Member {
  readonly joined: number
  /** Does the work, and tells how to answer once everything is committed. */
  readonly work: () => Promise<() => void>
  readonly refuse: (error: unknown) => void
}

// So many units keep the event loop for some milliseconds; whoever comes later is in the next group.
const MOST_TOGETHER = 64

/** Milliseconds. */
interface Patience {
  /** How long a unit waits for other processes. */
  readonly wait: number
  /** How long a unit may go without a statement; then it is given up, for everybody else waits for it. */
  readonly standstill: number
}

/**
 * Lets units of work that arrive together share one commit, for a commit costs a write to the disk and a unit does not.
 * Each has a savepoint of its own, is undone alone when it throws, and is answered only after the commit. Whatever fails, a unit
 * is answered, and those that come later have their turn.
 * @param transaction of a connection that nobody else uses meanwhile
 */
export function createGroupCommit(transaction: WriterTransaction, { wait, standstill }: Patience) {
  const waiting: Member[] = []
  let running: Promise<void> | undefined

  function refuseAll(members: readonly Member[], error: unknown): void {
    const refusal = refusalOf(error)
    for (const member of members) member.refuse(refusal)
  }

  function refusalOf(error: unknown): unknown {
    try {
      return transaction.toRefusal(error)
    } catch {
      return error
    }
  }

  /** @returns false when nobody may write now */
  function begin(): boolean {
    try {
      transaction.begin()
      return true
    } catch (error) {
      // What is locked is worth waiting for, what is broken is not.
      const late = (member: Member): boolean => performance.now() - member.joined > wait
      const refused = transaction.isBusy(error) ? waiting.filter(late) : [...waiting]
      for (const member of refused) waiting.splice(waiting.indexOf(member), 1)
      if (refused.length > 0) refuseAll(refused, error)
      return false
    }
  }

  async function runMember(member: Member): Promise<() => void> {
    transaction.mark()
    try {
      const answer = await whileMoving(member.work(), transaction.steps, standstill)
      transaction.keep()
      return answer
    } catch (error) {
      const isGivenUp = error instanceof StoodStill
      if (isGivenUp) transaction.giveUp()
      else if (transaction.isOutOfReach(error)) throw error
      transaction.undo()
      return () => member.refuse(isGivenUp ? refusalOf(error) : error)
    }
  }

  async function commitTogether(members: readonly Member[]): Promise<void> {
    const answers: (() => void)[] = []
    try {
      for (const member of members) answers.push(await runMember(member))
      transaction.commit()
    } catch (error) {
      rollBack()
      refuseAll(members, error)
      return
    }
    for (const answer of answers) answer()
  }

  function rollBack(): void {
    try {
      transaction.rollback()
    } catch {
      // The next transaction takes care of what this one left, or says why it cannot begin.
    }
  }

  async function run(): Promise<void> {
    try {
      while (waiting.length > 0) {
        // Everybody whose request was read in this turn of the event loop comes along.
        await nextTurn()
        if (begin()) await commitTogether(waiting.splice(0, MOST_TOGETHER))
        else await delay(5 + 20 * Math.random())
      }
    } catch (error) {
      refuseAll(waiting.splice(0), error)
    } finally {
      running = undefined
    }
  }

  return {
    /** Runs a unit of work; settles after the commit that it was part of. */
    write: <T>(unit: () => Promise<T>): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        const work = async () => {
          const value = await unit()
          return () => resolve(value)
        }
        waiting.push({ joined: performance.now(), work, refuse: reject })
        running ??= run()
      }),

    /** Resolves when nobody waits any more. */
    finish: (): Promise<void> => running ?? Promise.resolve(),
  }
}
