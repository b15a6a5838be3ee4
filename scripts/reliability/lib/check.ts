import type { PLAN } from '../plan.ts'
import type { Form, Run } from './run.ts'

export type CheckId = keyof typeof PLAN

type Parameters<Id extends CheckId> = (typeof PLAN)[Id]['quick']

/** A promise of docs/reliability.md, as something to try out. */
export interface Check {
  readonly id: CheckId
  /** What happens. */
  readonly what: string
  /** When it passes, in words. */
  readonly required: string
  /** Whether a busy machine alone can make it miss. */
  readonly timed: boolean
  /** Whether the quick form of everything leaves it out; named, it has one. */
  readonly nightly: boolean
  perform(run: Run, plan: typeof PLAN, form: Form): Promise<void>
}

interface Description<Id extends CheckId> {
  readonly id: Id
  readonly what: string
  readonly required: string
  readonly timed?: boolean
  readonly nightly?: boolean
  /** Notes figures on the run; throws Skip where it cannot be carried out. */
  readonly run: (run: Run, parameters: Parameters<Id>) => Promise<void>
}

export const defineCheck = <Id extends CheckId>({
  run,
  timed = false,
  nightly = false,
  ...rest
}: Description<Id>): Check => ({
  ...rest,
  timed,
  nightly,
  perform: (at, plan, form) => run(at, plan[rest.id][form] as Parameters<Id>),
})
