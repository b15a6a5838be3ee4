import { isConflict, isInvalidChange } from '../../admin/change/refuse-change.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import { impossible, wrongUsage } from './problem.ts'

/**
 * Says a refused change in the words of a command: what is wrong by itself by the flag it was typed with, what is in the way by
 * its reason alone.
 * @param inFlags says one fault; the attribute stays its name where nothing else is known
 * @throws Problem, or the error where it is none of these
 */
export const namingFlags =
  (inFlags: (fault: Fault) => string) =>
  (error: unknown): never => {
    if (isInvalidChange(error)) throw wrongUsage(...error.faults.map(inFlags))
    if (isConflict(error)) throw impossible(...error.faults.map(({ reason }) => reason))
    throw error
  }

/** Names the flag of each attribute that has one. */
export const flagsOf =
  (flags: Readonly<Record<string, string>>) =>
  ({ attribute, reason }: Fault): string =>
    `${flags[attribute] ?? attribute}: ${reason}`
