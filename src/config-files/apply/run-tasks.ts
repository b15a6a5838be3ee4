import { isRefusedChange } from '../../admin/change/refuse-change.ts'
import type { Refused } from '../../domain/refusals/errors.ts'
import type { Unit } from '../schema/describe-instance.ts'
import type { ConfigurationFault } from '../schema/fault.ts'
import type { Task } from './tasks.ts'

interface RefusedTask {
  readonly task: Task
  readonly error: Refused
}

/**
 * Runs tasks in their order; what is refused is tried again after the others, for one may make room for another. Where all wait for
 * each other, each gives up what it will not keep.
 * @returns what stayed refused
 */
export async function runTasks(tasks: readonly Task[], unit: Unit): Promise<ConfigurationFault[]> {
  let waiting = tasks
  let stuck: { readonly refused: readonly RefusedTask[]; readonly gaveWay: ReadonlySet<Task> } | undefined
  for (;;) {
    const refused = await runOnce(waiting, unit)
    if (refused.length === 0) return []
    if (refused.length === waiting.length) {
      // Whoever gives way and is refused all the same keeps what another wants.
      const inVain = stuck && refused.some(({ task }) => stuck?.gaveWay.has(task))
      if (stuck) return (inVain ? stuck.refused : refused).flatMap(faultsOf)
      stuck = { refused, gaveWay: await giveWay(refused, unit) }
    }
    waiting = refused.map(({ task }) => task)
  }
}

async function giveWay(refused: readonly RefusedTask[], unit: Unit): Promise<ReadonlySet<Task>> {
  const gaveWay = new Set<Task>()
  for (const { task } of refused) if (await task.giveWay?.(unit)) gaveWay.add(task)
  return gaveWay
}

async function runOnce(tasks: readonly Task[], unit: Unit): Promise<RefusedTask[]> {
  const refused: RefusedTask[] = []
  for (const task of tasks) {
    try {
      await task.run(unit)
    } catch (error) {
      if (!isRefusedChange(error)) throw error
      refused.push({ task, error })
    }
  }
  return refused
}

const faultsOf = ({ task: { kind, id, placeOf }, error }: RefusedTask): ConfigurationFault[] =>
  error.faults.map(({ attribute, reason }) => ({
    ...placeOf(attribute),
    kind,
    id,
    // A setting has no attributes but itself.
    attribute: attribute === id ? undefined : attribute,
    reason,
  }))
